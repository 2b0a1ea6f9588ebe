"""Videos hold the frames that were written, in their colours."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from core.errors import UserError
from core.video import video_writer


def flat(width: int, height: int, color: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def decoded(path: Path) -> tuple[list[np.ndarray], av.VideoStream]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [
            frame.reformat(format="rgb24", src_colorspace=1).to_ndarray()
            for frame in container.decode(stream)
        ]
        return frames, stream


def test_frames_come_back_in_order_and_colour(tmp_path: Path) -> None:
    colors = [(250, 20, 20), (20, 200, 40), (30, 30, 220), (128, 128, 128), (240, 240, 10)]
    path = tmp_path / "ein Pfad mit ö" / "path.mp4"
    with video_writer(path, fps=24) as video:
        for color in colors:
            video.write(flat(64, 48, color))
    frames, stream = decoded(path)
    assert stream.codec_context.name == "h264"
    assert stream.codec_context.pix_fmt == "yuv420p"
    assert stream.average_rate == Fraction(24)
    assert len(frames) == len(colors)
    for frame, color in zip(frames, colors, strict=True):
        assert frame.shape == (48, 64, 3)
        assert np.abs(frame.mean((0, 1)) - color).max() < 4


def test_odd_sizes_lose_their_last_row_and_column(tmp_path: Path) -> None:
    with video_writer(tmp_path / "a.mp4") as video:
        video.write(flat(65, 49, (10, 20, 30)))
    frames, _ = decoded(tmp_path / "a.mp4")
    assert frames[0].shape == (48, 64, 3)


def test_nothing_is_left_of_a_video_that_fails(tmp_path: Path) -> None:
    with video_writer(tmp_path / "b.mp4") as video:
        video.write(flat(64, 48, (0, 0, 0)))
        with pytest.raises(ValueError, match="32x32 came into a video of 64x48"):
            video.write(flat(32, 32, (0, 0, 0)))
    (tmp_path / "b.mp4").unlink()
    with pytest.raises(ValueError, match="without a frame"), video_writer(tmp_path / "a.mp4"):
        pass
    with pytest.raises(UserError, match="2x2"), video_writer(tmp_path / "a.mp4") as video:
        video.write(flat(1, 48, (0, 0, 0)))
    with pytest.raises(UserError, match="--fps 0"), video_writer(tmp_path / "a.mp4", fps=0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"), video_writer(tmp_path / "file" / "a.mp4") as video:
        video.write(flat(64, 48, (0, 0, 0)))


def test_any_rate_that_a_film_has(tmp_path: Path) -> None:
    for fps, expected in (
        (29.97, Fraction(2997, 100)),
        (30000 / 1001, Fraction(30000, 1001)),
        (0.5, Fraction(1, 2)),
    ):
        with video_writer(tmp_path / "a.mp4", fps) as video:
            for _ in range(3):
                video.write(flat(64, 48, (9, 99, 199)))
        frames, stream = decoded(tmp_path / "a.mp4")
        assert len(frames) == 3
        assert stream.average_rate == expected
    with pytest.raises(UserError, match="--fps 2000"), video_writer(tmp_path / "b.mp4", fps=2000):
        pass
