"""Scores of regions: by hand, pooled over views, and blind to what does not count."""

import math

import pytest
import torch

from evaluation.street_scores import COLUMNS, KnownView, score_street_view, summary


def noisy(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A photograph and a rendering of it, neither of them clamped."""
    random = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 256, (16, 16, 3), dtype=torch.uint8, generator=random)
    noise = torch.randn(16, 16, 3, generator=random) * torch.tensor([0.01, 0.05, 0.2])
    return target, target / 255 + noise


def test_regions_by_hand() -> None:
    target = torch.full((12, 16, 3), 128, dtype=torch.uint8)
    image = target / 255
    moving = torch.zeros(12, 16, dtype=torch.bool)
    moving[:, :4] = True
    image[moving] += 0.1
    view = score_street_view(KnownView("a", target, moving, ~moving), image)
    assert view.numbers["dpsnr"] == pytest.approx(20, abs=1e-4)
    assert view.numbers["dpsnr_channels"] == pytest.approx(20, abs=1e-4)
    assert view.numbers["psnr_static"] == view.numbers["psnr_sky"] == 100
    assert view.numbers["psnr"] == pytest.approx(20 + 10 * math.log10(4), abs=1e-4)
    assert view.numbers["psnr_channels"] == pytest.approx(view.numbers["psnr"], abs=1e-4)
    assert view.squares["dpsnr"][1] == 48
    assert "lpips" not in view.numbers
    assert view.numbers["dssim"] < 1
    assert view.overlap is None


def test_the_mean_over_channels_is_never_less_than_the_joint_number() -> None:
    target, image = noisy()
    everywhere = torch.ones(16, 16, dtype=torch.bool)
    numbers = score_street_view(KnownView("a", target, moving=everywhere), image.clamp(0, 1)).numbers
    assert numbers["psnr_channels"] > numbers["psnr"]
    assert numbers["dpsnr_channels"] == pytest.approx(numbers["psnr_channels"])
    assert numbers["dpsnr"] == pytest.approx(numbers["psnr"])
    assert "psnr_static" not in numbers


def test_numbers_by_channel_are_of_images_that_are_not_clamped() -> None:
    white = torch.full((12, 12, 3), 255, dtype=torch.uint8)
    numbers = score_street_view(KnownView("a", white), torch.full((12, 12, 3), 1.1)).numbers
    assert numbers["psnr"] == 100
    assert numbers["psnr_channels"] == pytest.approx(20, abs=1e-4)


def test_without_regions_there_are_the_numbers_of_whole_images() -> None:
    target, image = noisy()
    assert set(score_street_view(KnownView("a", target), image).numbers) == {"psnr", "psnr_channels", "ssim"}


def test_what_is_drawn_where_pixels_do_not_count_changes_nothing() -> None:
    target, image = noisy()
    valid, moving = (
        torch.rand(16, 16, generator=torch.Generator().manual_seed(seed)) > 0.3 for seed in (1, 2)
    )
    view = KnownView("a", target, moving, ~moving, valid)
    cover = moving.float()
    spoilt = torch.where(valid[..., None], image, torch.rand(16, 16, 3))
    found = score_street_view(view, image, cover)
    assert score_street_view(view, spoilt, torch.where(valid, cover, 1 - cover)) == found
    assert found.squares["psnr"][1] == int(valid.sum())
    assert found.squares["dpsnr"][1] + found.squares["psnr_static"][1] == int(valid.sum())


def test_a_view_without_a_pixel_that_counts_has_no_number() -> None:
    target, image = noisy()
    nothing = torch.zeros(16, 16, dtype=torch.bool)
    view = score_street_view(KnownView("a", target, ~nothing, ~nothing, nothing), image)
    assert (view.numbers, view.squares) == ({}, {})


def test_all_pixels_valid_is_as_no_mask() -> None:
    target, image = noisy()
    valid = torch.ones(16, 16, dtype=torch.bool)
    assert score_street_view(KnownView("a", target, valid=valid), image) == score_street_view(
        KnownView("a", target), image
    )


def test_pooling_weighs_views_by_their_pixels() -> None:
    target = torch.zeros(8, 8, 3, dtype=torch.uint8)
    few, many = torch.zeros(8, 8, dtype=torch.bool), torch.ones(8, 8, dtype=torch.bool)
    few[0, 0] = True
    views = [
        score_street_view(KnownView("a", target, few), torch.full((8, 8, 3), 0.1)),
        score_street_view(KnownView("b", target, many), torch.full((8, 8, 3), 0.3)),
    ]
    means = summary(views)
    pooled = (0.01 + 64 * 0.09) / 65
    assert means["dpsnr_pooled"] == pytest.approx(-10 * math.log10(pooled), abs=1e-5)
    assert means["dpsnr"] == pytest.approx((20 - 10 * math.log10(0.09)) / 2, abs=1e-5)
    # The second view has nothing that stands still: the mean is that of the first.
    assert means["psnr_static"] == pytest.approx(20, abs=1e-5)
    order = [key for key in means if key in COLUMNS]
    assert order == sorted(order, key=list(COLUMNS).index)


def test_separation() -> None:
    target = torch.zeros(11, 11, 3, dtype=torch.uint8)
    moving = torch.zeros(11, 11, dtype=torch.bool)
    moving[:2] = True
    cover = torch.zeros(11, 11)
    cover[1:3] = 0.8

    def iou(cover: torch.Tensor, moving: torch.Tensor | None) -> float | None:
        views = [score_street_view(KnownView("a", target, moving), target / 255, cover)] * 2
        return summary(views).get("separation_iou")

    assert iou(cover, moving) == pytest.approx(1 / 3)
    assert iou(0.5 * cover, moving) == 0
    assert iou(torch.zeros(11, 11), torch.zeros(11, 11, dtype=torch.bool)) is None
    assert iou(cover, None) is None
