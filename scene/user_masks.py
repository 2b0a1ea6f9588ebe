"""Masks that a user has for the frames of a video: matched with them, checked, and written beside them."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from core.errors import UserError
from core.folders import atomic_folder
from core.images import read_gray, write_png
from scene.frame_folders import is_image, natural_sort
from scene.frames import Frames

USER_MASKS = "user_masks"

_LOSSY = {".jpg", ".jpeg", ".webp"}
_HALF = 128


def mask_files(folder: Path) -> list[Path]:
    """The images in a folder of masks, sorted as people count.

    Raises:
        UserError: it is no folder.
    """
    if not folder.is_dir():
        raise UserError(f"--user-masks {folder} is no folder; one with a mask for each frame was expected")
    return natural_sort(file for file in folder.iterdir() if is_image(file))


def masks_of(folder: Path, source: Path) -> Path:
    """The folder of a source's masks: the one given or, if it has none, one in it with the source's name.

    Data sets keep all their masks in one folder, with a folder for each sequence.

    Args:
        folder: of masks, or of such folders.
        source: a video, or the folder of its frames.
    """
    inside = folder / (source.stem if source.is_file() else source.absolute().name)
    if not inside.is_dir() or any(is_image(file) for file in folder.iterdir()):
        return folder
    return inside


def match_masks(folder: Path, frames: Frames) -> list[Path]:
    """The mask of each frame; every one has been decoded once.

    Masks that are named as the source names its frames go by name. Otherwise there must be one for each frame
    of the source, or one for each chosen frame, and they go by their order.

    Raises:
        UserError: the folder is missing, a mask does not decode, or the masks differ from the frames in
            number or in size.
    """
    files = mask_files(folder)
    chosen = _by_name(files, frames) or _by_order(folder, files, frames)
    for file in chosen:
        rows, columns = read_gray(file).shape
        size = (columns, rows)
        if size not in (frames.own_size, (frames.facts.width, frames.facts.height)):
            width, height = frames.own_size
            raise UserError(
                f"{file} is {size[0]}x{size[1]} pixels and the frames are {width}x{height}; masks of the "
                "frames' size were expected"
            )
    return chosen


def write_masks(masks: Sequence[Path], frames: Frames, folder: Path) -> Path:
    """Write the masks at the size of the frames, white where something moves, named as the frames are.

    Args:
        masks: as `match_masks` gives them.
        frames: that they belong to.
        folder: that holds the frames.

    Returns:
        The folder of the masks.

    Raises:
        UserError: a mask does not decode, or a file cannot be written.
    """
    size = (frames.facts.width, frames.facts.height)
    with atomic_folder(folder / USER_MASKS) as written:
        for file, name in zip(masks, frames.facts.names, strict=True):
            # Labels may be any number but 0; lossy files have no exact numbers.
            moves = read_gray(file) >= (_HALF if file.suffix.lower() in _LOSSY else 1)
            mask = cv2.resize(moves.astype(np.uint8) * 255, size, interpolation=cv2.INTER_NEAREST)
            write_png(written / f"{Path(name).stem}.png", mask)
    return folder / USER_MASKS


def _by_name(files: Sequence[Path], frames: Frames) -> list[Path] | None:
    """The masks whose names are those of the frames; None unless every frame has one."""
    by_stem = {file.stem: file for file in files}
    stems = [Path(name).stem for name in frames.facts.original_names]
    return [by_stem[stem] for stem in stems] if set(stems) <= set(by_stem) else None


def _by_order(folder: Path, files: Sequence[Path], frames: Frames) -> list[Path]:
    if len(files) == frames.total:
        return [files[row] for row in frames.rows]
    if len(files) == len(frames):
        return list(files)
    chosen = "" if len(frames) == frames.total else f", of which {len(frames)} are used"
    raise UserError(
        f"{folder} holds {len(files)} masks and {frames.facts.source} has {frames.total} frames{chosen}; one "
        "mask for each frame was expected"
    )
