"""The photometric loss: a naive oracle, laws, gradients; kernels equal plain torch."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core import losses


def images(
    height: int, width: int, seed: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """An image and an 8-bit planar target that resemble each other."""
    random = torch.Generator().manual_seed(seed)
    target = (torch.rand(3, height, width, generator=random) * 255).to(torch.uint8)
    noise = 0.2 * torch.randn(height, width, 3, generator=random, dtype=torch.float64)
    return (losses.as_image(target, noise) + noise).to(dtype), target


def naive_ssim(image: np.ndarray, target: np.ndarray) -> float:
    """SSIM by loops over pixels and windows, zeros beyond the border."""
    height, width, _ = image.shape
    axis = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(axis, axis) / np.outer(axis, axis).sum()
    x, y = (np.pad(each, ((5, 5), (5, 5), (0, 0))) for each in (image, target))
    total = 0.0
    for row in range(height):
        for column in range(width):
            for channel in range(3):
                a = x[row : row + 11, column : column + 11, channel]
                b = y[row : row + 11, column : column + 11, channel]
                mean_a, mean_b = (window * a).sum(), (window * b).sum()
                var_a, var_b = (window * a * a).sum() - mean_a**2, (window * b * b).sum() - mean_b**2
                cov = (window * a * b).sum() - mean_a * mean_b
                numerator = (2 * mean_a * mean_b + 0.01**2) * (2 * cov + 0.03**2)
                total += numerator / ((mean_a**2 + mean_b**2 + 0.01**2) * (var_a + var_b + 0.03**2))
    return total / (height * width * 3)


@pytest.mark.parametrize("size", [(1, 1), (4, 3), (13, 17)])
def test_ssim_is_the_naive_one(size: tuple[int, int]) -> None:
    image, target = images(*size)
    truth = losses.as_image(target, image)
    assert float(losses.ssim(image, truth)) == pytest.approx(
        naive_ssim(image.numpy(), truth.numpy()), abs=1e-12
    )


@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.integers(0, 10))
def test_a_perfect_image_costs_nothing(height: int, width: int, share: float, seed: int) -> None:
    _, target = images(height, width, seed)
    truth = losses.as_image(target, torch.zeros(1, dtype=torch.float64))
    assert float(losses.photometric_loss_reference(truth, target, lambda_dssim=share)) == pytest.approx(
        0, abs=1e-9
    )


@given(st.floats(0, 1))
def test_the_loss_is_the_mixture_of_its_terms(share: float) -> None:
    image, target = images(12, 9)
    truth = losses.as_image(target, image)
    expected = (1 - share) * (image - truth).abs().mean() + share * (1 - losses.ssim(image, truth))
    loss = losses.photometric_loss_reference(image, target, lambda_dssim=share)
    assert float(loss) == pytest.approx(float(expected))


def test_moments_change_nothing() -> None:
    image, target = images(20, 24, dtype=torch.float32)
    kept = losses.photometric_loss(image, target, moments=losses.ssim_moments(target))
    assert float(kept) == pytest.approx(float(losses.photometric_loss(image, target)), rel=1e-6)


def test_pixels_without_weight_have_no_gradient() -> None:
    image, target = images(16, 16)
    weights = torch.ones(16, 16, dtype=torch.float64)
    weights[:, 3:] = 0  # what SSIM's window reaches from there still counts
    image.requires_grad_()
    losses.photometric_loss_reference(image, target, weights=weights).backward()
    assert image.grad is not None
    assert image.grad[:, 3 + 6 :].abs().max() == 0
    assert image.grad[:, :3].abs().min() > 0


def test_gradients_of_the_reference() -> None:
    image, target = images(6, 7)
    image.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: losses.photometric_loss_reference(x, target), (image,))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (5, 40), (33, 20)])
def test_the_kernels_equal_plain_torch(size: tuple[int, int], weighted: bool) -> None:
    pytest.importorskip("splat_kernels")
    image, target = images(*size, dtype=torch.float32)
    weights = (torch.rand(size) > 0.3).float() if weighted else None
    results = []
    for function in (losses.photometric_loss, losses.photometric_loss_reference):
        leaf = image.permute(2, 0, 1).contiguous().permute(1, 2, 0).requires_grad_()
        loss = function(leaf, target, moments=losses.ssim_moments(target), weights=weights)
        loss.backward()
        results.append((float(loss.detach()), leaf.grad))
    (fused, fused_grad), (plain, plain_grad) = results
    assert fused == pytest.approx(plain, rel=2e-5)
    # Measured: at most 1.5e-7 / (pixels x channels) apart; the loss is a mean over them.
    torch.testing.assert_close(fused_grad, plain_grad, rtol=2e-3, atol=2e-5 / image.numel())


@given(st.floats(1e-4, 0.5))
def test_psnr_of_a_constant_error(error: float) -> None:
    target = torch.full((4, 5, 3), 0.5, dtype=torch.float64)
    assert losses.psnr(target + error, target) == pytest.approx(-20 * math.log10(error))
    assert losses.psnr(target, target) == math.inf
