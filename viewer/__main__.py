"""`python -m viewer -m PATH [PATH ...]`: trained runs, or scenes of occupancy, in a browser."""

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core import cli
from core.errors import UserError
from scene.occupancy.stored import find_scenes
from viewer.occupancy.page import run_page
from viewer.page import Page
from viewer.serving import page_server
from viewer.subjects.opening import is_run, open_subject, titles


@dataclass(frozen=True)
class ViewerCommand:
    """Look at trained runs in a browser, from anywhere; or at scenes of occupancy, over time."""

    paths: Annotated[tuple[Path, ...], cli.flag("-m", "--model-path")]
    """Run folders of the methods static, dynamic and street, one or more; or scenes of occupancy: an archive
    (.npz), a folder of them, or a folder of raw volumes (0.npy, 1.npy, ...)."""
    source_path: Annotated[Path | None, cli.flag("-s")] = None
    """Where the capture of a run is now, if it has been moved."""
    host: str = "127.0.0.1"
    """The address to listen at; 0.0.0.0 lets other computers in."""
    port: int = 8080
    """Of the page; the next free one is taken where it is in use."""
    classes: str | None = None
    """What the bytes of raw volumes mean: carlasc, occ3d-nuscenes or occ3d-waymo; else their size says."""


def view(command: ViewerCommand) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        UserError: there is nothing to be seen, or the server cannot start.
    """
    are_runs = [is_run(path) for path in command.paths]
    if not command.paths:
        raise UserError("-m: a run folder, or scenes of occupancy, were expected")
    if any(are_runs) and not all(are_runs):
        other = command.paths[are_runs.index(False)]
        raise UserError(f"{other} is no run folder, as the others are; give runs, or scenes of occupancy")
    if any(are_runs):
        _view_runs(command)
        return
    scenes = find_scenes(list(command.paths), command.classes)
    with page_server(command.host, command.port, "Splatworks") as server:
        run_page(server, scenes, threading.Event())


def _view_runs(command: ViewerCommand) -> None:
    names = titles(command.paths)
    subjects = [
        open_subject(path, name, command.source_path) for path, name in zip(command.paths, names, strict=True)
    ]
    with page_server(command.host, command.port, "Splatworks") as server:
        page = Page(server, subjects)
        try:
            threading.Event().wait()
        finally:
            page.close()


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(view, ViewerCommand, args=args, prog="python -m viewer")


if __name__ == "__main__":
    sys.exit(main())
