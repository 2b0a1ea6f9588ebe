"""Which folder the images are in, which file is meant, and the size at which it is used."""

import os
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from core.errors import UserError
from core.images import IMAGE_SUFFIXES
from scene.datasets.options import CaptureOptions

WIDTH_CAP_PX = 1600
DIVISORS = (1, 2, 4, 8)
"""Values of `resolution` that divide a size; others are widths in pixels."""


def find_image_folder(source: Path, name: str) -> Path:
    """The folder `name` in `source`.

    Raises:
        UserError: it does not exist; the sentence lists the folders of images that do.
    """
    folder = source / name
    if folder.is_dir():
        return folder
    others = [other.name for other in sorted(source.iterdir()) if other.is_dir() and holds_images(other)]
    if not others and not holds_images(source):
        raise UserError(f"{source} has no folder {name}, and no other folder of images either")
    others = others or ["."]
    hint = " or ".join(f"-i {other}" for other in others)
    raise UserError(
        f"{source} has no folder {name}; its folders of images are {', '.join(others)}: use {hint}"
    )


def holds_images(folder: Path) -> bool:
    """Whether an image lies directly in a folder."""
    return any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())


class ImageFinder:
    """Finds the file of an image; one with another extension will do, as scaled copies often have it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str) -> Path:
        """The file of the image called `name`, or the path where it was expected when there is none."""
        path = self._folder / name
        return path if path.is_file() else self._files_by_stem.get(_stem(name), path)

    @cached_property
    def _files_by_stem(self) -> dict[str, Path]:
        files: dict[str, Path] = {}
        for place, _, names in sorted(os.walk(self._folder)):
            for name in sorted(names):
                path = Path(place) / name
                if path.suffix.lower() in IMAGE_SUFFIXES:
                    files.setdefault(_stem(path.relative_to(self._folder).as_posix()), path)
        return files


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def check_resolution(options: CaptureOptions) -> None:
    """Refuse sizes that mean nothing.

    Raises:
        UserError: `resolution` or `extra_downscale` is out of range.
    """
    if options.resolution == 0 or options.resolution < -1:
        raise UserError(
            f"-r {options.resolution} was given; 1, 2, 4, 8, -1 (width at most {WIDTH_CAP_PX} px) or a "
            "width in pixels was expected"
        )
    if options.extra_downscale < 1:
        raise UserError(f"--extra-downscale {options.extra_downscale} was given; 1 or more was expected")


def target_size(width: int, height: int, options: CaptureOptions) -> tuple[int, int]:
    """Width and height at which an image of the given size is used; never larger than it is.

    Args:
        width: of the image file, after undistortion.
        height: likewise.
        options: with the folder that the image comes from.
    """
    resolution = options.resolution
    if resolution == -1:
        divisor = max(1.0, width / WIDTH_CAP_PX)
    elif resolution in DIVISORS:
        divisor = 1.0 if folder_divisor(options.images) == resolution else float(resolution)
    else:
        divisor = max(1.0, width / resolution)
    divisor *= options.extra_downscale
    return max(1, round(width / divisor)), max(1, round(height / divisor))


def resolution_note(options: CaptureOptions, widths: Iterable[int]) -> str | None:
    """What the resolution does to images of these widths that a user may not expect."""
    if options.resolution == -1 and any(width > WIDTH_CAP_PX for width in widths):
        return f"images are scaled to a width of {WIDTH_CAP_PX} px; -r 1 keeps their size"
    if options.resolution > 1 and folder_divisor(options.images) == options.resolution:
        return f"{options.images} are taken as they are: -r {options.resolution} is their own scale"
    return None


def folder_divisor(folder: str) -> int | None:
    """The N of a folder `images_N`, whose images are already N times smaller."""
    match = re.search(r"_(\d+)$", PurePosixPath(folder).name)
    return int(match.group(1)) if match else None
