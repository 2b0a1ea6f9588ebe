"""What moves: many pairs' opinions of a pixel become one."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dynamic_predictor.alignment.pointmaps import Pointmaps

# A frame that seems to move almost everywhere would have no say in where its camera is.
_LEAST_STATIC_SHARE = 0.05


def dynamic_probabilities(pairs: Pointmaps) -> Float[Tensor, "N P"]:
    """Mean of what both heads say in all pairs, weighted by the confidence of the pixel in the pair.

    Raises:
        ValueError: the pairs come without such probabilities.
    """
    if pairs.dynamic is None:
        raise ValueError("these pointmaps were predicted without probabilities of motion")
    total = torch.zeros(pairs.frames, len(pairs.pixels), dtype=_working(pairs))
    weight = torch.zeros_like(total)
    for rows in pairs.chunks():
        for side in (0, 1):
            frames = pairs.edges[rows, side]
            confidence = pairs.confidences[rows, side].to(total)
            total.index_add_(0, frames, confidence * pairs.dynamic[rows, side].to(total))
            weight.index_add_(0, frames, confidence)
    return total / weight.clamp_min(1e-9)


def first_head_probabilities(pairs: Pointmaps) -> tuple[Float[Tensor, "N P"], Float[Tensor, "N P"]]:
    """Plain mean and maximum of what the first head says over pairs (i, .), as DAS3R has them.

    Raises:
        ValueError: the pairs come without such probabilities.
    """
    if pairs.dynamic is None:
        raise ValueError("these pointmaps were predicted without probabilities of motion")
    total = torch.zeros(pairs.frames, len(pairs.pixels), dtype=_working(pairs))
    largest = torch.zeros_like(total)
    for rows in pairs.chunks():
        said, frames = pairs.dynamic[rows, 0].to(total), pairs.edges[rows, 0]
        total.index_add_(0, frames, said)
        largest.scatter_reduce_(0, frames[:, None].expand_as(said), said, "amax")
    count = torch.bincount(pairs.edges[:, 0], minlength=pairs.frames).clamp_min(1)
    return total / count[:, None], largest


def static_pixels(moving: Bool[Tensor, "N P"]) -> Bool[Tensor, "N P"]:
    """Where nothing moves; everything in frames where that would leave almost no pixel."""
    static = ~moving
    return static | (static.float().mean(dim=1, keepdim=True) < _LEAST_STATIC_SHARE)


def _working(pairs: Pointmaps) -> torch.dtype:
    return torch.promote_types(pairs.confidences.dtype, torch.float32)
