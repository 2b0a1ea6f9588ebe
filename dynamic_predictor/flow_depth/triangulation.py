"""Inverse depth of every pixel from where flows say it goes, with known cameras.

A pixel p of inverse depth w is seen at h + w e, up to scale, with h = H p (`relative_projection`). That it is
seen at u gives two equations that are linear in w, (e - u e_z) w = u h_z - h, so that each flow gives w in
closed form, with its precision, and several neighbours are fused by a weighted mean.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dynamic_predictor.ego_motion import baseline, pixel_centers, relative_projection
from dynamic_predictor.flow import consistent, sample
from dynamic_predictor.flow_depth.ladder import Neighbor
from scene.cameras import Cameras

# Standard deviation of a flow vector: a part that is always there and one that grows with the parallax, which
# stands for errors of the cameras as well.
_NOISE_PX = 0.15
_NOISE_SHARE = 0.01
# A flow vector farther than this from its epipolar line is not that of a point at rest.
_FARTHEST_FROM_LINE_PX = 2.0
# Residuals in standard deviations from which on a neighbour hardly counts, from lenient to strict.
_SCALES = (16.0, 8.0, 4.0, 3.0)


@dataclass(frozen=True)
class Observations:
    """What K neighbours say of a frame's inverse depths.

    Args:
        inverse: inverse depths, in 1 / world units; of any sign, since flows err.
        precision: 1 / variance of them; 0 = nothing is known.
        reach_px: how far a pixel of inverse depth 1 would move, the median over the image.
    """

    inverse: Float[Tensor, "K H W"]
    precision: Float[Tensor, "K H W"]
    reach_px: Float[Tensor, " K"]


def observe(
    index: int,
    neighbors: list[Neighbor],
    cameras: Cameras,
    dynamic_masks: Bool[Tensor, "N H W"],
) -> Observations:
    """What each neighbour says of the frame's inverse depths; one at the same place says nothing.

    Args:
        index: of the frame.
        neighbors: other frames with their flows.
        cameras: of all frames.
        dynamic_masks: of all frames, True where something moves.
    """
    shape = dynamic_masks.shape[1:]
    told = [
        _observe_one(
            neighbor, cameras[index], cameras[neighbor.index], dynamic_masks[[index, neighbor.index]]
        )
        for neighbor in neighbors
        if baseline(cameras[index], cameras[neighbor.index]) > 0.0
    ]
    if not told:
        empty = torch.zeros(0, *shape, device=dynamic_masks.device)
        return Observations(empty, empty, empty[:, 0, 0])
    inverse, precision, reach = zip(*told, strict=True)
    return Observations(torch.stack(inverse), torch.stack(precision), torch.stack(reach))


def _observe_one(
    neighbor: Neighbor, source: Cameras, target: Cameras, dynamic_masks: Bool[Tensor, "2 H W"]
) -> tuple[Float[Tensor, "H W"], Float[Tensor, "H W"], Float[Tensor, ""]]:
    """Inverse depths, their precisions, and the median reach."""
    forward, backward = neighbor.forward, neighbor.backward
    homography, epipole = (part.to(forward) for part in relative_projection(source, target))
    pixels = pixel_centers((forward.shape[1], forward.shape[0]), forward)
    there = pixels + forward
    infinity = pixels @ homography[:, :2].mT + homography[:, 2]
    slope = epipole[:2] - there * epipole[2]
    offset = there * infinity[..., 2:] - infinity[..., :2]
    squared = slope.square().sum(-1).clamp_min(torch.finfo(forward.dtype).tiny)
    inverse = (slope * offset).sum(-1) / squared
    # Both equations are in pixels times the point's depth in the target over that in the source.
    scale = (infinity[..., 2] + inverse * epipole[2]).clamp_min(0.1)
    from_line = (offset - slope * inverse[..., None]).norm(dim=-1) / scale
    reach = squared.sqrt() / scale
    gap = (forward + sample(backward, forward)).square().sum(-1)
    variance = _NOISE_PX**2 + (_NOISE_SHARE * inverse * reach).square() + 0.25 * gap + from_line.square()
    moving = dynamic_masks[0] | (sample(dynamic_masks[1, ..., None].to(forward), forward)[..., 0] > 0)
    usable = consistent(forward, backward) & ~moving & (from_line < _FARTHEST_FROM_LINE_PX)
    return inverse, torch.where(usable, reach.square() / variance, 0), reach.median()


def fuse(observations: Observations) -> tuple[Float[Tensor, "H W"], Float[Tensor, "H W"]]:
    """Robust mean of what the neighbours say.

    Least squares with the weights of Geman and McClure, whose scale shrinks from step to step so that the
    start does not matter much.

    Returns:
        Inverse depths, and their precisions, which disagreement lowers; both 0 where nothing is known.

    Source: M. Black, A. Rangarajan, "On the unification of line processes, outlier rejection, and robust
    statistics", 1996, section 5.
    """
    inverse, precision = observations.inverse, observations.precision
    weights = precision
    for scale in _SCALES:
        mean = _mean(inverse, weights)
        squared = precision * (inverse - mean).square()
        weights = precision / (1 + squared / scale**2).square()
    mean = _mean(inverse, weights)
    total = weights.sum(0)
    spread = (weights * (inverse - mean).square()).sum(0) / total.clamp_min(1e-12)
    return mean, total / (1 + total * spread)


def _mean(values: Float[Tensor, "K H W"], weights: Float[Tensor, "K H W"]) -> Float[Tensor, "H W"]:
    return (weights * values).sum(0) / weights.sum(0).clamp_min(1e-12)
