#!/usr/bin/env python
"""Render a run, `render.py -m RUN`, or any Gaussians, `render.py --ply FILE --cameras FILE --out FOLDER`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core import cli
from core.errors import UserError
from scene.trajectories import PathName
from training.rendering import GaussiansFile, RenderOptions, render_file, render_path, render_run
from training.runs import open_run
from training.street_rendering import StreetRenderOptions, render_street
from training.street_runs import is_street, open_street


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
    of_street = command.model_path is not None and is_street(command.model_path)
    if command.street != StreetRenderOptions() and not of_street:
        raise UserError(
            "--ply-sequence, --shift-m, --without-track and --move-track need -m RUN of a driving log"
        )
    if command.model_path is None:
        folders = [render_file(command.file, command.options)]
    elif command.file != GaussiansFile():
        raise UserError("-m RUN and --ply, --cameras, --out exclude each other; give one or the others")
    elif of_street:
        street = open_street(command.model_path, command.iteration, command.source_path)
        folders = render_street(street, command.options, command.street, command.path)
    elif command.path is not None:
        run = open_run(command.model_path, command.iteration, command.source_path)
        folders = [render_path(run, command.path, command.options)]
    else:
        run = open_run(command.model_path, command.iteration, command.source_path)
        folders = render_run(run, command.options)
    print(*folders, sep="\n")


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(render, Render, args=args, prog="render.py")


if __name__ == "__main__":
    sys.exit(main())
