"""Videos come back as they were filmed: in order, upright, in their colours, with their times."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from core.errors import UserError
from core.video import video_writer
from core.video_input import VideoInput

COLORS = [(250, 20, 20), (20, 200, 40), (30, 30, 220), (128, 128, 128), (240, 240, 10)]


def flat(width: int, height: int, color: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def corner(width: int = 96, height: int = 64) -> np.ndarray:
    """White in the corner at the top left, black elsewhere."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 4, : width // 4] = 255
    return image


def encode(
    path: Path,
    images: Sequence[np.ndarray],
    *,
    pixels: str = "yuv420p",
    matrix: int | None = None,
    tagged: bool = False,
    rotation: int = 0,
    times: Sequence[int] | None = None,
) -> Path:
    """A video as others write them; times are in thousandths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=25, options={"crf": "4", "bf": "0"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        if tagged:
            stream.codec_context.colorspace = matrix
        if rotation:
            stream.set_display_rotation(rotation)
        for row, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                format=pixels, dst_colorspace=matrix
            )
            frame.pts, frame.time_base = (40 * row if times is None else times[row]), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_our_own_videos_come_back(tmp_path: Path) -> None:
    path = tmp_path / "ein Pfad mit ö.mp4"
    with video_writer(path, fps=24) as video:
        for color in COLORS:
            video.write(flat(64, 48, color))
    found = VideoInput(path)
    frames = list(found.frames())
    assert found.fps == 24
    assert found.damage is None
    assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 5
    assert [frame.time_s for frame in frames] == pytest.approx([row / 24 for row in range(5)], abs=1e-3)
    for frame, color in zip(frames, COLORS, strict=True):
        assert np.abs(frame.image.mean((0, 1)) - color).max() < 4


@pytest.mark.parametrize(
    ("size", "matrix", "tagged"),
    [
        ((64, 48), 5, False),  # small and untagged: BT.601
        ((1280, 720), 1, False),  # high definition and untagged: BT.709
        ((64, 48), 1, True),
    ],
)
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
def test_colours_follow_the_matrix_of_the_file(
    tmp_path: Path, size: tuple[int, int], matrix: int, tagged: bool, pixels: str
) -> None:
    images = [flat(*size, color) for color in COLORS[:2]]
    path = encode(tmp_path / "a.mp4", images, pixels=pixels, matrix=matrix, tagged=tagged)
    for frame, color in zip(VideoInput(path).frames(), COLORS, strict=False):
        assert np.abs(frame.image.mean((0, 1)) - color).max() < 5


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_a_phone_s_video_is_upright(tmp_path: Path, rotation: int, turns: int) -> None:
    """As ffmpeg has it: the matrix turns counter-clockwise."""
    path = encode(tmp_path / "a.mp4", [corner()] * 2, rotation=rotation)
    expected = np.rot90(corner(), turns)
    for frame in VideoInput(path).frames():
        assert frame.image.shape == expected.shape
        assert np.abs(frame.image.astype(int) - expected).mean() < 4


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    times = [0, 33, 100, 104, 500]
    path = encode(tmp_path / "a.mp4", [flat(64, 48, color) for color in COLORS], times=times)
    found = [frame.time_s for frame in VideoInput(path).frames()]
    assert found == pytest.approx([time / 1000 for time in times], abs=1e-3)


def test_chosen_rows_and_thumbnails(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", [flat(96, 48, color) for color in COLORS])
    frames = list(VideoInput(path).frames(long_side=24, rows={1, 3}))
    assert [frame.image.shape for frame in frames] == [(12, 24, 3)] * 2
    for frame, color in zip(frames, (COLORS[1], COLORS[3]), strict=True):
        assert np.abs(frame.image.mean((0, 1)) - color).max() < 5
    assert frames[1].time_s == pytest.approx(0.12, abs=1e-3)


def test_what_is_before_the_damage_is_read(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    noise = [random.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(12)]
    whole = encode(tmp_path / "a.mkv", noise)
    content = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    frames = list(VideoInput(tmp_path / "cut.mkv").frames())
    assert 2 <= len(frames) < 12


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"film\.mp4 is empty; a video was expected"),
        (b"no video at all" * 99, r"film\.mp4 does not decode as a video"),
        (None, r"cannot read .*film\.mp4: it does not exist"),
    ],
)
def test_what_is_no_video_is_one_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "film.mp4").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        list(VideoInput(tmp_path / "film.mp4").frames())


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(UserError, match="has no picture in it"):
        VideoInput(path)
