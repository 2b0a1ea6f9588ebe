#!/usr/bin/env python
"""Render a run, `render.py -m RUN`, or any Gaussians, `render.py --ply FILE --cameras FILE --out FOLDER`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core import cli
from core.errors import UserError
from scene.trajectories import PathName
from training.rendering import RenderOptions, render_captured, render_file, render_path
from training.runs import open_run


@dataclass(frozen=True)
class Render:
    """Render the captured views of a run or a path of new ones, or Gaussians from a file."""

    model_path: Annotated[Path | None, cli.flag("-m")] = None
    """Run folder."""
    iteration: int | None = None
    """Which saved Gaussians; the latest by default."""
    skip_train: bool = False
    """Leave out the views that trained."""
    skip_test: bool = False
    """Leave out the views that were held out."""
    path: PathName | None = None
    """A path of new cameras, as images and as a video, instead of the captured views."""
    ply: Path | None = None
    """Gaussians to render without a run, in the layout of 3DGS; needs --cameras and --out."""
    cameras: Path | None = None
    """A cameras.json as 3DGS writes it."""
    out: Path | None = None
    """Folder for the images."""
    options: RenderOptions = RenderOptions()
    """How it is drawn and written."""


def render(command: Render) -> None:
    """Run the command and name the folders written."""
    if command.ply and command.cameras and command.out and not command.model_path:
        print(render_file(command.ply, command.cameras, command.out, command.options))
    elif not command.model_path or command.ply or command.cameras or command.out:
        raise UserError("either -m RUN, or --ply FILE with --cameras FILE and --out FOLDER was expected")
    elif command.path:
        print(render_path(open_run(command.model_path, command.iteration), command.path, command.options))
    else:
        run = open_run(command.model_path, command.iteration)
        if not command.skip_train:
            print(render_captured(run, "train", command.options))
        if not command.skip_test:
            print(render_captured(run, "test", command.options))


if __name__ == "__main__":
    sys.exit(cli.run(render, Render, prog="render.py"))
