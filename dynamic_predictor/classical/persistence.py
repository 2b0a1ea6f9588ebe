"""Agreement along the paths of pixels: what moves in one frame moves in the next."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray

from dynamic_predictor.classical.remembered import RememberedFlow, places, sampled
from dynamic_predictor.flow import consistent

_MEMORY = 0.7  # weight that a frame's vote keeps from one frame to the next
_LONG_MEMORY = 0.98  # of having moved, from one frame to the next ...
_FORGOTTEN = 0.5  # ... and what it has fallen to when it counts no more: 34 frames


def along_paths(votes: Float[ndarray, "N H W"], flows: RememberedFlow) -> Float[ndarray, "N H W"]:
    """Weighted means of votes along the flow, into the past and the future; weights fall by 0.7 a frame.

    A path ends where the flow back does not confirm it.

    Args:
        votes: in [0, 1].
        flows: between the frames.
    """
    past, past_weight = _accumulate(votes, flows, step=1)
    future, future_weight = _accumulate(votes, flows, step=-1)
    return (past + future - votes) / (past_weight + future_weight - 1)


def _accumulate(
    votes: Float[ndarray, "N H W"], flows: RememberedFlow, step: int
) -> tuple[Float[ndarray, "N H W"], Float[ndarray, "N H W"]]:
    """Sums of votes and of weights up to each frame, from the clip's beginning (1) or from its end (-1)."""
    sums, weights = votes.copy(), np.ones_like(votes)
    for row in range(len(votes))[::step]:
        before = row - step
        flow = flows.between(row, before)
        back = flows.between(before, row) if flow is not None else None
        if flow is None or back is None:
            continue
        kept = _MEMORY * _confirmed(flow, back)
        target = places(*flow.shape[:2]) + flow
        sums[row] += kept * sampled(sums[before], target)
        weights[row] += kept * sampled(weights[before], target)
    return sums, weights


def between_motions(moving: Bool[ndarray, "N H W"], flows: RememberedFlow) -> Bool[ndarray, "N H W"]:
    """True on the paths of pixels that move in an earlier frame and in a later one, and where pixels move.

    What stops and goes is found while it rests; so are halos, which other evidence has to tell apart. A rest
    of more than some 34 frames is forgotten.

    Args:
        moving: True where something moves.
        flows: between the frames.
    """
    votes = moving.astype(np.float32)
    return np.minimum(_remembered(votes, flows, step=1), _remembered(votes, flows, step=-1)) > _FORGOTTEN


def _remembered(votes: Float[ndarray, "N H W"], flows: RememberedFlow, step: int) -> Float[ndarray, "N H W"]:
    """Strongest votes on the paths up to each frame, from the clip's beginning (1) or from its end (-1)."""
    strongest = votes.copy()
    for row in range(len(votes))[::step]:
        before = row - step
        flow = flows.between(row, before)
        back = flows.between(before, row) if flow is not None else None
        if flow is None or back is None:
            continue
        told = sampled(strongest[before], places(*flow.shape[:2]) + flow)
        strongest[row] = np.maximum(strongest[row], _LONG_MEMORY * _confirmed(flow, back) * told)
    return strongest


def _confirmed(flow: Float[ndarray, "H W 2"], back: Float[ndarray, "H W 2"]) -> Bool[ndarray, "H W"]:
    return consistent(torch.from_numpy(flow), torch.from_numpy(back)).numpy()
