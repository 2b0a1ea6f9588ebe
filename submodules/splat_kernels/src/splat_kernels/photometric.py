"""Fused (1 - lambda) L1 + lambda (1 - SSIM) against 8-bit targets."""

from typing import Any

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
def _photometric(
    image: Tensor, target: Tensor, moments: Tensor, weights: Tensor | None, lambda_dssim: float
) -> tuple[Tensor, Tensor]:
    _, height, width = image.shape
    image = checked("image", image, (3, height, width))
    target = checked("target", target, (3, height, width), torch.uint8)
    moments = checked("moments", moments, (2, 3, height, width))
    weights = None if weights is None else checked("weights", weights, (height, width))
    gradient = torch.empty(3, height, width)
    args = native.PhotometricArgs(
        width,
        height,
        torch.get_num_threads(),
        pointer(image),
        pointer(target),
        pointer(moments),
        pointer(weights),
        lambda_dssim,
        pointer(gradient),
    )
    require_memory(native.library.splat_photometric(args), "photometric_loss")
    return torch.tensor(args.loss, dtype=torch.float32), gradient


@torch.library.register_fake("splat_kernels::photometric")
def _photometric_fake(image: Tensor, *_rest: Any) -> tuple[Tensor, Tensor]:
    return image.new_empty(()), torch.empty_like(image, memory_format=torch.contiguous_format)


class _Photometric(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor]:
        with native.below_autograd():
            loss, gradient = torch.ops.splat_kernels.photometric.default(*inputs)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(gradient)
        ctx.save_for_backward(gradient)
        return loss, gradient

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        (gradient,), grad_loss = ctx.saved_tensors, grads[0]
        if grad_loss is None:
            return None, None, None, None, None
        # loss.backward() hands in 1: a plain tensor tells so, and the pass over the image is saved.
        one = type(grad_loss) is Tensor and float(grad_loss) == 1.0
        return gradient if one else gradient * grad_loss, None, None, None, None


native.register_autograd("photometric", _Photometric)


def ssim_moments(target: UInt8[Tensor, "3 H W"]) -> Float[Tensor, "2 3 H W"]:
    """Windowed mean and variance of a planar 8-bit target, in units of [0, 1]: fixed over a training run."""
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
        image: rendered colours; planar memory behind a permuted view, as `rasterize_records` returns it, is
            read in place.
        target: planar 8-bit colours.
        moments: `ssim_moments(target)`, if kept.
        lambda_dssim: share of the SSIM term, 0 to 1.
        weights: per-pixel weights; the mean is still over all pixels.

    Raises:
        ValueError: a shape, type or device is wrong.

    Source: Kerbl et al. 2023, eq. 7; SSIM after Wang et al. 2004: 11 x 11 window, sigma 1.5, zero padding.
    """
    if moments is None:
        moments = ssim_moments(target)
    planar = image.permute(2, 0, 1)
    return torch.ops.splat_kernels.photometric.default(planar, target, moments, weights, lambda_dssim)[0]
