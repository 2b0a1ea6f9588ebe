"""Scores against the sums they are defined by, and the laws that follow."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evaluation.image_metrics import BEST_PSNR, Scores, mean, score, squared_error

SIDES = st.integers(1, 20)
SEEDS = st.integers(0, 99)


def pictures(width: int, height: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    image, other = torch.rand(2, height, width, 3, generator=generator) * 255
    return image.to(torch.uint8), (image * 0.7 + other * 0.3).to(torch.uint8)


def ssim_by_loops(image: np.ndarray, target: np.ndarray) -> float:
    """Every pixel's 11x11 neighbourhood, written out."""
    height, width, _ = image.shape
    around = range(-5, 6)
    window = {(dy, dx): math.exp(-(dy * dy + dx * dx) / (2 * 1.5**2)) for dy in around for dx in around}
    norm = sum(window.values())
    total = 0.0
    for row, column, channel in np.ndindex(height, width, 3):
        sums = np.zeros(5)
        for (dy, dx), weight in window.items():
            if 0 <= row + dy < height and 0 <= column + dx < width:  # outside there are zeros
                x, y = image[row + dy, column + dx, channel], target[row + dy, column + dx, channel]
                sums += weight / norm * np.array([x, y, x * x, y * y, x * y])
        mx, my, xx, yy, xy = sums
        similar = (2 * mx * my + 1e-4) * (2 * (xy - mx * my) + 9e-4)
        total += similar / ((mx * mx + my * my + 1e-4) * (xx - mx * mx + yy - my * my + 9e-4))
    return total / (height * width * 3)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 8), (13, 12)])
def test_ssim_is_the_sum_over_windows(width: int, height: int) -> None:
    image, target = pictures(width, height, seed=width)
    expected = ssim_by_loops(image.numpy() / 255, target.numpy() / 255)
    assert score(image, target, None).ssim == pytest.approx(expected, abs=1e-10)


@given(SIDES, SIDES, SEEDS)
def test_scores_are_symmetric_and_best_for_equal_images(width: int, height: int, seed: int) -> None:
    image, target = pictures(width, height, seed)
    there, back = score(image, target, None), score(target, image, None)
    assert there.ssim == pytest.approx(back.ssim, abs=1e-12)
    assert there.psnr == pytest.approx(back.psnr, abs=1e-12)
    assert -1 <= there.ssim <= 1
    best = score(image, image, None)
    assert best.psnr == BEST_PSNR
    assert best.ssim == pytest.approx(1, abs=1e-12)


@given(SIDES, SIDES, SEEDS)
def test_psnr_is_that_of_the_mean_squared_error(width: int, height: int, seed: int) -> None:
    image, target = pictures(width, height, seed)
    mse = np.mean((image.double().numpy() / 255 - target.double().numpy() / 255) ** 2)
    assert float(squared_error(image, target).double().mean()) == pytest.approx(mse, rel=1e-5)
    if mse > 0:
        assert score(image, target, None).psnr == pytest.approx(-10 * math.log10(mse), abs=1e-9)


def test_psnr_of_a_tenth_of_the_range() -> None:
    image = torch.full((4, 5, 3), 100, dtype=torch.uint8)
    assert score(image, image + 51, None).psnr == pytest.approx(20 * math.log10(5), abs=1e-9)


def test_means_count_every_view_once_and_want_every_lpips() -> None:
    views = [Scores(20.0, 0.5, 0.4), Scores(30.0, 0.7, 0.2)]
    assert dataclasses.astuple(mean(views))[:3] == pytest.approx((25, 0.6, 0.3))
    assert mean([*views, Scores(40.0, 0.9, None)]).lpips is None
    assert mean(views).legacy_psnr is None


def test_means_of_static_scores_are_means_too() -> None:
    views = [Scores(20.0, 0.5, None, 0.5, 23.0, 0.1), Scores(30.0, 0.7, None, 1.0, 30.0, 0.3)]
    both = mean(views)
    assert (both.static, both.legacy_psnr, both.legacy_l1) == pytest.approx((0.75, 26.5, 0.2))
