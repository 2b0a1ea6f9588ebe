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
_CHUNK_POINTS = 2**17


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
    return _FlowTerm.apply(depths, c2w, focals, pixels, flows, largest_px)


class _FlowTerm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        depths: Tensor,
        c2w: Tensor,
        focals: Tensor,
        pixels: Tensor,
        flows: PairFlows,
        largest_px: float,
    ) -> Tensor:
        leaves = [leaf.detach().requires_grad_() for leaf in (depths, c2w, focals)]
        grads = [torch.zeros_like(leaf) for leaf in leaves]
        total, count = depths.new_zeros(()), 0
        for rows in _chunks(len(flows.edges), len(pixels)):
            with torch.enable_grad():
                value, kept = _chunk(leaves, pixels, flows, rows, largest_px)
                parts = torch.autograd.grad(value, leaves)
            for grad, part in zip(grads, parts, strict=True):
                grad.add_(part)
            total += value.detach()
            count += kept
        ctx.save_for_backward(*(grad.div_(max(1, count)) for grad in grads))
        return total / max(1, count)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return (*(grads[0] * saved for saved in ctx.saved_tensors), None, None, None)


def _chunk(
    leaves: list[Tensor],
    pixels: Tensor,
    flows: PairFlows,
    rows: slice,
    largest_px: float,
) -> tuple[Tensor, int]:
    """Sum of the differences that count, and how many they are."""
    depths, c2w, focals = leaves
    i, j = flows.edges[rows].unbind(dim=1)
    used = flows.used[rows, :, None].expand(-1, -1, 2)
    implied = ego_flow(depths[i], c2w[i], c2w[j], focals[i], focals[j], pixels)
    # Not used is not touched: a point behind a camera would make gradients that are no numbers.
    implied = torch.where(used, implied, 0.0)
    measured = torch.where(used, flows.flows[rows].to(implied), 0.0)
    difference = F.smooth_l1_loss(implied, measured, reduction="none")
    kept = used & (difference < largest_px)
    return torch.where(kept, difference, 0.0).sum(), int(kept.sum())


def _chunks(pairs: int, pixels: int) -> Iterator[slice]:
    step = max(1, _CHUNK_POINTS // max(1, pixels))
    for start in range(0, pairs, step):
        yield slice(start, min(start + step, pairs))
