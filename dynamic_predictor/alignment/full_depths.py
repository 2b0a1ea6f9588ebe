"""Depths of all pixels of frames whose cameras are known by now.

With the cameras and the pairs' places held, the alignment falls apart into one problem a pixel: the depth d
along its ray r that has the least sum of weighted distances |d r - y_k| to the points y_k that the pairs
propose. It is convex, and iteratively reweighted least squares solves it in a few rounds.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.geometry import invert_se3
from dynamic_predictor.alignment.objective import ConfidenceWeight, Distance, confidence_weights
from dynamic_predictor.alignment.pointmaps import Pointmaps

_ROUNDS = 10
_VALUES = 2**20  # proposals that are worked on at once
_TINY = 1e-9


def fit_depths(
    pairs: Pointmaps,
    c2w: Float[Tensor, "N 4 4"],
    focals: Float[Tensor, " N"],
    transforms: Float[Tensor, "E 3 4"],
    distance: Distance = "l1",
    weight: ConfidenceWeight = "log",
) -> Float[Tensor, "N P"]:
    """z-depths in world units, positive; 0 where no pair proposes a point in front of the camera.

    Args:
        pairs: predictions at the pixels in question.
        c2w: world-from-camera.
        focals: pixels.
        transforms: world-from-pair similarities.
        distance: `l1` for distances, `l2` for their squares.
        weight: how confidences become weights.
    """
    depths = torch.zeros(pairs.frames, len(pairs.pixels), dtype=c2w.dtype)
    w2c = invert_se3(c2w)
    for frame in range(pairs.frames):
        shown = list(pairs.shown(frame))
        if not shown:
            continue
        into = torch.stack([w2c[frame, :3, :3] @ transforms[row] for row, _ in shown])
        into[:, :, 3] += w2c[frame, :3, 3]
        step = max(1, _VALUES // len(shown))
        for start in range(0, len(pairs.pixels), step):
            block = slice(start, start + step)
            proposed = torch.stack([pairs.points[row, side, block] for row, side in shown]).to(c2w)
            confidence = torch.stack([pairs.confidences[row, side, block] for row, side in shown]).to(c2w)
            rays = torch.nn.functional.pad(pairs.pixels[block].to(c2w) / focals[frame], (0, 1), value=1.0)
            placed = proposed @ into[:, :, :3].mT + into[:, None, :, 3]
            weights = confidence_weights(confidence, weight)
            depths[frame, block] = along_rays(rays, placed, weights, 1 if distance == "l2" else _ROUNDS)
    return depths


def along_rays(
    rays: Float[Tensor, "P 3"],
    points: Float[Tensor, "K P 3"],
    weights: Float[Tensor, "K P"],
    rounds: int = _ROUNDS,
) -> Float[Tensor, " P"]:
    """The multiple of each ray that is nearest to K points; 0 where that is not in front of the camera.

    Args:
        rays: directions with z = 1.
        points: in camera axes.
        weights: at least 0; where all are 0 the points count equally.
        rounds: of reweighting; one gives least squares.
    """
    weights = torch.where(weights.sum(dim=0) > 0, weights, 1.0)
    squared = rays.square().sum(dim=-1)
    # A point is at distance sqrt(squared (d - nearest)^2 + off_axis) from d r.
    nearest = (points * rays).sum(dim=-1) / squared
    off_axis = (points.square().sum(dim=-1) - squared * nearest.square()).clamp_min(0)
    depths = (weights * nearest).sum(dim=0) / weights.sum(dim=0)
    for _ in range(rounds - 1):
        distances = (squared * (depths - nearest).square() + off_axis).sqrt()
        pull = weights / (distances + _TINY)
        depths = (pull * nearest).sum(dim=0) / pull.sum(dim=0)
    return depths.clamp_min(0)
