"""Images come back as they were written, and files that are no images say so."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.images import encode, read_gray, read_image, read_rgba, to_uint8, write_png


def noise(*shape: int, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_png_round_trip(tmp_path_factory: pytest.TempPathFactory, width: int, height: int, seed: int) -> None:
    folder = tmp_path_factory.mktemp("a folder mit Umlaut ä")
    color = noise(height, width, 3, seed=seed)
    write_png(folder / "größe 1.png", color)
    assert np.array_equal(read_image(folder / "größe 1.png"), color)
    for dtype in (np.uint8, np.uint16):
        gray = noise(height, width, dtype=dtype, seed=seed)
        write_png(folder / "gray.png", gray)
        assert np.array_equal(read_gray(folder / "gray.png"), gray)
        assert read_gray(folder / "gray.png").dtype == dtype


def test_png_is_rgb_for_everybody_else(tmp_path: Path) -> None:
    write_png(tmp_path / "red.png", np.full((2, 2, 3), (255, 0, 0), np.uint8))
    assert cv2.imread(str(tmp_path / "red.png"))[0, 0].tolist() == [0, 0, 255]  # cv2 is BGR


def test_alpha_is_read_where_there_is_some(tmp_path: Path) -> None:
    rgba = noise(3, 4, 4)
    cv2.imwrite(str(tmp_path / "rgba.png"), cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))
    assert np.array_equal(read_rgba(tmp_path / "rgba.png"), rgba)
    assert np.array_equal(read_image(tmp_path / "rgba.png"), rgba[..., :3])
    write_png(tmp_path / "rgb.png", rgba[..., :3].copy())
    assert np.array_equal(read_rgba(tmp_path / "rgb.png")[..., :3], rgba[..., :3])
    assert (read_rgba(tmp_path / "rgb.png")[..., 3] == 255).all()


def test_gray_and_16_bit_files_are_images_too(tmp_path: Path) -> None:
    write_png(tmp_path / "gray.png", noise(3, 4))
    assert np.array_equal(read_image(tmp_path / "gray.png"), np.repeat(noise(3, 4)[..., None], 3, 2))
    write_png(tmp_path / "deep.png", np.full((3, 4), 65535, np.uint16))
    assert (read_image(tmp_path / "deep.png") == 255).all()


def test_exif_orientation_is_left_alone(tmp_path: Path) -> None:
    """Intrinsics belong to pixels as stored; a reader that turns the image breaks them."""
    jpeg = encode(np.zeros((6, 10, 3), np.uint8), ".jpg")
    tag = bytes.fromhex("4578696600004d4d002a00000008000101120003000000010006000000000000")  # orientation 6
    (tmp_path / "turned.jpg").write_bytes(
        jpeg[:2] + b"\xff\xe1" + (len(tag) + 2).to_bytes(2, "big") + tag + jpeg[2:]
    )
    assert cv2.imread(str(tmp_path / "turned.jpg")).shape == (10, 6, 3), (
        "the tag of this test is not understood"
    )
    assert read_image(tmp_path / "turned.jpg").shape == (6, 10, 3)
    assert read_gray(tmp_path / "turned.jpg").shape == (6, 10)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("read", [read_image, read_rgba, read_gray])
def test_what_is_no_image_is_told_with_its_path(
    tmp_path: Path, suffix: str, read, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = encode(noise(40, 40, 3), suffix)
    broken = tmp_path / f"broken{suffix}"
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[: len(whole) - 8]):
        broken.write_bytes(content)
        with pytest.raises(
            UserError, match=rf"broken{suffix} does not decode as an image \({len(content)} bytes\)"
        ):
            read(broken)
    assert capfd.readouterr() == ("", ""), "the decoder printed something of its own"


def test_git_lfs_pointers_and_missing_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n")
    with pytest.raises(UserError, match=r"a\.jpg is a Git-LFS pointer.*git lfs pull"):
        read_image(tmp_path / "a.jpg")
    with pytest.raises(UserError, match=r"cannot read .*b\.jpg: it does not exist"):
        read_image(tmp_path / "b.jpg")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "a.png", noise(3, 4))
    before = (tmp_path / "a.png").read_bytes()

    def full(_path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="disk is full"):
        write_png(tmp_path / "a.png", noise(5, 6))
    assert (tmp_path / "a.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_eight_bits_survive_the_way_through_floats() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(every / 255), every)


@given(st.floats(-1, 2, width=32))
def test_rounding_is_to_the_nearest(value: float) -> None:
    rounded = int(to_uint8(torch.tensor(value)))
    nearest = min(range(256), key=lambda level: abs(level / 255 - value))
    assert abs(abs(rounded / 255 - value) - abs(nearest / 255 - value)) < 1e-6
