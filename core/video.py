"""MP4 videos written frame by frame, so that no more than one frame is held."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from jaxtyping import UInt8
from numpy import ndarray

from core.errors import UserError
from core.files import atomic_write

_BT709 = 1  # matrix, primaries and transfer that players assume of video without a tag; ISO/IEC 23091-2
_MOST_FPS = 1000
_CLOCK = 1001  # 29.97 frames per second are 30000/1001


@contextmanager
def video_writer(path: Path, fps: float | int = 30, quality: int = 18) -> Iterator["VideoWriter"]:
    """An H.264 file (yuv420p, plays everywhere) that appears under its name when the block ends well.

    Args:
        path: where the video goes; an `.mp4`.
        fps: frames per second, at most 1000; need not be whole.
        quality: x264's constant rate factor: 0 is lossless, 18 looks lossless, 51 is worst.

    Raises:
        UserError: the file cannot be written, or `fps` is out of range.
    """
    if not 0 < fps <= _MOST_FPS:
        raise UserError(
            f"--fps {fps:g}: frames per second, more than 0 and at most {_MOST_FPS}, were expected"
        )
    options = {"movflags": "faststart"}
    with (
        atomic_write(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options=options) as container,
    ):
        video = VideoWriter(container, fps, quality)
        yield video
        video.finish()


class VideoWriter:
    """Takes the frames of one video; made by `video_writer`."""

    def __init__(self, container: OutputContainer, fps: float | int, quality: int) -> None:
        self._container = container
        self._stream = container.add_stream(
            "h264", rate=Fraction(fps).limit_denominator(_CLOCK), options={"crf": str(quality)}
        )
        self._size: tuple[int, int] | None = None

    def write(self, frame: UInt8[ndarray, "H W 3"]) -> None:
        """Append a frame. An odd last row or column is left out: colour is stored for 2x2 pixels.

        Raises:
            UserError: the frame is smaller than 2x2.
            ValueError: the frame's size is not that of the first one.
        """
        height, width = frame.shape[:2]
        if self._size is None:
            self._begin(width, height)
        elif (width, height) != self._size:
            raise ValueError(
                f"a frame of {width}x{height} came into a video of {self._size[0]}x{self._size[1]}"
            )
        even = np.ascontiguousarray(frame[: height // 2 * 2, : width // 2 * 2])
        picture = av.VideoFrame.from_ndarray(even, format="rgb24")
        self._container.mux(self._stream.encode(picture.reformat(format="yuv420p", dst_colorspace=_BT709)))

    def finish(self) -> None:
        """Write the frames that the encoder still holds.

        Raises:
            ValueError: there was no frame.
        """
        if self._size is None:
            raise ValueError("a video without a frame was asked for")
        self._container.mux(self._stream.encode())

    def _begin(self, width: int, height: int) -> None:
        if min(width, height) < 2:
            raise UserError(f"a video of {width}x{height} pixels is not possible; 2x2 is the least")
        self._stream.width, self._stream.height = width // 2 * 2, height // 2 * 2
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        self._size = (width, height)
