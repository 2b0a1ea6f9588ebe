"""Scores of regions: by hand, and pooled over views."""

import math

import pytest
import torch

from evaluation.street_scores import score_street_view, separation_iou, summary


def test_regions_by_hand() -> None:
    target = torch.full((12, 16, 3), 128, dtype=torch.uint8)
    image = target / 255
    moving = torch.zeros(12, 16, dtype=torch.bool)
    moving[:, :4] = True
    image[moving] += 0.1
    view = score_street_view("a", image, target, moving, ~moving, None)
    assert view.numbers["dpsnr"] == pytest.approx(20, abs=1e-4)
    assert view.numbers["psnr_static"] == view.numbers["psnr_sky"] == 100
    assert view.numbers["psnr"] == pytest.approx(20 + 10 * math.log10(4), abs=1e-4)
    assert view.numbers["psnr_channels"] == pytest.approx(view.numbers["psnr"], abs=1e-4)
    assert view.squares["dpsnr"][1] == 48
    assert "lpips" not in view.numbers
    assert view.numbers["dssim"] < 1


def test_the_mean_over_channels_is_never_less_than_the_joint_number() -> None:
    target = torch.randint(0, 256, (16, 16, 3), dtype=torch.uint8)
    image = target / 255 + torch.randn(16, 16, 3) * torch.tensor([0.01, 0.05, 0.2])
    image = image.clamp(0, 1)
    numbers = score_street_view("a", image, target, None, None, None).numbers
    assert numbers["psnr_channels"] > numbers["psnr"]
    assert set(numbers) == {"psnr", "psnr_channels", "ssim"}


def test_pooling_weighs_views_by_their_pixels() -> None:
    target = torch.zeros(8, 8, 3, dtype=torch.uint8)
    few, many = torch.zeros(8, 8, dtype=torch.bool), torch.ones(8, 8, dtype=torch.bool)
    few[0, 0] = True
    views = [
        score_street_view("a", torch.full((8, 8, 3), 0.1), target, few, None, None),
        score_street_view("b", torch.full((8, 8, 3), 0.3), target, many, None, None),
    ]
    means = summary(views)
    pooled = (0.01 + 64 * 0.09) / 65
    assert means["dpsnr_pooled"] == pytest.approx(-10 * math.log10(pooled), abs=1e-5)
    assert means["dpsnr"] == pytest.approx((20 - 10 * math.log10(0.09)) / 2, abs=1e-5)
    # The second view has nothing that stands still: the mean is that of the first.
    assert means["psnr_static"] == pytest.approx(20, abs=1e-5)


def test_separation() -> None:
    truth = torch.zeros(4, 4, dtype=torch.bool)
    truth[:2] = True
    cover = torch.zeros(4, 4)
    cover[1:3] = 0.8
    assert separation_iou([(cover, truth)]) == pytest.approx(4 / 12)
    assert separation_iou([(cover, truth)], threshold=0.9) == 0
    assert separation_iou([(torch.zeros(4, 4), torch.zeros(4, 4, dtype=torch.bool))]) is None
