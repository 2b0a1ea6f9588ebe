"""Pixels of a view: alpha, masks, sizes, and undistorted images that are kept."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.errors import UserError
from scene.datasets import CaptureOptions, open_capture
from scene.datasets.decoding import CACHE_VARIABLE, ViewDecoder, cache_folder, resized
from scene.datasets.lenses import Lens, undistortion
from tests.scene.datasets.sources import OPENCV, write_colmap, write_image


@pytest.mark.parametrize(("alpha", "background"), [("black", 0.0), ("white", 255.0), ("mask", 0.0)])
def test_alpha(tmp_path: Path, alpha: str, background: float) -> None:
    rgba = write_image(tmp_path / "a.png", 9, 7, channels=4).astype(float)
    opacity = rgba[..., 3:] / 255
    expected = rgba[..., :3] * opacity + background * (1 - opacity)
    view = ViewDecoder(tmp_path / "a.png", True, alpha, 9, 7)()
    assert np.abs(view.image.numpy() - expected).max() <= 0.5 + 1e-9
    if alpha == "mask":
        assert view.valid is not None
        assert np.array_equal(view.valid.numpy(), rgba[..., 3] >= 128)
    else:
        assert view.valid is None
        assert view.valid_mask().all()
        assert view.valid_mask().shape == (7, 9)


def test_shrinking_averages(tmp_path: Path) -> None:
    image = write_image(tmp_path / "a.png", 8, 6).astype(float)
    view = ViewDecoder(tmp_path / "a.png", False, "black", 4, 2)()
    blocks = image.reshape(2, 3, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(view.image.numpy() - blocks).max() <= 0.5 + 1e-6


def test_resized_keeps_what_fits() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(resized(image, 4, 2), image)
    assert resized(image, 8, 4).shape == (4, 8, 3)
    assert resized(image[..., 0], 2, 1).shape == (1, 2)


def test_masks_beside_the_images(tmp_path: Path) -> None:
    write_colmap(tmp_path, count=4)
    masks = np.random.default_rng(0).integers(0, 2, (2, 24, 32), dtype=np.uint8)
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "0001.png.png"), masks[0])  # as COLMAP names them
    cv2.imwrite(str(tmp_path / "masks" / "0003.png"), masks[1] * 255)
    capture = open_capture(tmp_path)
    assert capture.valid_masks is not None
    assert len(capture.valid_masks) == 4
    assert np.array_equal(capture.valid_masks[0].numpy(), masks[0] > 0)
    assert np.array_equal(capture.valid_masks[2].numpy(), masks[1] > 0)
    assert capture.valid_masks[1].all()
    assert capture.valid_masks[1].shape == capture.images[1].shape[:2]
    assert "2 of 4 images have no mask: 0002.png, 0004.png" in capture.notes


def test_a_mask_is_undistorted_and_scaled_like_its_image(tmp_path: Path) -> None:
    lens = Lens("OPENCV", (120.0, 120.0, 80.0, 60.0, -0.2, 0.0, 0.0, 0.0), 160, 120)
    y, x = np.mgrid[:120, :160]
    disc = (((x - 110) ** 2 + (y - 40) ** 2) < 25**2).astype(np.uint8) * 255
    cv2.imwrite(str(tmp_path / "image.png"), cv2.merge([disc] * 3))
    cv2.imwrite(str(tmp_path / "mask.png"), disc)
    correction = undistortion(lens, 160, 120)
    width, height = correction.pinhole.width // 2, correction.pinhole.height // 2
    view = ViewDecoder(
        tmp_path / "image.png", False, "black", width, height, correction, tmp_path / "mask.png"
    )()
    assert view.valid is not None
    bright = view.image[..., 0] >= 128
    assert bright.sum() > 300
    assert (bright != view.valid).float().mean() < 0.02  # the two differ by interpolation along the edge


def test_undistorted_images_are_kept_and_used_again(tmp_path: Path) -> None:
    source, cache = tmp_path / "größe 1", tmp_path / "cache"
    write_colmap(source, lenses=[OPENCV] * 3)
    before = sorted(source.rglob("*"))
    options = CaptureOptions(cache=cache)
    first = [image.clone() for image in open_capture(source, options).images]
    kept = sorted(path for path in cache.rglob("*") if path.is_file())
    assert len(kept) == 3
    assert kept[0].parent.name.startswith("größe 1-")
    assert sorted(source.rglob("*")) == before
    stamps = [path.stat().st_mtime_ns for path in kept]
    assert all(torch.equal(*pair) for pair in zip(first, open_capture(source, options).images, strict=True))
    assert [path.stat().st_mtime_ns for path in kept] == stamps
    # What is kept is what is read: a marked copy shows up.
    marked = np.full((*first[0].shape[:2], 3), 7, np.uint8)
    for path in kept:
        cv2.imwrite(str(path), marked)
    assert all((image == 7).all() for image in open_capture(source, options).images)
    # A damaged copy is made anew.
    for path in kept:
        path.write_bytes(path.read_bytes()[:40])
    assert all(torch.equal(*pair) for pair in zip(first, open_capture(source, options).images, strict=True))


def test_a_changed_image_or_lens_is_undistorted_anew(tmp_path: Path) -> None:
    source, options = tmp_path / "source", CaptureOptions(cache=tmp_path / "cache")
    write_colmap(source, lenses=[OPENCV] * 2, count=2)
    first = list(open_capture(source, options).images)
    write_image(source / "images" / "0001.png", 32, 24, seed=99)
    os.utime(source / "images" / "0001.png", ns=(1, 1))
    changed = list(open_capture(source, options).images)
    assert not torch.equal(changed[0], first[0])
    assert torch.equal(changed[1], first[1])
    stronger = Lens("OPENCV", (*OPENCV.params[:4], 0.3, *OPENCV.params[5:]), 32, 24)
    write_colmap(source, lenses=[stronger] * 2, count=2)
    assert not torch.equal(open_capture(source, options).images[1], first[1])


def test_alpha_survives_the_cache(tmp_path: Path) -> None:
    source = tmp_path / "source"
    write_colmap(source, lenses=[OPENCV] * 2, count=2)
    for number in (1, 2):
        write_image(source / "images" / f"000{number}.png", 32, 24, number, channels=4)
    options = CaptureOptions(cache=tmp_path / "cache", alpha="mask")
    for _ in range(2):
        capture = open_capture(source, options)
        assert capture.valid_masks is not None
        assert 0.3 < capture.valid_masks[0].float().mean() < 0.7


def test_a_cache_that_cannot_be_made_costs_a_note(tmp_path: Path) -> None:
    write_colmap(tmp_path / "source", lenses=[OPENCV] * 2, count=2)
    (tmp_path / "file").write_text("in the way")
    capture = open_capture(tmp_path / "source", CaptureOptions(cache=tmp_path / "file"))
    assert any("undistorted images are not kept for the next run" in note for note in capture.notes)
    assert capture.images[0].dtype == torch.uint8


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "fox"
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "by variable"))
    assert cache_folder(source, None).parent == tmp_path / "by variable"
    assert cache_folder(source, tmp_path / "chosen").parent == tmp_path / "chosen"
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder(source, None).parent == tmp_path / "home" / ".cache" / "splatworks"
    assert cache_folder(source, None) != cache_folder(tmp_path / "other" / "fox", None)


@pytest.mark.parametrize("name", ["image.png", "image.jpg"])
def test_an_image_that_is_cut_off_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_image(path, 32, 24)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(UserError, match=rf"{name} does not decode as an image"):
        ViewDecoder(path, False, "black", 32, 24)()
