"""`python -m scene.occupancy.look PATH... -o FOLDER`: a video of each scene, and a sheet of all of them."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from core import cli
from core.files import make_folder
from core.images import write_png
from core.progress import Progress
from scene.occupancy.boards import board, contact_sheet, write_video
from scene.occupancy.sequence import Occupancy
from scene.occupancy.stored import StoredScene, find_scenes


@dataclass(frozen=True)
class LookCommand:
    """Draw scenes of occupancy: NAME.mp4 and NAME.png of each, and contact_sheet.png of all."""

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Archives (.npz), folders of them, or folders of raw volumes (0.npy, 1.npy, ...)."""
    output: Annotated[Path, cli.flag("-o")]
    """The folder for the pictures."""
    classes: str | None = None
    """What the bytes of raw volumes mean: carlasc, occ3d-nuscenes or occ3d-waymo; else their size says."""
    fps: float | None = None
    """Frames per second of the videos; as recorded by default."""
    columns: int = 4
    """Scenes in a row of the sheet."""
    videos: bool = True
    """--no-videos: only the pictures."""


def look(command: LookCommand) -> None:
    """Draw the scenes.

    Raises:
        UserError: a scene cannot be read, or a file cannot be written.
    """
    scenes = find_scenes(command.paths, command.classes)
    make_folder(command.output)
    with Progress(len(scenes), label="scenes") as progress:

        def each_drawn() -> Iterator[tuple[str, Occupancy]]:
            for scene, name in zip(scenes, distinct_names(scenes), strict=True):
                occupancy = scene.read()
                picture = board(occupancy, len(occupancy) // 2, name)
                write_png(command.output / f"{name}.png", picture)
                if command.videos:
                    write_video(command.output / f"{name}.mp4", occupancy, name, command.fps)
                yield name, occupancy
                progress.advance()

        write_png(command.output / "contact_sheet.png", contact_sheet(each_drawn(), max(1, command.columns)))


def distinct_names(scenes: Sequence[StoredScene]) -> list[str]:
    """Names of scenes as names of files: those that come again have numbers behind."""
    taken: set[str] = {"contact_sheet"}
    names = []
    for scene in scenes:
        name, number = scene.name, 1
        while name in taken:
            number += 1
            name = f"{scene.name}-{number}"
        taken.add(name)
        names.append(name)
    return names


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(look, LookCommand, args=args, prog="python -m scene.occupancy.look")


if __name__ == "__main__":
    sys.exit(main())
