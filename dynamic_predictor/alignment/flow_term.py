"""Agreement of optical flow with the flow that cameras and depths imply.

Source: J. Zhang et al., "MonST3R", 2024, eq. 6.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

_TINY = 1e-6  # keeps depths and divisors away from 0
_CHUNK_POINTS = 2**16


@dataclass(frozen=True)
class PairFlows:
    """Optical flow of directed pairs at P pixels.

    Args:
        edges: from frame i to frame j.
        flows: displacements in pixels, x then y.
        used: where the flow is believed and the scene stands still; the rest does not count.
    """

    edges: Int64[Tensor, "E 2"]
    flows: Float[Tensor, "E P 2"]
    used: Bool[Tensor, "E P"]


def ego_flow(
    source_depths: Float[Tensor, "B P"],
    source_c2w: Float[Tensor, "B 4 4"],
    target_c2w: Float[Tensor, "B 4 4"],
    source_focals: Float[Tensor, " B"],
    target_focals: Float[Tensor, " B"],
    pixels: Float[Tensor, "P 2"],
) -> Float[Tensor, "B P 2"]:
    """Where pixels of a still scene go when the camera moves.

    Args:
        source_depths: z-depths in the first camera.
        source_c2w: the first cameras.
        target_c2w: the second cameras.
        source_focals: pixels.
        target_focals: pixels.
        pixels: relative to the principal point.
    """
    R = target_c2w[:, :3, :3].mT @ source_c2w[:, :3, :3]
    move = (target_c2w[:, :3, :3].mT @ (source_c2w[:, :3, 3:] - target_c2w[:, :3, 3:])).mT
    rays = F.pad(pixels / source_focals[:, None, None], (0, 1), value=1.0)
    seen = rays @ R.mT + move / (source_depths + _TINY)[..., None]
    return target_focals[:, None, None] * seen[..., :2] / (seen[..., 2:] + _TINY) - pixels


def flow_term(
    depths: Float[Tensor, "N P"],
    c2w: Float[Tensor, "N 4 4"],
    focals: Float[Tensor, " N"],
    pixels: Float[Tensor, "P 2"],
    flows: PairFlows,
    *,
    largest_px: float = 50.0,
) -> Float[Tensor, ""]:
    """Mean smooth-L1 difference between both flows over coordinates.

    As with the alignment term, gradients are made with the value, a few pairs at a time.

    Args:
        depths: of the frames.
        c2w: world-from-camera.
        focals: pixels.
        pixels: relative to the principal point.
        flows: what was measured.
        largest_px: differences from here on are outliers and do not count.
    """
    i, j = flows.edges.unbind(dim=1)
    R = c2w[j, :3, :3].mT @ c2w[i, :3, :3]
    move = (c2w[j, :3, :3].mT @ (c2w[i, :3, 3:] - c2w[j, :3, 3:]))[..., 0]
    # From pixels (x, y, 1) to directions in the second camera.
    warps = torch.cat([R[..., :2] / focals[i, None, None], R[..., 2:]], dim=-1)
    return _FlowTerm.apply(depths, warps, move, focals[j], pixels, flows, largest_px)


class _FlowTerm(torch.autograd.Function):
    """With s = A (x, y, 1) + m / depth, a pixel is seen at f (s_x, s_y) / s_z."""

    @staticmethod
    def forward(
        ctx: Any,
        depths: Tensor,
        warps: Tensor,
        moves: Tensor,
        focals: Tensor,
        pixels: Tensor,
        flows: PairFlows,
        largest_px: float,
    ) -> Tensor:
        grads = [torch.zeros_like(leaf) for leaf in (depths, warps, moves, focals)]
        total, count = depths.new_zeros(()), 0
        homogeneous = F.pad(pixels, (0, 1), value=1.0)
        for rows in _chunks(len(flows.edges), len(pixels)):
            frames = flows.edges[rows, 0]
            near = (depths[frames] + _TINY).reciprocal()
            move, focal = moves[rows, :, None], focals[rows, None, None]
            seen = torch.baddbmm(
                move * near[:, None], warps[rows], homogeneous.mT.expand(len(frames), -1, -1)
            )
            # A point beside the camera is no match for any flow; its quotient must only stay finite.
            inverse = (seen[:, 2] + _TINY).reciprocal().clamp(-1 / _TINY, 1 / _TINY)
            there = focal * inverse[:, None] * seen[:, :2]
            pull, value, kept = _smooth_l1(
                there - pixels.mT - flows.flows[rows].mT, flows.used[rows], largest_px
            )
            total += value
            count += kept
            along = (pull * there).sum(dim=1)
            push = torch.cat([focal * inverse[:, None] * pull, -(along * inverse)[:, None]], dim=1)
            grads[0].index_add_(0, frames, -near.square() * (push * move).sum(dim=1))
            grads[1][rows] = push @ homogeneous
            grads[2][rows] = (push * near[:, None]).sum(dim=2)
            grads[3][rows] = along.sum(dim=1) / focals[rows]
        ctx.save_for_backward(*(grad.div_(max(1, count)) for grad in grads))
        return total / max(1, count)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return (*(grads[0] * saved for saved in ctx.saved_tensors), None, None, None)


def _smooth_l1(
    difference: Float[Tensor, "B 2 P"], used: Bool[Tensor, "B P"], largest: float
) -> tuple[Float[Tensor, "B 2 P"], Float[Tensor, ""], int]:
    """Slopes of the smooth-L1 losses that count, their sum, and how many they are."""
    slope = difference.clamp(-1, 1)
    # Between -1 and 1 it is d^2 / 2, beyond |d| - 1/2: with the slope c, both are c (d - c / 2).
    loss = slope * (difference - slope / 2)
    kept = used[:, None] & (loss < largest)
    return torch.where(kept, slope, 0.0), torch.where(kept, loss, 0.0).sum(), int(kept.sum())


def _chunks(pairs: int, pixels: int) -> Iterator[slice]:
    step = max(1, _CHUNK_POINTS // max(1, pixels))
    for start in range(0, pairs, step):
        yield slice(start, min(start + step, pairs))
