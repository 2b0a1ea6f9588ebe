"""Which segments are meant: scenes have numbers, their places in the sorted list of the training segments."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError
from core.files import explain

LIST_NAME = "waymo_train_list.txt"
"""File of segment names, one a line, that the download leaves beside the segments."""


@dataclass(frozen=True)
class Scene:
    """A numbered segment.

    Args:
        number: its place in the list.
        segment: the file's name without suffix.
    """

    number: int
    segment: str


def context_name(segment: str) -> str:
    """A segment's name as its frames state it, without what is put around it in file names."""
    return segment.removeprefix("segment-").removesuffix("_with_camera_labels")


def read_list(path: Path) -> list[str]:
    """Names of segments in a file, without suffix, in the order that gives them their numbers.

    Raises:
        UserError: the file cannot be read, is empty, or is not sorted.
    """
    names = [Path(line.strip()).name.removesuffix(".tfrecord") for line in _lines(path) if line.strip()]
    if not names or names != sorted(set(names)):
        raise UserError(f"{path} is no sorted list of segments, one a line; fetch it again")
    return names


def scenes_of_ids(numbers: Sequence[int], names: Sequence[str]) -> list[Scene]:
    """Scenes by their numbers.

    Raises:
        UserError: there is no such number.
    """
    wrong = [number for number in numbers if not 0 <= number < len(names)]
    if wrong:
        raise UserError(f"scene {wrong[0]} was asked for; the list has 0 to {len(names) - 1}")
    return [Scene(number, names[number]) for number in numbers]


def scenes_of_split(path: Path, names: Sequence[str]) -> list[Scene]:
    """Scenes of a split file: `scene_id, seg_name, start_timestep, end_timestep, scene_type` a line.

    Frames are for whoever trains on a scene, as `scripts/waymo.sh` does: an end of -1 is the segment's last.

    Raises:
        UserError: a line is of another form, or its segment is not the one of that number.
    """
    scenes = []
    for place, line in enumerate(_lines(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        words = [word.strip() for word in line.split(",")]
        try:
            number, first, last = int(words[0]), int(words[2]), int(words[3])
            short, _ = words[1], words[4]
        except (IndexError, ValueError) as error:
            raise UserError(
                f"{path}, line {place}: scene_id, seg_name, start, end, type were expected ({error})"
            ) from error
        if first < 0 or (last != -1 and last < first):
            raise UserError(f"{path}, line {place}: frames {first} to {last} are none; -1 is the last of all")
        (scene,) = scenes_of_ids([number], names)
        digits = context_name(scene.segment)
        if short.startswith("seg") and not digits.startswith(short[3:]):
            raise UserError(
                f"{path}, line {place}: scene {number} is {short}, but the list has {scene.segment} there; a "
                "list of all training segments was expected"
            )
        scenes.append(scene)
    if not scenes:
        raise UserError(f"{path} names no scene")
    return scenes


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise explain(error, path, "read") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text ({error})") from error
