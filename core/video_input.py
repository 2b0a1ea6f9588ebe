"""Videos read frame by frame: upright, in sRGB of 8 bits, with the time of each frame."""

import math
from collections.abc import Collection, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.reformatter import Interpolation
from jaxtyping import UInt8
from numpy import ndarray

from core.errors import UserError
from core.files import explain

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".gif", ".wmv"})
"""File name endings, in lower case, of what is looked for as a video in a folder."""

_BT709 = 1  # matrix that players assume of high-definition video without a tag; ISO/IEC 23091-2
_UNSPECIFIED = 2
_HIGH_DEFINITION_PX = 720
_NO_VIDEO = {"tty"}  # how FFmpeg plays any text


class TimedFrame(NamedTuple):
    """One frame.

    Args:
        image: 8-bit sRGB, upright.
        time_s: when it is shown, in seconds.
    """

    image: UInt8[ndarray, "H W 3"]
    time_s: float


class VideoInput:
    """A video file.

    Args:
        path: of the file.

    Raises:
        UserError: the file is missing, empty or no video.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: str | None = None
        """Why the last reading ended before the file did, if it did."""
        with self._open() as container:
            if not container.streams.video:
                raise UserError(f"{path} has no picture in it; a video was expected")
            self.format = container.format.name
            """FFmpeg's name of the kind of file."""
            stream = container.streams.video[0]
            self.fps = float(stream.average_rate or stream.guessed_rate or 30)
            """Frames per second as the file states it; they need not be evenly spaced."""

    def frames(
        self, long_side: int | None = None, rows: Collection[int] | None = None
    ) -> Iterator[TimedFrame]:
        """The frames in the order in which they are shown.

        A file that is damaged at some place gives the frames before it, and `damage` says so.

        Args:
            long_side: scale them so that the long side has this many pixels; their own size by default.
            rows: only these, counted from 0; the file is read no further than the last of them.

        Raises:
            UserError: not even the first frame decodes.
        """
        self.damage = None
        count = 0
        with self._open() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            try:
                for frame in container.decode(stream):
                    if rows is None or count in rows:
                        time_s = count / self.fps if frame.time is None else frame.time
                        yield TimedFrame(_upright_rgb(frame, stream.sample_aspect_ratio, long_side), time_s)
                    count += 1
                    if rows is not None and count > max(rows, default=0):
                        break
            except FFmpegError as error:
                if not count:
                    raise self._undecodable(error) from error
                self.damage = f"{self.path} is damaged after frame {count} ({error.strerror})"
        if not count:
            raise UserError(f"{self.path} has no frame in it; a video of at least 2 frames was expected")

    def _open(self) -> InputContainer:
        try:
            if not self.path.stat().st_size:
                raise UserError(f"{self.path} is empty; a video was expected")
            return av.open(str(self.path), metadata_errors="replace")
        except FFmpegError as error:  # some are an OSError as well
            raise self._undecodable(error) from error
        except OSError as error:
            raise explain(error, self.path, "read") from error

    def _undecodable(self, error: FFmpegError) -> UserError:
        return UserError(
            f"{self.path} does not decode as a video ({error.strerror}); restore the file, or convert it to "
            "H.264 in an .mp4"
        )


def is_video(path: Path) -> bool:
    """Whether a file opens as a video, whatever its name ends in."""
    try:
        return VideoInput(path).format not in _NO_VIDEO
    except UserError:
        return False


def _upright_rgb(
    frame: av.VideoFrame, aspect: Fraction | None, long_side: int | None
) -> UInt8[ndarray, "H W 3"]:
    """The pixels as a player shows them: square, turned as the file says, with the file's colour matrix."""
    width, height = round(frame.width * (aspect or 1)), frame.height
    if long_side is not None:
        factor = long_side / max(width, height)
        width, height = max(1, round(width * factor)), max(1, round(height * factor))
    untagged = frame.colorspace == _UNSPECIFIED and min(frame.width, frame.height) >= _HIGH_DEFINITION_PX
    rgb = frame.reformat(
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=_BT709 if untagged else None,
        interpolation=Interpolation.AREA if long_side is not None else Interpolation.BICUBIC,
    )
    # A rotation counts counter-clockwise, as numpy does.
    return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), math.floor(frame.rotation / 90 + 0.5)))
