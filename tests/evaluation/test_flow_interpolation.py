"""The frame between two frames: of a plane that moves it is known, and of DAVIS's its score is."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from core.images import read_gray, read_image
from evaluation.flow_interpolation import interpolate
from evaluation.static_scores import score_static


def moved(texture: np.ndarray, shift: tuple[float, float]) -> torch.Tensor:
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    image = cv2.warpAffine(texture, matrix, texture.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
    return torch.from_numpy(image[20:-20, 20:-20].copy())


def texture() -> np.ndarray:
    noise = np.random.default_rng(0).uniform(0, 255, (160, 200, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip((smooth - 127) * 6 + 127, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("at", [0.25, 0.5, 0.75])
def test_a_plane_is_met_on_its_way(at: float) -> None:
    picture, shift = texture(), (6.0, -4.0)
    found = interpolate(moved(picture, (0, 0)), moved(picture, shift), at)
    truth = moved(picture, (at * shift[0], at * shift[1]))
    blend = (1 - at) * moved(picture, (0, 0)).float() + at * moved(picture, shift).float()
    inside = (slice(10, -10), slice(10, -10))
    error = (found.float() - truth.float())[inside].abs().mean()
    assert error < 0.15 * (blend - truth.float())[inside].abs().mean()


def test_a_still_picture_stays_as_it_is() -> None:
    still = moved(texture(), (0, 0))
    assert torch.equal(interpolate(still, still), still)
    first, last = still, moved(texture(), (3, 1))
    assert torch.equal(interpolate(first, last, 0.0), first)
    assert torch.equal(interpolate(first, last, 1.0), last)


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (12, 12), (300, 13)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    first, last = (torch.full((*size, 3), value, dtype=torch.uint8) for value in (10, 30))
    assert torch.equal(interpolate(first, last), torch.full((*size, 3), 20, dtype=torch.uint8))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "frames", "legacy_db"), [("davis_dog", 50, 25.56), ("davis_car-shadow", 40, 32.66)]
)
def test_davis(captures: Path, name: str, frames: int, legacy_db: float) -> None:
    """DAS3R's protocol: 512x288, frames 5, 15, 25, ..., moving pixels black."""
    paths = sorted((captures / name / "JPEGImages").glob("*.jpg"))[:frames]
    if not paths:
        pytest.skip(f"{captures} has no {name}")

    def frame(row: int) -> torch.Tensor:
        image = Image.fromarray(read_image(paths[row])).resize((512, 288), Image.Resampling.LANCZOS)
        return torch.from_numpy(np.array(image))

    found = []
    for row in range(5, frames, 10):
        label = read_gray(captures / name / "Annotations" / f"{paths[row].stem}.png")
        moving = torch.from_numpy(cv2.resize(label, (512, 288), interpolation=cv2.INTER_NEAREST_EXACT) > 0)
        scores = score_static(interpolate(frame(row - 1), frame(row + 1)), frame(row), moving, None)
        assert scores is not None
        found.append(scores.legacy_psnr)
    assert np.mean(found) == pytest.approx(legacy_db, abs=0.05)
