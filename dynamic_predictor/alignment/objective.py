"""What global alignment minimises: distances between pointmaps and the world, jumps of the camera.

Source: S. Wang et al., "DUSt3R", 2024, eq. 5; J. Zhang et al., "MonST3R", 2024, eq. 5-7.
"""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from core.geometry import invert_se3

Distance = Literal["l1", "l2"]
ConfidenceWeight = Literal["log", "sqrt", "m1", "id"]

# Points that one side of a chunk of pairs holds: few enough to stay in the processor's cache.
_CHUNK_POINTS = 2**16


def confidence_weights(
    confidences: Float[Tensor, "*shape"], kind: ConfidenceWeight = "log"
) -> Float[Tensor, "*shape"]:
    """How much a pixel counts: log c, sqrt c, c - 1, or c itself."""
    weights = {
        "log": torch.log,
        "sqrt": torch.sqrt,
        "m1": lambda c: c - 1,
        "id": lambda c: c,
    }
    return weights[kind](confidences)


def alignment_term(
    world: Float[Tensor, "N P 3"],
    transforms: Float[Tensor, "E 3 4"],
    edges: Int64[Tensor, "E 2"],
    points: Float[Tensor, "E 2 P 3"],
    weights: Float[Tensor, "E 2 P"],
    distance: Distance = "l1",
) -> Float[Tensor, "2"]:
    """Mean weighted distance between the frames' points and the pairs' pointmaps, for each side of the pairs.

    The gradient is worked out with the value, pair by pair, so that the memory is that of the frames however
    many pairs there are.

    Args:
        world: points of the frames' pixels.
        transforms: world-from-pair similarities.
        edges: frames of each pair.
        points: pointmaps, of any floating type; they may lie in a file.
        weights: of the pixels, at least 0.
        distance: `l1` is the length of the difference, `l2` its square.
    """
    return _AlignmentTerm.apply(world, transforms, edges, points, weights, distance)


class _AlignmentTerm(torch.autograd.Function):
    """With r = x - T y, a length has the gradient r / |r| and a square 2 r; the rest is linear."""

    @staticmethod
    def forward(
        ctx: Any,
        world: Tensor,
        transforms: Tensor,
        edges: Tensor,
        points: Tensor,
        weights: Tensor,
        distance: Distance,
    ) -> Tensor:
        # Coordinates in planes: sums over three neighbours in memory are slow.
        planes = world.mT.contiguous()
        world_grad = torch.zeros(2, *planes.shape, dtype=world.dtype)
        transform_grad = torch.zeros(2, *transforms.shape, dtype=transforms.dtype)
        sums = world.new_zeros(2)
        for rows in _chunks(len(edges), points.shape[2]):
            rotation, move = transforms[rows, :, :3], transforms[rows, :, 3:]
            for side in (0, 1):
                frames = edges[rows, side]
                local, weight = points[rows, side].to(world), weights[rows, side].to(world)
                residual = planes[frames] - torch.baddbmm(move, rotation, local.mT)
                squared = residual.square().sum(dim=1)
                if distance == "l1":
                    length = squared.sqrt_()
                    sums[side] += (weight * length).sum()
                    pull = residual.mul_((weight / length.clamp_min(1e-30))[:, None])
                else:
                    sums[side] += (weight * squared).sum()
                    pull = residual.mul_(2 * weight[:, None])
                world_grad[side].index_add_(0, frames, pull)
                transform_grad[side, rows, :, :3] = -pull @ local
                transform_grad[side, rows, :, 3] = -pull.sum(dim=2)
        area = max(1, len(edges) * points.shape[2])
        ctx.save_for_backward(world_grad.div_(area).mT, transform_grad.div_(area))
        return sums / area

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        world_grad, transform_grad = ctx.saved_tensors
        first, second = grads[0]
        world = torch.add(world_grad[0] * first, world_grad[1] * second)
        transforms = transform_grad[0] * first + transform_grad[1] * second
        return world, transforms, None, None, None, None


def smoothness_term(c2w: Float[Tensor, "N 4 4"], translation_weight: float = 1.0) -> Float[Tensor, " N-1"]:
    """How far each camera is from the one before: ||R - I||_F + weight * |t| of the motion between them."""
    motion = invert_se3(c2w[:-1]) @ c2w[1:]
    turn = motion[:, :3, :3] - torch.eye(3, dtype=c2w.dtype)
    return torch.linalg.matrix_norm(turn) + translation_weight * torch.linalg.vector_norm(
        motion[:, :3, 3], dim=-1
    )


def depth_term(
    log_depths: Float[Tensor, "N P"], initial: Float[Tensor, "N P"], moving: Bool[Tensor, "N P"]
) -> Float[Tensor, ""]:
    """Scale-free distance to earlier depths: the variance of log-ratios in a frame, twice where things move.

    Args:
        log_depths: logarithms of the depths.
        initial: logarithms of what they should stay near.
        moving: where something moves.
    """
    ratio = log_depths - initial
    return ((1 + moving.to(ratio)) * (ratio - ratio.mean(dim=1, keepdim=True)).square()).mean()


def _chunks(pairs: int, pixels: int) -> Iterator[slice]:
    step = max(1, _CHUNK_POINTS // max(1, pixels))
    for start in range(0, pairs, step):
        yield slice(start, min(start + step, pairs))
