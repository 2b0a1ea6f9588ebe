"""`python -m viewer -m PATH`: scenes of occupancy in a browser."""

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core import cli
from scene.occupancy.stored import find_scenes
from viewer.page import run_page
from viewer.serving import page_server


@dataclass(frozen=True)
class ViewerCommand:
    """Look at scenes of occupancy in a browser: over time, class by class, from anywhere."""

    path: Annotated[Path, cli.flag("-m", "--model-path")]
    """An archive (.npz), a folder of them, or a folder of raw volumes (0.npy, 1.npy, ...)."""
    host: str = "127.0.0.1"
    """The address to listen at; 0.0.0.0 lets other computers in."""
    port: int = 8080
    """Of the page; the next free one is taken where it is in use."""
    classes: str | None = None
    """What the bytes of raw volumes mean: carlasc, occ3d-nuscenes or occ3d-waymo; else their size says."""


def view(command: ViewerCommand) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        UserError: there are no scenes, or the server cannot start.
    """
    scenes = find_scenes([command.path], command.classes)
    with page_server(command.host, command.port, "Splatworks") as server:
        run_page(server, scenes, threading.Event())


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(view, ViewerCommand, args=args, prog="python -m viewer")


if __name__ == "__main__":
    sys.exit(main())
