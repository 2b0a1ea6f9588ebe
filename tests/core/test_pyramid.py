"""Smaller images, the mean over them, and smooth depth."""

import torch

from core.losses import photometric_loss
from core.pyramid import edge_aware_smoothness, halved, pyramid_loss


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
    assert pyramid_loss(image, target, levels=3, lambda_dssim=0.0) < 0.5 / 255 + 1e-6


def test_one_level_is_the_loss_of_the_half_sized_image() -> None:
    target, image = picture(), torch.rand(32, 48, 3)
    half = torch.nn.functional.avg_pool2d(image.permute(2, 0, 1)[None], 2)[0].permute(1, 2, 0)
    expected = photometric_loss(half, halved(target, 1), lambda_dssim=0.2)
    torch.testing.assert_close(pyramid_loss(image, target, levels=1, lambda_dssim=0.2), expected)


def test_pixels_without_weight_do_not_count() -> None:
    target, image = picture(), torch.rand(32, 48, 3)
    weights = torch.ones(32, 48)
    weights[:16] = 0
    changed = image.clone()
    changed[:16] = 0.3
    losses = [
        pyramid_loss(one, target, levels=2, lambda_dssim=0.0, weights=weights) for one in (image, changed)
    ]
    torch.testing.assert_close(*losses)


def test_smoothness_forgives_steps_at_edges_and_does_not_know_the_unit() -> None:
    depth = torch.ones(16, 16)
    depth[:, 8:] = 2
    flat, edged = torch.full((3, 16, 16), 100, dtype=torch.uint8), torch.zeros(3, 16, 16, dtype=torch.uint8)
    edged[:, :, 8:] = 255
    assert edge_aware_smoothness(torch.ones(16, 16), flat) == 0
    assert edge_aware_smoothness(depth, edged) < 1e-3 * edge_aware_smoothness(depth, flat)
    torch.testing.assert_close(edge_aware_smoothness(5 * depth, flat), edge_aware_smoothness(depth, flat))
