"""The fused loss is (1 - lambda) L1 + lambda (1 - SSIM) in plain torch, forward and backward."""

from collections.abc import Callable

import numpy as np
import pytest
import splat_kernels
import torch
from torch import Tensor
from torch.nn import functional as F

from tests import oracles
from tests.splat_kernels.agreement import relative_error

SIZES = [(1, 1), (2, 3), (5, 40), (11, 11), (12, 10), (33, 17), (70, 131)]


def plain_ssim(image: Tensor, target: Tensor) -> Tensor:
    """SSIM [3, H, W] of planar images, by convolutions with zeros around the image."""
    weights = torch.exp(-(torch.arange(-5, 6, dtype=image.dtype) ** 2) / (2 * 1.5**2))
    window = (torch.outer(weights, weights) / weights.sum() ** 2).expand(3, 1, 11, 11)

    def mean(values: Tensor) -> Tensor:
        return F.conv2d(values[None], window, padding=5, groups=3)[0]

    mean_x, mean_y = mean(image), mean(target)
    variance_x, variance_y = mean(image**2) - mean_x**2, mean(target**2) - mean_y**2
    covariance = mean(image * target) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance * (2 * covariance + c2) / (variance_x + variance_y + c2)


def plain_loss(image: Tensor, target: Tensor, lambda_dssim: float, weights: Tensor | None) -> Tensor:
    planar, target = image.permute(2, 0, 1), target.to(image.dtype) / 255
    per_pixel = (1 - lambda_dssim) * (planar - target).abs() + lambda_dssim * (1 - plain_ssim(planar, target))
    return per_pixel.mean() if weights is None else (weights * per_pixel).mean()


def pair(height: int, width: int) -> tuple[Tensor, Tensor]:
    """A rendering [H, W, 3], partly out of [0, 1], and the planar 8-bit image it resembles."""
    target = (torch.rand(3, height, width) * 255).round()
    target[:, : height // 2, : width // 2] = 40
    image = target.permute(1, 2, 0) / 255 + 0.1 * torch.randn(height, width, 3)
    return image.contiguous(), target.to(torch.uint8)


def test_the_plain_loss_is_the_oracle() -> None:
    image, target = pair(13, 16)
    maps = [
        oracles.ssim_map(image[..., c].double().numpy(), target[c].double().numpy() / 255) for c in range(3)
    ]
    found = plain_ssim(image.permute(2, 0, 1).double(), target.double() / 255)
    np.testing.assert_allclose(found.numpy(), np.stack(maps), atol=1e-10)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lambda_dssim", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_and_gradient(size: tuple[int, int], lambda_dssim: float, weighted: bool) -> None:
    image, target = pair(*size)
    weights = torch.rand(size) * (torch.rand(size) > 0.3) if weighted else None
    results = []
    for dtype, loss_of in ((torch.float32, None), (torch.float64, plain_loss)):
        leaf = image.to(dtype, copy=True).requires_grad_()
        if loss_of is None:
            moments = splat_kernels.ssim_moments(target)
            loss = splat_kernels.photometric_loss(leaf, target, moments, lambda_dssim, weights)
        else:
            loss = loss_of(leaf, target, lambda_dssim, None if weights is None else weights.double())
        (3 * loss).backward()
        results.append((loss.item(), leaf.grad))
    (found, gradient), (expected, expected_gradient) = results
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)
    if weights is None or weights.any():
        assert relative_error(gradient, expected_gradient) < 1e-4


def test_moments_may_be_left_out() -> None:
    image, target = pair(20, 30)
    kept = splat_kernels.photometric_loss(image, target, splat_kernels.ssim_moments(target), 0.2)
    assert torch.equal(splat_kernels.photometric_loss(image, target), kept)


@pytest.mark.usefixtures("level")
def test_planar_and_interleaved_memory_are_one() -> None:
    image, target = pair(37, 52)
    planar = image.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    leaves = [
        image.clone().requires_grad_(),
        planar.clone(memory_format=torch.preserve_format).requires_grad_(),
    ]
    losses = [splat_kernels.photometric_loss(leaf, target) for leaf in leaves]
    assert torch.equal(*losses)
    for loss in losses:
        loss.backward()
    assert torch.equal(leaves[0].grad, leaves[1].grad)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("size", [(1, 1), (24, 31)])
def test_equal_images_have_no_loss(size: tuple[int, int]) -> None:
    _, target = pair(*size)
    image = (target.permute(1, 2, 0) / 255).contiguous()
    assert splat_kernels.photometric_loss(image, target).item() == pytest.approx(0, abs=1e-6)


def test_same_bits_on_any_number_of_threads(level: str, set_threads: Callable[[int], None]) -> None:
    image, target = pair(70, 131)
    results = []
    for threads in (1, 1, 2, 3, 7):
        set_threads(threads)
        leaf = image.clone().requires_grad_()
        loss = splat_kernels.photometric_loss(leaf, target)
        loss.backward()
        results.append((loss.detach(), leaf.grad))
    for loss, gradient in results:
        assert torch.equal(loss, results[0][0]), level
        assert torch.equal(gradient, results[0][1]), level


def test_opcheck() -> None:
    image, target = pair(14, 18)
    planar = image.permute(2, 0, 1).contiguous().requires_grad_()
    arguments = (planar, target, splat_kernels.ssim_moments(target), torch.rand(14, 18), 0.2)
    torch.library.opcheck(torch.ops.splat_kernels.photometric.default, arguments)


def test_wrong_arguments_are_named() -> None:
    image, target = pair(14, 18)
    with pytest.raises(ValueError, match=r"target: a torch\.uint8 CPU tensor of shape"):
        splat_kernels.photometric_loss(image, target.float(), splat_kernels.ssim_moments(target))
    with pytest.raises(ValueError, match="weights: "):
        splat_kernels.photometric_loss(image, target, weights=torch.ones(14, 17))
    with pytest.raises(ValueError, match="target: "):
        splat_kernels.photometric_loss(image, target[:, :, :17].contiguous())
