"""Folders that hold the frames of a video as images, in the order of time."""

import re
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import ExifTags, Image

from core.errors import UserError
from core.images import IMAGE_SUFFIXES, read_image
from core.video_input import VIDEO_SUFFIXES, TimedFrame

FPS = 24.0
"""Frames per second of images that do not say: that of DAVIS, Sintel, and films."""

_INSIDE = ("JPEGImages", "images", "frames", "rgb")
_LISTED = 4
_THREADS = 8
# How the pixels of each EXIF orientation come upright: turns counter-clockwise, after mirroring or not.
_MIRRORED = {2: 0, 4: 2, 5: 1, 7: 3}
_TURNED = {1: 0, 3: 2, 6: 3, 8: 1}


class FrameFolder:
    """Images of one size, sorted as people count: frame9 before frame10.

    Args:
        path: the folder that holds the images themselves.

    Raises:
        UserError: an image is broken, or they differ in size.
    """

    fps = FPS
    damage: str | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = natural_sort(file for file in path.iterdir() if is_image(file))
        with ThreadPoolExecutor(_THREADS) as pool:
            headers = list(pool.map(_size_and_orientation, self.files))
        self.size = headers[0][0]
        """Width and height in pixels, upright."""
        self.orientations = [orientation for _, orientation in headers]
        """Of EXIF; 1 where the pixels are stored upright."""
        for file, (size, _) in zip(self.files, headers, strict=True):
            if size != self.size:
                raise UserError(
                    f"{file} is {size[0]}x{size[1]} pixels and {self.files[0].name} is "
                    f"{self.size[0]}x{self.size[1]}; frames of one size were expected"
                )

    def frames(
        self, long_side: int | None = None, rows: Collection[int] | None = None
    ) -> Iterator[TimedFrame]:
        """The frames in their order.

        Args:
            long_side: scale them so that the long side has this many pixels; their own size by default.
            rows: only these.

        Raises:
            UserError: an image does not decode.
        """
        for row, file in enumerate(self.files):
            if rows is None or row in rows:
                image = upright(read_image(file), self.orientations[row])
                yield TimedFrame(image if long_side is None else scaled(image, long_side), row / self.fps)


def find_frames(source: Path) -> FrameFolder | Path | None:
    """What a folder holds of a video: its frames, or a video file; None where there is neither.

    The frames may lie in the folder itself or in a sub-folder that data sets use, such as JPEGImages.

    Raises:
        UserError: it holds several videos, or as `FrameFolder`.
    """
    for folder in (source, *(source / name for name in _INSIDE)):
        if folder.is_dir() and any(is_image(file) for file in folder.iterdir()):
            return FrameFolder(folder)
    videos = natural_sort(file for file in source.iterdir() if file.suffix.lower() in VIDEO_SUFFIXES)
    if len(videos) > 1:
        names = ", ".join(file.name for file in videos[:_LISTED])
        raise UserError(f"{source} holds {len(videos)} videos ({names}); name one of them with -s")
    return videos[0] if videos else None


def is_image(path: Path) -> bool:
    """Whether a path is that of an image; files whose names begin with a dot are none."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def natural_sort(files: Collection[Path] | Iterator[Path]) -> list[Path]:
    """Paths sorted by name, numbers in the names by their value."""

    def key(path: Path) -> tuple[list[str | int], str]:
        # Text and numbers take turns, so that like is compared with like.
        parts = re.split(r"(\d+)", path.name)
        return [int(part) if part.isdecimal() else part.casefold() for part in parts], path.name

    return sorted(files, key=key)


def scaled(image: UInt8[ndarray, "H W 3"], long_side: int) -> UInt8[ndarray, "h w 3"]:
    """The image with a long side of that many pixels: Lanczos to shrink, bicubic to enlarge."""
    height, width = image.shape[:2]
    size = scaled_size(width, height, long_side)
    shrinks = max(size) < max(width, height)
    kind = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize(size, kind))


def scaled_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """(width, height) scaled so that the long side has that many pixels."""
    longest = max(width, height)
    return max(1, round(width * long_side / longest)), max(1, round(height * long_side / longest))


def upright(image: UInt8[ndarray, "H W 3"], orientation: int) -> UInt8[ndarray, "h w 3"]:
    """The image as a viewer shows one of that EXIF orientation, 1 to 8.

    Source: CIPA DC-008 (Exif 2.32), tag 0x0112.
    """
    if orientation in _MIRRORED:
        return np.ascontiguousarray(np.rot90(image[:, ::-1], _MIRRORED[orientation]))
    return np.ascontiguousarray(np.rot90(image, _TURNED.get(orientation, 0)))


def _size_and_orientation(path: Path) -> tuple[tuple[int, int], int]:
    """Width and height of an image as it is shown, and its EXIF orientation."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (OSError, SyntaxError):
        # Either the decoder knows the format, or it raises and says what is the matter with the file.
        height, width = read_image(path).shape[:2]
        orientation = 1
    return ((height, width) if orientation >= 5 else (width, height)), orientation
