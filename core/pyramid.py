"""The photometric loss at several resolutions, and smooth depth inside surfaces."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from core.losses import photometric_loss

Pyramid = tuple[UInt8[Tensor, "3 _h _w"], ...]
"""A photograph halved once, twice, and so on."""


def halved(target: UInt8[Tensor, "3 H W"], times: int) -> UInt8[Tensor, "3 h w"]:
    """A photograph halved `times` times, rounded to 8 bits."""
    if not times:
        return target
    return F.avg_pool2d(target.float()[None], 2**times)[0].round().to(torch.uint8)


def pyramid_of(target: UInt8[Tensor, "3 H W"], levels: int) -> Pyramid:
    """A photograph halved 1, 2, ... `levels` times; less often where a side has not so many pixels."""
    possible = min(target.shape[1:]).bit_length() - 1
    return tuple(halved(target, times) for times in range(1, min(levels, possible) + 1))


def pyramid_loss(
    image: Float[Tensor, "H W 3"], targets: Pyramid, *, lambda_dssim: float
) -> Float[Tensor, ""]:
    """The mean of (1 - lambda) L1 + lambda (1 - SSIM) over the halvings of an image.

    Args:
        image: the rendering.
        targets: the photograph's, at least one.
        lambda_dssim: share of the structural term, in [0, 1].
    """
    total, planes = image.new_zeros(()), image.permute(2, 0, 1)[None]
    for small in targets:
        planes = F.avg_pool2d(planes, 2)
        total = total + photometric_loss(planes[0].permute(1, 2, 0), small, lambda_dssim=lambda_dssim)
    return total / len(targets)


def edge_aware_smoothness(
    inverse_depths: Float[Tensor, "H W"], target: UInt8[Tensor, "3 H W"], sharpness: float = 10.0
) -> Float[Tensor, ""]:
    """Mean change of 1/z between neighbours, in units of its mean, where the photograph has no edge.

    Args:
        inverse_depths: rendered 1/z.
        target: the photograph.
        sharpness: how fast an edge of the photograph, in colour units of 0 to 1, forgives a step.

    Source: Godard et al., "Unsupervised Monocular Depth Estimation with Left-Right Consistency", 2017, eq. 3,
    normalised as in Wang et al., "Learning Depth from Monocular Videos using Direct Methods", 2018.
    """
    relative = inverse_depths / inverse_depths.detach().mean().clamp(min=1e-6)
    colors = target.float() / 255
    total = inverse_depths.new_zeros(())
    for axis in (0, 1):
        edges = colors.diff(dim=axis + 1).abs().mean(0)
        total = total + (relative.diff(dim=axis).abs() * torch.exp(-sharpness * edges)).mean()
    return total
