"""Fused (1 - lambda) L1 + lambda (1 - SSIM) against 8-bit targets."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from splat_kernels import native
from splat_kernels.native import checked, pointer, require_memory

torch.library.define(
    "splat_kernels::photometric",
    "(Tensor image, Tensor target, Tensor moments, Tensor? weights, float lambda_dssim) -> (Tensor, Tensor)",
)


@torch.library.impl("splat_kernels::photometric", "CPU")
def _photometric(image, target, moments, weights, lambda_dssim):
    _, height, width = image.shape
    image = checked("image", image, (3, height, width))
    target = checked("target", target, (3, height, width), torch.uint8)
    moments = checked("moments", moments, (2, 3, height, width))
    weights = None if weights is None else checked("weights", weights, (height, width))
    gradient = torch.empty(3, height, width)
    args = native.PhotometricArgs(
        width, height, torch.get_num_threads(), pointer(image), pointer(target), pointer(moments), pointer(weights), lambda_dssim,
        pointer(gradient),
    )  # fmt: skip
    require_memory(native.library.splat_photometric(args), "photometric_loss")
    return torch.tensor(args.loss, dtype=torch.float32), gradient


@torch.library.register_fake("splat_kernels::photometric")
def _photometric_fake(image, target, moments, weights, lambda_dssim):
    return image.new_empty(()), image.new_empty(image.shape)


def _setup_context(ctx, inputs, output):
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(output[1])


def _backward(ctx, grad_loss, _grad_gradient):
    (gradient,) = ctx.saved_tensors
    # loss.backward() hands in 1: a plain tensor tells so, and the pass over the image is saved.
    scaled = gradient if type(grad_loss) is Tensor and float(grad_loss) == 1.0 else gradient * grad_loss
    return scaled, None, None, None, None


torch.library.register_autograd("splat_kernels::photometric", _backward, setup_context=_setup_context)


def ssim_moments(target: UInt8[Tensor, "3 H W"]) -> Float[Tensor, "2 3 H W"]:
    """Windowed mean and variance of a planar 8-bit target, in [0, 1] units: constant over a training run."""
    _, height, width = target.shape
    target = checked("target", target, (3, height, width), torch.uint8)
    moments = torch.empty(2, 3, height, width)
    args = native.MomentsArgs(width, height, torch.get_num_threads(), pointer(target), pointer(moments))
    require_memory(native.library.splat_ssim_moments(args), "ssim_moments")
    return moments


def photometric_loss(
    image: Float[Tensor, "H W 3"],
    target: UInt8[Tensor, "3 H W"],
    moments: Float[Tensor, "2 3 H W"] | None = None,
    lambda_dssim: float = 0.2,
    weights: Float[Tensor, "H W"] | None = None,
) -> Float[Tensor, ""]:
    """Mean over pixels and channels of weight * ((1 - lambda) |x - y| + lambda (1 - SSIM)).

    Args:
        image: rendered colours; planar memory behind a permuted view, as `rasterize_records` returns, is read in place.
        target: planar 8-bit colours.
        moments: `ssim_moments(target)`, if kept.
        weights: per-pixel weights; the mean is still over all pixels.

    Source: Kerbl et al. 2023, eq. 7; SSIM after Wang et al. 2004 with an 11 x 11 window, sigma 1.5, zero padding.
    """
    if moments is None:
        moments = ssim_moments(target)
    return torch.ops.splat_kernels.photometric(image.permute(2, 0, 1), target, moments, weights, lambda_dssim)[0]
