"""Optical flow between the frames of pairs, each computed once, and what it says of motion.

Source: J. Zhang et al., "MonST3R", 2024, section 4.2: what moves is where optical flow differs from the flow
that the camera's motion implies.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from core.progress import Progress
from dynamic_predictor.alignment.flow_term import PairFlows, ego_flow
from dynamic_predictor.alignment.pair_viewer import view_pair
from dynamic_predictor.alignment.pointmaps import Pointmaps
from dynamic_predictor.flow import Flow, consistent

Watcher = Callable[[int, int, Float[Tensor, "H W 2"], Bool[Tensor, "H W"]], None]
"""Told frames i and j, the flow from i to j, and where the flow back confirms it."""

# The largest error but for a few stands for "moves". In a still scene it is noise, and must not.
_LARGEST_QUANTILE = 0.995
_LEAST_LARGEST = 0.01  # of the image's longer side


def measure_flows(
    images: Sequence[UInt8[Tensor, "H W 3"]],
    pairs: Sequence[tuple[int, int]],
    flow: Flow,
    lattice: Int64[Tensor, " S"],
    watch: Watcher | None = None,
) -> PairFlows:
    """Flow of each pair in both directions, kept at few pixels, and used where the flow back confirms it.

    Args:
        images: of one size.
        pairs: of different frames, each once.
        flow: the method.
        lattice: rows of the pixels to keep.
        watch: is shown every flow at all pixels.
    """
    count = 2 * len(pairs)
    edges = torch.zeros(count, 2, dtype=torch.int64)
    flows = torch.zeros(count, len(lattice), 2)
    used = torch.zeros(count, len(lattice), dtype=torch.bool)
    with Progress(len(pairs), label="flow") as progress:
        for row, (i, j) in enumerate(pairs):
            there, back = flow(images[i], images[j]).cpu(), flow(images[j], images[i]).cpu()
            directions = ((i, j, there, back), (j, i, back, there))
            for at, (source, target, forward, backward) in zip(
                (row, row + len(pairs)), directions, strict=True
            ):
                confirmed = consistent(forward, backward)
                edges[at] = torch.tensor([source, target])
                flows[at] = forward.reshape(-1, 2)[lattice]
                used[at] = confirmed.reshape(-1)[lattice]
                if watch is not None:
                    watch(source, target, forward, confirmed)
            progress.advance()
    return PairFlows(edges, flows, used)


class MotionFromFlow:
    """Probabilities that things move, from pairs' own geometry and optical flow.

    A pair that was asked about in both directions gives cameras and depths by itself, and so the flow of a
    still scene. The distance of the measured flow from it, as a share of the pair's largest, is averaged
    over a frame's pairs.

    Args:
        pairs: predictions at all pixels.
        size: (height, width).
        focal: in pixels, if it is known.
    """

    def __init__(self, pairs: Pointmaps, size: tuple[int, int], focal: float | None = None) -> None:
        self._pairs, self._size = pairs, size
        self._focals = None if focal is None else torch.full((2,), focal)
        self._sum = torch.zeros(pairs.frames, *size)
        self._count = torch.zeros(pairs.frames, *size)

    def __call__(self, i: int, j: int, flow: Float[Tensor, "H W 2"], confirmed: Bool[Tensor, "H W"]) -> None:
        """Take in the flow from frame i to frame j."""
        first, second = self._pairs.row(i, j), self._pairs.row(j, i)
        if first is None or second is None or not bool(confirmed.any()):
            return
        view = view_pair(self._pairs, first, second, self._size, focals=self._focals)
        if not bool(view.posed.all()):
            return
        implied = ego_flow(
            view.depths[:1], view.c2w[:1], view.c2w[1:], view.focals[:1], view.focals[1:], self._pairs.pixels
        )
        error = torch.linalg.vector_norm(implied[0].reshape(flow.shape) - flow, dim=-1)
        usable = confirmed & error.isfinite() & (view.depths[0].reshape(self._size) > 0)
        if bool(usable.any()):
            largest = torch.quantile(error[usable][:: max(1, int(usable.sum()) // 2**20)], _LARGEST_QUANTILE)
            largest = max(largest.item(), _LEAST_LARGEST * max(self._size))
            self._sum[i] += torch.where(usable, (error / largest).clamp(max=1), 0.0)
            self._count[i] += usable

    def probabilities(self) -> Float[Tensor, "N H W"]:
        """Means over the pairs seen so far; 0 where no pair has a say."""
        return self._sum / self._count.clamp_min(1)
