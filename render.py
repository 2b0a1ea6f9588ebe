#!/usr/bin/env python
"""Render a run, `render.py -m RUN`, or any Gaussians, `render.py --ply FILE --cameras FILE --out FOLDER`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core import cli
from scene.trajectories import PathName
from training.render_any import render_any
from training.rendering import GaussiansFile, RenderOptions
from training.street_rendering import StreetRenderOptions


@dataclass(frozen=True)
class Render:
    """Render the captured views of a run or a path of new ones, or Gaussians from a file."""

    model_path: Annotated[Path | None, cli.flag("-m")] = None
    """Run folder."""
    source_path: Annotated[Path | None, cli.flag("-s")] = None
    """Where the capture of the run is now, if it has been moved."""
    iteration: Annotated[int | None, cli.flag("--iter")] = None
    """Which saved Gaussians; the latest by default."""
    path: PathName | None = None
    """A path of new cameras, as images and as a video, instead of the captured views."""
    file: GaussiansFile = GaussiansFile()
    """Instead of a run."""
    options: RenderOptions = RenderOptions()
    """How it is drawn and written."""
    street: StreetRenderOptions = StreetRenderOptions()
    """Of runs on driving logs."""


def render(command: Render) -> None:
    """Run the command and name the folders written."""
    folders = render_any(
        command.model_path,
        command.file,
        command.options,
        command.street,
        iteration=command.iteration,
        source=command.source_path,
        path=command.path,
    )
    print(*folders, sep="\n")


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(render, Render, args=args, prog="render.py")


if __name__ == "__main__":
    sys.exit(main())
