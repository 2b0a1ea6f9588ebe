"""Which folder, which file, which size."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from scene.datasets import CaptureOptions, open_capture
from scene.datasets.image_folders import (
    ImageFinder,
    check_resolution,
    find_image_folder,
    resolution_note,
    target_size,
)
from tests.scene.datasets.sources import write_colmap, write_image


@pytest.mark.parametrize(
    ("folder", "resolution", "extra", "size", "expected"),
    [
        ("images", -1, 1, (1600, 900), (1600, 900)),
        ("images", -1, 1, (3200, 1801), (1600, 900)),
        ("images", 1, 1, (3200, 1801), (3200, 1801)),
        ("images", 2, 1, (101, 51), (50, 26)),
        ("images", 8, 1, (800, 400), (100, 50)),
        ("images", 400, 1, (1000, 500), (400, 200)),
        ("images", 4000, 1, (1000, 500), (1000, 500)),
        ("images_4", 4, 1, (960, 540), (960, 540)),
        ("images_4", 4, 2, (960, 540), (480, 270)),
        ("images_4", 2, 1, (960, 540), (480, 270)),
        ("images_2", -1, 4, (960, 540), (240, 135)),
        ("some/images_8", 8, 1, (960, 540), (960, 540)),
        ("images", 8, 8, (20, 10), (1, 1)),
    ],
)
def test_sizes(
    folder: str, resolution: int, extra: int, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert target_size(*size, CaptureOptions(folder, resolution, extra)) == expected


@given(
    st.integers(1, 9000), st.integers(1, 9000), st.sampled_from([-1, 1, 2, 4, 8, 3, 640]), st.integers(1, 8)
)
def test_an_image_never_grows_nor_vanishes(width: int, height: int, resolution: int, extra: int) -> None:
    options = CaptureOptions(resolution=resolution, extra_downscale=extra)
    new_width, new_height = target_size(width, height, options)
    assert 1 <= new_width <= width
    assert 1 <= new_height <= height


@pytest.mark.parametrize("options", [CaptureOptions(resolution=0), CaptureOptions(resolution=-2)])
def test_a_resolution_that_means_nothing_is_refused(options: CaptureOptions) -> None:
    with pytest.raises(UserError, match=rf"-r {options.resolution} was given"):
        check_resolution(options)


def test_an_extra_downscale_that_means_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="--extra-downscale 0 was given"):
        check_resolution(CaptureOptions(extra_downscale=0))


def test_a_missing_folder_lists_those_that_exist(tmp_path: Path) -> None:
    write_image(tmp_path / "images_2" / "a.png", 2, 2)
    write_image(tmp_path / "images_4" / "a.JPG", 2, 2)
    (tmp_path / "sparse").mkdir()
    expected = (
        r"has no folder images; its folders of images are images_2, images_4: use -i images_2 or -i images_4"
    )
    with pytest.raises(UserError, match=expected):
        find_image_folder(tmp_path, "images")
    assert find_image_folder(tmp_path, "images_4") == tmp_path / "images_4"


def test_images_beside_everything_else(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", 2, 2)
    with pytest.raises(UserError, match=r"use -i \.$"):
        find_image_folder(tmp_path, "images")
    assert find_image_folder(tmp_path, ".").samefile(tmp_path)


def test_no_image_anywhere(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no other folder of images either"):
        find_image_folder(tmp_path, "images")


def test_the_named_file_goes_before_one_with_another_extension(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "sub/b.JPG"):
        write_image(tmp_path / name, 2, 2)
    finder = ImageFinder(tmp_path)
    assert finder.find("a.jpg") == tmp_path / "a.jpg"
    assert finder.find("sub/b.png") == tmp_path / "sub" / "b.JPG"
    assert finder.find("c.png") == tmp_path / "c.png"


def test_a_capture_at_half_size(tmp_path: Path) -> None:
    write_colmap(tmp_path)
    capture = open_capture(tmp_path, CaptureOptions(resolution=2))
    assert capture.cameras.size == (16, 12)
    assert capture.images[0].shape == (12, 16, 3)
    assert capture.cameras.Ks[0, :2].tolist() == [[15, 0, 7.75], [0, 15.5, 6.25]]
    assert any("image sizes changed: 32x24 to 16x12" in note for note in capture.notes)


def test_what_a_user_may_not_expect_is_said() -> None:
    capped = resolution_note(CaptureOptions(), [800, 3200])
    assert capped is not None
    assert "-r 1 keeps their size" in capped
    own_scale = resolution_note(CaptureOptions("images_4", 4), [960])
    assert own_scale is not None
    assert "images_4 are taken as they are" in own_scale
    for options in (CaptureOptions("images_4"), CaptureOptions("images_4", 2), CaptureOptions(resolution=1)):
        assert resolution_note(options, [1600]) is None
