"""Sequences of equal length, cut from the files of a folder, so that sets of them can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core.errors import UserError
from evaluation.feature_network import tensor_fingerprint
from scene.datasets.carlasc import is_carlasc, open_carlasc
from scene.occupancy.driving import Command
from scene.occupancy.files import read_facts
from scene.occupancy.sequence import Occupancy, same_pace
from scene.occupancy.stored import find_scenes
from scene.occupancy.windows import Windows

ItemT = TypeVar("ItemT")


@dataclass(frozen=True)
class Window:
    """Some consecutive frames of a file.

    Args:
        name: of the file, and of the first frame's place in it.
        occupancy: the frames.
        command: what the vehicle was told to do, as the file's facts say; None where they do not.
    """

    name: str
    occupancy: Occupancy
    command: Command | None


def read_windows(folder: Path, most: int) -> list[Window]:
    """Every file of a folder as one window; evenly chosen ones where there are more than `most`.

    Args:
        folder: with archives of occupancy, or folders of raw volumes.
        most: files that are read.

    Raises:
        UserError: there are none, or one is broken.
    """
    scenes = evenly(find_scenes([folder]), most)
    return [
        Window(each.name, each.read(), _command(each.path) if each.path.is_file() else None)
        for each in scenes
    ]


def read_reference(folder: Path, frames: int, most: int, skip: int = 0) -> list[Window]:
    """Recorded sequences of one length, which do not overlap: of the training scenes of CarlaSC, or of files.

    Args:
        folder: CarlaSC's, or one as for `read_windows`.
        frames: of each.
        most: sequences, evenly chosen.
        skip: frames left out between two of CarlaSC's; those of files are taken as they are.

    Raises:
        UserError: there are none, or one is broken.
    """
    if not is_carlasc(folder):
        return cut(read_windows(folder, most), frames, most)
    windows = Windows(open_carlasc(folder).train, frames, skip=skip, stride=frames * (skip + 1))
    places = evenly(range(len(windows)), most)
    return [
        Window(f"{scene.name}:{first}", windows[i], None)
        for i, (scene, first) in ((i, windows.place(i)) for i in places)
    ]


def cut(windows: Sequence[Window], frames: int, most: int) -> list[Window]:
    """Windows of one length, one after another without overlap; shorter ones are left out.

    They do not overlap because a window beside its neighbour would pass for its copy.
    """
    parts = [
        Window(f"{each.name}:{start}", each.occupancy.frames(slice(start, start + frames)), each.command)
        for each in windows
        for start in range(0, len(each.occupancy) - frames + 1, frames)
    ]
    return evenly(parts, most)


def evenly(items: Sequence[ItemT], most: int) -> list[ItemT]:
    """At most so many, spread over the whole list."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]


def shortest(windows: Sequence[Window]) -> int:
    """Frames of the shortest."""
    return min(len(each.occupancy) for each in windows)


def fingerprint(windows: Sequence[Window]) -> str:
    """Twelve letters that say which voxels these are."""
    return tensor_fingerprint([each.occupancy.classes for each in windows])


def check_alike(windows: Sequence[Window]) -> None:
    """All windows must have the same classes, grid and time between frames.

    Raises:
        UserError: one differs; says how.
    """
    first = windows[0]
    for each in windows:
        for what, one, other in (
            ("classes", first.occupancy.class_set.name, each.occupancy.class_set.name),
            ("voxels", first.occupancy.grid.size, each.occupancy.grid.size),
            ("voxel edges in m", first.occupancy.grid.voxel_m, each.occupancy.grid.voxel_m),
        ):
            if one != other:
                raise UserError(f"{first.name} has {what} {one}, {each.name} has {other}; only like compares")
        seconds, others = first.occupancy.seconds_per_frame, each.occupancy.seconds_per_frame
        if not same_pace(seconds, others):
            raise UserError(
                f"{first.name} has a frame each {seconds} s, {each.name} each {others} s; only like compares"
            )


def _command(path: Path) -> Command | None:
    """The command that the facts of a file name, by its name or by its number."""
    said = read_facts(path).get("command")
    if isinstance(said, int) and not isinstance(said, bool):
        return next((each for each in Command if each == said), None)
    return next((each for each in Command if isinstance(said, str) and said.upper() == each.name), None)
