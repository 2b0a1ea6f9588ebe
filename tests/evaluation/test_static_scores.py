"""Scores of static pixels: what is rendered on moving ones never matters, and how DAS3R's numbers differ."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UserError
from core.run_folder import RunFolder
from evaluation.image_metrics import BEST_PSNR, score
from evaluation.lpips import Lpips
from evaluation.static_scores import (
    MaskedView,
    MaskedViews,
    legacy_scores,
    masks_folder,
    read_masked_views,
    score_static,
    write_masked_views,
)

SIDES = st.integers(1, 30)
SEEDS = st.integers(0, 99)


def scene(height: int, width: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A rendering, its photograph, and a mask of a moving thing with one static corner at least."""
    generator = torch.Generator().manual_seed(seed)
    image, other = torch.rand(2, height, width, 3, generator=generator) * 255
    moving = torch.rand(height, width, generator=generator) < 0.02 + 0.9 * torch.rand((), generator=generator)
    moving[0, 0] = False
    return image.byte(), (0.8 * image + 0.2 * other).byte(), moving


def perceptual() -> Lpips:
    metric = Lpips("alex")
    torch.manual_seed(5)
    for weights in (*metric.features.parameters(), *metric.linear):
        weights.copy_(torch.rand(weights.shape))
    return metric


@settings(max_examples=20)
@given(SIDES, SIDES, SEEDS)
def test_where_nothing_moves_they_are_the_ordinary_scores(height: int, width: int, seed: int) -> None:
    image, target, moving = scene(height, width, seed)
    whole, static = score(image, target, None), score_static(image, target, torch.zeros_like(moving), None)
    assert static is not None
    assert static.psnr == pytest.approx(whole.psnr)
    assert static.ssim == pytest.approx(whole.ssim)
    assert static.static == 1


@settings(max_examples=20)
@given(SIDES, SIDES, SEEDS)
def test_what_is_rendered_on_moving_pixels_does_not_matter(height: int, width: int, seed: int) -> None:
    image, target, moving = scene(height, width, seed)
    vandalised = torch.where(moving[..., None], 255 - image, image)
    assert score_static(image, target, moving, None) == score_static(vandalised, target, moving, None)
    best = score_static(torch.where(moving[..., None], 255 - target, target), target, moving, None)
    assert best is not None
    assert (best.psnr, best.legacy_psnr, best.legacy_l1) == (BEST_PSNR, BEST_PSNR, 0)
    assert best.ssim == pytest.approx(1)


def test_nor_does_it_to_lpips() -> None:
    image, target, moving = scene(40, 44, seed=1)
    metric = perceptual()
    vandalised = torch.where(moving[..., None], 255 - image, image)
    first, second = (score_static(each, target, moving, metric) for each in (image, vandalised))
    assert first is not None
    assert first.lpips is not None
    assert first.lpips > 0
    assert first == second
    nothing = score_static(image, target, torch.zeros_like(moving), metric)
    assert nothing is not None
    assert nothing.lpips == pytest.approx(score(image, target, metric).lpips)
    small = score_static(image[:8], target[:8], moving[:8], metric)
    assert small is not None
    assert small.lpips is None


@settings(max_examples=20)
@given(SIDES, SIDES, SEEDS)
def test_sums_written_out(height: int, width: int, seed: int) -> None:
    image, target, moving = scene(height, width, seed)
    scores = score_static(image, target, moving, None)
    ours, truth, moves = image.double().numpy() / 255, target.double().numpy() / 255, moving.numpy()
    squares, absolutes = np.zeros(3), np.zeros(3)
    for row, column in np.ndindex(height, width):
        if not moves[row, column]:
            difference = ours[row, column] - truth[row, column]
            squares += difference**2
            absolutes += abs(difference)
    pixels, static = height * width, int((~moving).sum())
    assert scores is not None
    assert scores.static == pytest.approx(static / pixels)
    assert scores.legacy_l1 == pytest.approx(absolutes.sum() / (3 * pixels))
    if squares.all():
        assert scores.psnr == pytest.approx(-10 * math.log10(squares.sum() / (3 * static)))
        assert scores.legacy_psnr == pytest.approx(np.mean(-10 * np.log10(squares / pixels)))


@pytest.mark.parametrize(("share", "difference_db"), [(0.8, 0.969), (0.5, 3.010), (1.0, 0.0)])
def test_the_legacy_number_is_larger_by_the_static_share(share: float, difference_db: float) -> None:
    target = torch.full((10, 20, 3), 90, dtype=torch.uint8)
    moving = torch.zeros(10, 20, dtype=torch.bool)
    moving[:, round(20 * share) :] = True
    scores = score_static(target + 17, target, moving, None)
    assert scores is not None
    assert scores.legacy_psnr is not None
    assert scores.legacy_psnr - scores.psnr == pytest.approx(difference_db, abs=5e-4)


def test_legacy_psnr_is_the_mean_over_channels() -> None:
    target = torch.zeros(4, 4, 3, dtype=torch.float64)
    image = target + torch.tensor([0.1, 0.01, 0.0], dtype=torch.float64)
    psnr, l1 = legacy_scores(image, target, torch.ones(4, 4, dtype=torch.bool))
    assert psnr == pytest.approx((20 + 40 + BEST_PSNR) / 3)
    assert l1 == pytest.approx(0.11 / 3)


def test_ssim_looks_only_where_the_whole_window_is_static() -> None:
    """The left half is right, the right half moves: windows that reach over the edge do not count."""
    image, target, _ = scene(24, 40, seed=2)
    image[:, :20] = target[:, :20]
    moving = torch.zeros(24, 40, dtype=torch.bool)
    moving[:, 21:] = True
    spoilt = image.clone()
    spoilt[:, 20] = 255 - target[:, 20]  # static and wrong, but near moving pixels
    for each in (image, spoilt):
        scores = score_static(each, target, moving, None)
        assert scores is not None
        assert scores.psnr < BEST_PSNR
    assert scores.ssim < 1, "column 15 sees column 20"
    moving[:, 20] = True
    scores = score_static(spoilt, target, moving, None)
    assert scores is not None
    assert scores.ssim == pytest.approx(1)


def test_a_view_in_which_everything_moves_has_no_score() -> None:
    image, target, moving = scene(5, 6, seed=3)
    assert score_static(image, target, torch.ones_like(moving), None) is None


def test_the_views_of_a_run_go_to_the_disk_and_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    views = MaskedViews("annotation", tmp_path / "Annotations", (MaskedView("00000.png", 5, "00005.jpg"),))
    assert read_masked_views(folder, 30) is None
    write_masked_views(folder, 30, views)
    assert read_masked_views(folder, 30) == views
    assert masks_folder(folder, 30) == tmp_path / "test" / "ours_30" / "dynamic_masks"
    (tmp_path / "test" / "ours_30" / "dynamic_masks.json").write_text('{"origin": "guess"}')
    with pytest.raises(UserError, match=r"dynamic_masks\.json"):
        read_masked_views(folder, 30)
