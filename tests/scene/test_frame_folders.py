"""Frames in a folder: found, sorted as people count, upright."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from core.errors import UserError
from scene.frame_folders import FrameFolder, find_frames, natural_sort, scaled, scaled_size, upright
from tests.scene.datasets.sources import write_image


@given(st.lists(st.integers(0, 10_000), unique=True), st.randoms(use_true_random=False))
def test_numbers_are_sorted_by_value(numbers: list[int], random: object) -> None:
    paths = [Path(f"Frame{number}_of_9.png") for number in numbers]
    shuffled = list(paths)
    random.shuffle(shuffled)  # pyright: ignore[reportAttributeAccessIssue]
    assert natural_sort(shuffled) == [Path(f"Frame{number}_of_9.png") for number in sorted(numbers)]


@given(st.lists(st.text("a1B2_.", min_size=1, max_size=6), unique=True))
def test_any_names_have_one_order(names: list[str]) -> None:
    paths = [Path(name) for name in names]
    assert natural_sort(paths) == natural_sort(paths[::-1])


@pytest.mark.parametrize("inside", [".", "JPEGImages", "images", "frames"])
def test_frames_are_found_where_data_sets_keep_them(tmp_path: Path, inside: str) -> None:
    for number in (2, 10, 1):
        write_image(tmp_path / inside / f"{number}.png", 32, 24, seed=number)
    (tmp_path / "Annotations").mkdir()
    write_image(tmp_path / "Annotations" / "1.png", 8, 8)
    (tmp_path / inside / ".hidden.png").write_bytes(b"")
    (tmp_path / inside / "notes.txt").touch()
    found = find_frames(tmp_path)
    assert isinstance(found, FrameFolder)
    assert [file.name for file in found.files] == ["1.png", "2.png", "10.png"]
    assert found.size == (32, 24)


def test_a_video_in_a_folder(tmp_path: Path) -> None:
    assert find_frames(tmp_path) is None
    (tmp_path / "film.MOV").touch()
    assert find_frames(tmp_path) == tmp_path / "film.MOV"
    (tmp_path / "other.mp4").touch()
    with pytest.raises(UserError, match=r"holds 2 videos \(film\.MOV, other\.mp4\); name one"):
        find_frames(tmp_path)


def test_frames_of_several_sizes_are_refused(tmp_path: Path) -> None:
    for number, width in enumerate((32, 32, 30)):
        write_image(tmp_path / f"{number}.png", width, 24)
    with pytest.raises(UserError, match=r"2\.png is 30x24 pixels and 0\.png is 32x24"):
        FrameFolder(tmp_path)


def test_a_broken_frame_is_named(tmp_path: Path) -> None:
    write_image(tmp_path / "0.png", 32, 24)
    (tmp_path / "1.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"1\.png does not decode"):
        FrameFolder(tmp_path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_shown_as_pillow_shows_it(tmp_path: Path, orientation: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    for number in range(2):
        image.save(tmp_path / f"{number}.png", exif=exif)
    with Image.open(tmp_path / "0.png") as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    assert np.array_equal(upright(pixels, orientation), expected)
    folder = FrameFolder(tmp_path)
    assert folder.size == (expected.shape[1], expected.shape[0])
    assert all(np.array_equal(frame.image, expected) for frame in folder.frames())


def test_rows_and_times(tmp_path: Path) -> None:
    images = [write_image(tmp_path / f"{number}.png", 32, 24, seed=number) for number in range(5)]
    frames = list(FrameFolder(tmp_path).frames(rows={1, 4}))
    assert [frame.time_s for frame in frames] == [1 / 24, 4 / 24]
    for frame, row in zip(frames, (1, 4), strict=True):
        assert np.array_equal(frame.image, images[row])


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 2000))
def test_scaled_sizes_keep_the_shape(width: int, height: int, long_side: int) -> None:
    new_width, new_height = scaled_size(width, height, long_side)
    assert max(new_width, new_height) == long_side
    assert min(new_width, new_height) == max(1, round(min(width, height) * long_side / max(width, height)))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((854, 480), (512, 288)), ((1024, 436), (512, 218)), ((480, 640), (384, 512)), ((300, 200), (512, 341))],
)
def test_sizes_that_the_networks_know(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert scaled_size(*size, 512) == expected


def test_scaling_keeps_what_is_flat() -> None:
    image = np.full((20, 40, 3), (10, 200, 90), np.uint8)
    for long_side in (10, 40, 90):
        assert np.all(scaled(image, long_side) == (10, 200, 90))
