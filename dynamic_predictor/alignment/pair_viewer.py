"""Cameras and depths of a single pair of frames, and of a single frame, without any optimisation."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.geometry import invert_se3, transform_points
from dynamic_predictor.alignment.focal import clipped_focal, focal_weiszfeld
from dynamic_predictor.alignment.perspective import pose_from_points
from dynamic_predictor.alignment.pointmaps import Pointmaps, sample_rows

_PNP_ITERATIONS = 100
_PNP_CONFIDENCE = 3.0
_PNP_PIXELS = 9216
_LEAST_POINTS = 50
_FOCAL_RANGE = (0.25, 6.0)


@dataclass(frozen=True)
class PairView:
    """One or two frames in one world.

    Args:
        c2w: world-from-camera; one of them is the world.
        focals: pixels.
        depths: z-depths in world units.
        confidences: of the pixels.
        posed: False where no camera could be found: it then stands where the other does.
    """

    c2w: Float[Tensor, "V 4 4"]
    focals: Float[Tensor, " V"]
    depths: Float[Tensor, "V P"]
    confidences: Float[Tensor, "V P"]
    posed: Bool[Tensor, " V"]


def view_single(
    pairs: Pointmaps, row: int, size: tuple[int, int], focal: Float[Tensor, ""] | None = None
) -> PairView:
    """The first frame of a pair, at the origin of the world."""
    points, confidence = _side(pairs, row, 0)
    if focal is None:
        focal = clipped_focal(focal_weiszfeld(points, pairs.pixels.to(points)), size, *_FOCAL_RANGE)
    pose = torch.eye(4, dtype=points.dtype)[None]
    depths = points[:, 2].clamp_min(0)[None]
    return PairView(pose, focal.reshape(1), depths, confidence[None], torch.ones(1, dtype=torch.bool))


def view_pair(
    pairs: Pointmaps,
    first: int,
    second: int,
    size: tuple[int, int],
    *,
    focals: Float[Tensor, "2"] | None = None,
    static: Bool[Tensor, "2 P"] | None = None,
) -> PairView:
    """Both frames of a pair whose directions have the rows `first` = (i, j) and `second` = (j, i).

    The direction of the larger confidence is the world; the other frame's camera is found from its points
    in it.

    Args:
        pairs: predictions.
        first: row of (i, j).
        second: row of (j, i).
        size: (height, width).
        focals: of i and j in pixels, if they are known.
        static: where nothing moves in i and j.
    """
    rows = (first, second)
    if focals is None:
        focals = torch.cat([view_single(pairs, row, size).focals for row in rows])
    means = [pairs.confidences[row].float().mean(dim=1).prod() for row in rows]
    base = 0 if means[0] >= means[1] else 1
    own, own_confidence = _side(pairs, rows[base], 0)
    other, other_confidence = _side(pairs, rows[base], 1)
    usable = torch.ones_like(other_confidence, dtype=torch.bool) if static is None else static[1 - base]
    pose = _pose(other, other_confidence, pairs.pixels.to(other), usable, focals[1 - base].item(), size)
    c2w = torch.eye(4, dtype=own.dtype).repeat(2, 1, 1)
    posed = torch.ones(2, dtype=torch.bool)
    if pose is None:
        posed[1 - base] = False
    else:
        c2w[1 - base] = pose
    depths = torch.stack([own[:, 2], transform_points(invert_se3(c2w[1 - base]), other)[:, 2]])
    confidences = torch.stack([own_confidence, other_confidence])
    order = [0, 1] if base == 0 else [1, 0]
    return PairView(c2w, focals.to(own), depths[order].clamp_min(0), confidences[order], posed)


def _side(pairs: Pointmaps, row: int, side: int) -> tuple[Float[Tensor, "P 3"], Float[Tensor, " P"]]:
    working = torch.promote_types(pairs.points.dtype, torch.float32)
    return pairs.points[row, side].to(working), pairs.confidences[row, side].to(working)


def _pose(
    points: Float[Tensor, "P 3"],
    confidences: Float[Tensor, " P"],
    pixels: Float[Tensor, "P 2"],
    usable: Bool[Tensor, " P"],
    focal: float,
    size: tuple[int, int],
) -> Float[Tensor, "4 4"] | None:
    lattice = sample_rows(*size, _PNP_PIXELS) if len(points) == size[0] * size[1] else slice(None)
    points, pixels = points[lattice], pixels[lattice]
    confident, usable = confidences[lattice] > _PNP_CONFIDENCE, usable[lattice]
    candidates = [confident & usable, usable, torch.ones_like(usable)]
    used = next(rows for rows in candidates if int(rows.sum()) >= _LEAST_POINTS or bool(rows.all()))
    camera = pose_from_points(points[used], pixels[used], focal, max(size), _PNP_ITERATIONS)
    return None if camera is None else camera.c2w
