"""Smaller images, the mean over them, and smooth depth."""

import pytest
import torch

from core.losses import photometric_loss
from core.pyramid import edge_aware_smoothness, halved, pyramid_loss, pyramid_of


def picture(height: int = 32, width: int = 48) -> torch.Tensor:
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8)


def test_halving_takes_means() -> None:
    target = picture()
    assert halved(target, 0) is target
    small = halved(target, 2)
    assert small.shape == (3, 8, 12)
    block = target[:, :4, :4].float().mean((1, 2))
    torch.testing.assert_close(small[:, 0, 0].float(), block, atol=0.5, rtol=0)


def test_the_photograph_itself_costs_only_rounding() -> None:
    target = picture()
    image = target.permute(1, 2, 0).float() / 255
    assert pyramid_loss(image, pyramid_of(target, 3), lambda_dssim=0.0) < 0.5 / 255 + 1e-6


def test_it_is_the_mean_over_the_smaller_images() -> None:
    target, image = picture(30, 47), torch.rand(30, 47, 3)
    expected = []
    for times in (1, 2):
        small = torch.nn.functional.avg_pool2d(image.permute(2, 0, 1)[None], 2**times)[0].permute(1, 2, 0)
        expected.append(photometric_loss(small, halved(target, times), lambda_dssim=0.2))
    found = pyramid_loss(image, pyramid_of(target, 2), lambda_dssim=0.2)
    torch.testing.assert_close(found, (expected[0] + expected[1]) / 2)


@pytest.mark.parametrize(("side", "levels"), [(1, 0), (3, 1), (7, 2), (8, 3), (64, 3)])
def test_what_is_small_is_halved_less_often(side: int, levels: int) -> None:
    targets = pyramid_of(picture(side, 40), 3)
    assert len(targets) == levels
    if targets:
        assert pyramid_loss(torch.rand(side, 40, 3), targets, lambda_dssim=0.2).isfinite()


def test_smoothness_forgives_steps_at_edges_and_does_not_know_the_unit() -> None:
    depth = torch.ones(16, 16)
    depth[:, 8:] = 2
    flat, edged = torch.full((3, 16, 16), 100, dtype=torch.uint8), torch.zeros(3, 16, 16, dtype=torch.uint8)
    edged[:, :, 8:] = 255
    assert edge_aware_smoothness(torch.ones(16, 16), flat) == 0
    assert edge_aware_smoothness(depth, edged) < 1e-3 * edge_aware_smoothness(depth, flat)
    torch.testing.assert_close(edge_aware_smoothness(5 * depth, flat), edge_aware_smoothness(depth, flat))
