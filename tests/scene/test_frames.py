"""Which frames of a video are looked at, what is refused, and what is written."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import UserError
from core.images import encode, read_image, write_png
from core.video import video_writer
from scene.frames import FrameOptions, holds_frames, open_frames, write_frames
from scene.stored_frames import StoredFrames, read_facts
from tests.scene.datasets.sources import write_image
from tests.scene.test_shots import pan

PLAIN = FrameOptions(max_frames=0)


def folder_of(path: Path, images: list[np.ndarray], suffix: str = ".png") -> Path:
    path.mkdir(parents=True)
    for row, image in enumerate(images):
        (path / f"{row:05d}{suffix}").write_bytes(encode(image, suffix))
    return path


def video_of(path: Path, images: list[np.ndarray], fps: float = 10) -> Path:
    with video_writer(path, fps, quality=4) as video:
        for image in images:
            video.write(image)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """24 frames of one shot."""
    return folder_of(tmp_path / "walk", pan(1, 24))


def test_all_frames_of_a_folder(folder: Path, tmp_path: Path) -> None:
    frames = open_frames(folder, PLAIN)
    assert len(frames) == frames.total == 24
    assert frames.facts.names == frames.facts.original_names == tuple(f"{row:05d}.png" for row in range(24))
    assert (frames.facts.width, frames.facts.height, frames.facts.fps) == (96, 54, pytest.approx(24))
    assert (frames.facts.shot, frames.facts.shots) == (1, 1)
    assert frames.notes == ()
    write_frames(frames, tmp_path / "out ä")
    for file in folder.iterdir():
        assert (tmp_path / "out ä" / "images" / file.name).read_bytes() == file.read_bytes()
    assert frames.bytes_expected == sum(file.stat().st_size for file in folder.iterdir())


def test_what_is_written_comes_back(folder: Path, tmp_path: Path) -> None:
    frames = open_frames(folder, FrameOptions(frame_long_side=48, frame_stride=5))
    write_frames(frames, tmp_path / "out")
    facts = read_facts(tmp_path / "out")
    assert facts == frames.facts
    stored = StoredFrames(tmp_path / "out" / "images", frames.facts.names)
    assert len(stored) == len(frames) == 5
    for image, expected in zip(stored, frames, strict=True):
        assert np.array_equal(image.numpy(), expected)
        assert image.shape == (27, 48, 3)
    assert [path.name for path in stored[1:3].paths] == ["00005.png", "00010.png"]
    assert len(stored[5:]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"images", "frames.json"}
    assert read_facts(tmp_path) is None


def test_a_video_and_its_times(tmp_path: Path) -> None:
    images = pan(1, 12)
    frames = open_frames(video_of(tmp_path / "film.mp4", images, fps=12.5), FrameOptions(frame_stride=2))
    assert frames.facts.names == tuple(f"frame_{row:04d}.png" for row in range(6))
    assert frames.facts.original_names == ("0", "2", "4", "6", "8", "10")
    assert frames.facts.times_s == pytest.approx([0.16 * row for row in range(6)], abs=1e-3)
    assert frames.facts.fps == pytest.approx(6.25, rel=1e-2)
    assert frames.facts.source == str(tmp_path / "film.mp4")
    for row, image in enumerate(frames):
        differences = [np.abs(image.astype(int) - other).mean() for other in images]
        assert np.argmin(differences) == 2 * row


def test_names_that_are_not_in_the_order_of_time_are_numbered(tmp_path: Path) -> None:
    for row, image in enumerate(pan(1, 11)):
        write_png(tmp_path / f"f{row}.png", image)
    facts = open_frames(tmp_path, PLAIN).facts
    assert facts.original_names == tuple(f"f{row}.png" for row in range(11))
    assert facts.names == tuple(f"frame_{row:04d}.png" for row in range(11))


def test_formats_that_not_every_tool_reads_become_png(tmp_path: Path) -> None:
    frames = open_frames(folder_of(tmp_path / "walk", pan(1, 3), suffix=".webp"), PLAIN)
    assert frames.facts.names == ("00000.png", "00001.png", "00002.png")
    assert frames.copied_files is None


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ({"frame_stride": 7}, (0, 7, 14, 21)),
        ({"first_frames": 3}, (0, 1, 2)),
        ({"max_frames": 10}, (0, 3, 6, 9, 12, 15, 18, 21)),
        ({"first_frames": 20, "frame_stride": 2, "max_frames": 4}, (0, 6, 12, 18)),
        ({"max_frames": 24}, tuple(range(24))),
    ],
)
def test_which_frames(folder: Path, change: dict[str, int], rows: tuple[int, ...]) -> None:
    frames = open_frames(folder, replace(PLAIN, **change))
    assert frames.rows == rows
    assert any("--max-frames" in note for note in frames.notes) == (change.get("max_frames") in (10, 4))


def test_large_frames_are_capped(tmp_path: Path) -> None:
    images = [np.repeat(np.repeat(image, 20, 0), 20, 1) for image in pan(1, 2)]
    frames = open_frames(folder_of(tmp_path / "large", images), PLAIN)
    assert (frames.facts.width, frames.facts.height) == (1600, 900)
    assert frames.own_size == (1920, 1080)
    assert "scaled to 1600x900" in frames.notes[0]


def test_shots_are_told_and_can_be_chosen(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "cuts", pan(3, 4) + pan(40, 9) + pan(80, 6))
    frames = open_frames(folder, PLAIN)
    assert (frames.rows, frames.facts.shot, frames.facts.shots) == (tuple(range(4, 13)), 2, 3)
    assert (
        "3 shots (1: frames 1-4, 2: frames 5-13, 3: frames 14-19); shot 2 is used, the longest"
        in (frames.notes[0])
    )
    assert open_frames(folder, replace(PLAIN, shot=3)).rows == tuple(range(13, 19))
    with pytest.raises(UserError, match=r"--shot 4: .* has 3 \(1: frames 1-4"):
        open_frames(folder, replace(PLAIN, shot=4))
    with pytest.raises(UserError, match="--shot 0"):
        open_frames(folder, replace(PLAIN, shot=0))


def test_a_slide_show_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "slides", [pan(20 * row, 1)[0] for row in range(5)])
    with pytest.raises(UserError, match=r"shot 1 of .*slides is a single frame"):
        open_frames(folder, PLAIN)


@pytest.mark.parametrize("as_video", [False, True])
def test_a_still_video_is_refused(tmp_path: Path, as_video: bool) -> None:
    images = [pan(1, 1)[0]] * 6
    source = video_of(tmp_path / "still.mp4", images) if as_video else folder_of(tmp_path / "still", images)
    with pytest.raises(UserError, match=r"the 6 frames of .*still.* are all the same picture"):
        open_frames(source, PLAIN)


def test_noise_and_a_codec_do_not_make_a_still_picture_move(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    still = cv2.resize(pan(1, 1)[0], None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    images = [(still + random.normal(0, 3, still.shape)).clip(0, 255).astype(np.uint8) for _ in range(6)]
    with pytest.raises(UserError, match="are all the same picture"):
        open_frames(video_of(tmp_path / "still.mp4", images), PLAIN)
    moved = [np.roll(image, row, axis=1) for row, image in enumerate(images[:2])]
    assert len(open_frames(video_of(tmp_path / "moved.mp4", moved), PLAIN)) == 2


def test_a_small_thing_that_moves_before_a_camera_at_rest_is_a_video(tmp_path: Path) -> None:
    still = np.repeat(np.repeat(pan(1, 1)[0], 4, 0), 4, 1)
    images = []
    for row in range(5):
        images.append(still.copy())
        images[-1][100:110, 50 + 20 * row : 60 + 20 * row] = 255
    assert len(open_frames(folder_of(tmp_path / "rest", images), PLAIN)) == 5


def test_what_is_no_video_is_one_sentence(tmp_path: Path) -> None:
    write_image(tmp_path / "one" / "a.png", 32, 24)
    (tmp_path / "none").mkdir()
    (tmp_path / "empty.mp4").touch()
    for source, sentence in (
        (tmp_path / "absent.mp4", "absent.mp4 does not exist; a video"),
        (tmp_path / "one", "one has one frame; a video of at least 2 frames was expected"),
        (tmp_path / "one" / "a.png", "a.png is one image"),
        (tmp_path / "none", "none holds neither images nor a video"),
        (tmp_path / "empty.mp4", "empty.mp4 is empty"),
        (video_of(tmp_path / "short.mp4", pan(1, 1)), "short.mp4 has one frame"),
    ):
        with pytest.raises(UserError, match=sentence):
            open_frames(source, PLAIN)


def test_too_few_chosen_frames_are_told_with_the_flags(folder: Path) -> None:
    with pytest.raises(UserError, match=r"--first-frames 1, --frame-stride 1 .* leave 1 of 24 frames"):
        open_frames(folder, replace(PLAIN, first_frames=1))


@pytest.mark.parametrize("change", [{"frame_stride": 0}, {"max_frames": -1}, {"frame_long_side": -5}])
def test_numbers_out_of_range(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))}: a number from"):
        FrameOptions(**change)


def test_what_holds_frames(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    (tmp_path / "thesis.tex").touch()
    (tmp_path / "none").mkdir()
    found = {path.name for path in tmp_path.iterdir() if holds_frames(path)}
    assert found == {"walk", "film.mp4"}
    assert not holds_frames(tmp_path / "absent")
    assert read_image(folder / "00000.png").shape == (54, 96, 3)


def test_a_failed_write_leaves_no_frames(folder: Path, tmp_path: Path) -> None:
    frames = open_frames(folder, replace(PLAIN, frame_long_side=48))
    (folder / "00007.png").write_bytes(b"broken since")
    with pytest.raises(UserError, match=r"00007\.png does not decode"):
        write_frames(frames, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == []


@pytest.mark.data
@pytest.mark.parametrize(("name", "count"), [("davis_dog", 60), ("davis_lady-running", 65)])
def test_real_folders(captures: Path, name: str, count: int) -> None:
    if not (captures / name).is_dir():
        pytest.skip(f"{captures} has no {name}")
    frames = open_frames(captures / name, FrameOptions())
    assert len(frames) == count
    assert (frames.facts.width, frames.facts.height, frames.facts.shots) == (854, 480, 1)
