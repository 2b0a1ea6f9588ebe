"""Working sizes and images: the table of the original, its pixels, and laws for any frame."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from dynamic_predictor.network.preprocess import Mode, normalized, working_image, working_size

SIDES = st.integers(200, 3000)


@pytest.mark.parametrize(
    ("frame", "resized", "box", "working"),
    [
        ((854, 480), (512, 288), (0, 0, 512, 288), (512, 288)),
        ((1024, 436), (512, 218), (0, 5, 512, 213), (512, 208)),
        ((1242, 375), (512, 155), (0, 5, 512, 149), (512, 144)),
        ((1080, 1920), (288, 512), (0, 0, 288, 512), (288, 512)),
        ((300, 200), (512, 341), (0, 2, 512, 338), (512, 336)),
        ((1000, 1000), (512, 512), (0, 64, 512, 448), (512, 384)),
    ],
)
def test_sizes(
    frame: tuple[int, int],
    resized: tuple[int, int],
    box: tuple[int, int, int, int],
    working: tuple[int, int],
) -> None:
    size = working_size(*frame)
    assert (size.resized, size.box, size.working) == (resized, box, working)


def test_the_small_square() -> None:
    size = working_size(854, 480, size=224, mode="square")
    assert (size.resized, size.working) == ((399, 224), (224, 224))


@given(SIDES, SIDES, st.sampled_from([224, 256, 512]), st.sampled_from(["crop", "resize", "square"]))
def test_any_frame_becomes_whole_patches_of_its_middle(
    width: int, height: int, size: int, mode: Mode
) -> None:
    found = working_size(width, height, size, mode)
    assert found.working[0] % 16 == found.working[1] % 16 == 0
    left, top, crop_width, crop_height = found.crop
    assert left >= 0
    assert top >= 0
    assert left + crop_width <= width + 1e-9
    assert top + crop_height <= height + 1e-9
    # Around the middle, up to the half pixel of an odd side after resizing.
    assert abs(left + crop_width / 2 - width / 2) <= 0.51 * width / found.resized[0]
    assert abs(top + crop_height / 2 - height / 2) <= 0.51 * height / found.resized[1]
    if mode == "resize":
        assert found.crop == pytest.approx((0, 0, width, height))


@given(SIDES, SIDES)
def test_turned_frames_have_turned_sizes(width: int, height: int) -> None:
    if width == height:
        return
    upright, turned = working_size(width, height), working_size(height, width)
    assert upright.working == turned.working[::-1]


def test_a_thread_is_refused_in_one_sentence() -> None:
    with pytest.raises(UserError, match="1000 x 10 pixels becomes 512 x 5 at size 512"):
        working_size(1000, 10)


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="20 x 30 pixels"):
        working_image(torch.zeros(30, 20, 3, dtype=torch.uint8), working_size(40, 30))


def test_the_crop_says_where_a_mark_went() -> None:
    frame = torch.zeros(436, 1024, 3, dtype=torch.uint8)
    frame[200:220, 600:620] = 255
    size = working_size(1024, 436)
    image = working_image(frame, size)[..., 0].double()
    weights = image / image.sum()
    left, top, width, height = size.crop
    x = ((torch.arange(image.shape[1]) + 0.5) * weights.sum(0)).sum() * width / image.shape[1] + left
    y = ((torch.arange(image.shape[0]) + 0.5) * weights.sum(1)).sum() * height / image.shape[0] + top
    assert float(x) == pytest.approx(610, abs=0.1)
    assert float(y) == pytest.approx(210, abs=0.1)


def test_black_and_white_are_the_ends() -> None:
    image = torch.tensor([[[0, 255, 51]]], dtype=torch.uint8)
    torch.testing.assert_close(normalized(image).flatten(), torch.tensor([-1.0, 1.0, -0.6]))


@pytest.mark.parametrize(
    ("table", "size", "mode"),
    [("crop_512", 512, "crop"), ("crop_224", 224, "square"), ("nocrop_512", 512, "resize")],
)
def test_tables_of_the_original(golden: Path, table: str, size: int, mode: Mode) -> None:
    with np.load(golden / "das3r" / "preprocess.npz") as stored:
        rows = stored[table].tolist()
    for width, height, resized_width, resized_height, kernel, *box, _, _, out_width, out_height in rows:
        found = working_size(width, height, size, mode)
        assert found.resized == (resized_width, resized_height)
        assert found.filter == kernel
        assert found.working == (out_width, out_height)
        if mode != "resize":
            assert list(found.box) == box


@pytest.mark.parametrize("picture", range(6))
def test_pixels_of_the_original(golden: Path, picture: int) -> None:
    with np.load(golden / "das3r" / "preprocess.npz") as stored:
        frame = torch.from_numpy(stored[f"px{picture}_in"])
        expected = stored[f"px{picture}_out_u8"].astype(int)
        image = working_image(frame, working_size(frame.shape[1], frame.shape[0], size=64))
        assert np.abs(image.numpy().astype(int) - expected).max() <= 1
        if picture == 5:
            np.testing.assert_allclose(normalized(image)[None], stored["px5_img_f32"], rtol=0, atol=1e-7)
