"""Depth of a clip's still scene as most of its frames tell it, also behind things that move."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from numpy import ndarray
from torch import Tensor

from dynamic_predictor.ego_motion import relative_projection
from scene.cameras import Cameras

_SHRUNK = 2  # a side; a surface behind a thing is smooth enough for that
_OTHERS = 16  # frames that are asked ...
_REACH = 44  # ... of those at most so many frames away
_NEAREST = 2
_LEAST_SEEN = 4  # frames that must tell of a pixel
_JUMP = 0.15  # share of the inverse depth: over a pixel, one surface in front of another
_HIDDEN = 0.05  # of a shrunk pixel on moving things


@dataclass(frozen=True)
class _View:
    """What a frame tells others, shrunk.

    Args:
        inverse: inverse depths in 1 / world units; 0 = none.
        trusted: False at jumps of depth and on moving things, which hide what is behind and tell nothing.
    """

    inverse: Float32[ndarray, "H W"]
    trusted: Bool[ndarray, "H W"]


def still_depths(
    moving: Bool[ndarray, "N H W"], depths: Float[Tensor, "N H W"], cameras: Cameras
) -> Float[Tensor, "N H W"]:
    """Depths that other frames, far before and after, tell of each frame's pixels; its own where they do not.

    Each frame's surfaces are drawn into the others, the nearest before the rest, and the median counts. So a
    thing that moves does not matter, whatever depth its motion feigns, once it has gone on for most of them.

    Args:
        moving: True where something moves, as far as that is known.
        depths: z-depths of what stands still, in world units, 0 = none; anything where something moves.
        cameras: of all frames.
    """
    views = [_view(*each) for each in zip(moving, depths.numpy(), strict=True)]
    small = cameras.resized(cameras.width // _SHRUNK, cameras.height // _SHRUNK)
    told = np.stack([_told(row, views, small, cameras.size) for row in range(len(views))])
    return torch.where(torch.from_numpy(told > 0), torch.from_numpy(told), depths)


def _view(moving: Bool[ndarray, "H W"], depth: Float[ndarray, "H W"]) -> _View:
    size = depth.shape[1] // _SHRUNK, depth.shape[0] // _SHRUNK
    covered = cv2.resize(moving.astype(np.float32), size, interpolation=cv2.INTER_AREA) > _HIDDEN
    near = cv2.resize(depth.astype(np.float32), size, interpolation=cv2.INTER_NEAREST)
    inverse = np.where(near > 0, 1 / np.where(near > 0, near, 1), 0).astype(np.float32)
    around = np.ones((3, 3), np.uint8)
    highest = cv2.dilate(inverse, around)
    flat = highest - cv2.erode(inverse, around) < _JUMP * highest
    return _View(inverse, flat & (cv2.dilate(covered.astype(np.uint8), around) == 0))


def _told(
    row: int, views: Sequence[_View], cameras: Cameras, size: tuple[int, int]
) -> Float32[ndarray, "H W"]:
    """z-depths that others tell of a frame, at its own size (width, height); 0 where too few do."""
    others = _others(row, len(views))
    depth = np.zeros(views[row].inverse.shape, np.float32)
    if len(others) >= _LEAST_SEEN:
        drawn = [_drawn(views[other], cameras[other], cameras[row]) for other in others]
        ordered = np.sort(drawn, axis=0)  # NaN come last
        count = np.isfinite(ordered).sum(0)
        middle = np.maximum(count - 1, 0) // 2
        inverse = np.take_along_axis(ordered, middle[None], axis=0)[0]
        known = count >= _LEAST_SEEN
        depth[known] = 1 / inverse[known]
    return cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)


def _others(row: int, count: int) -> list[int]:
    """Frames spread evenly over a stretch of the clip around a frame, which is as long at the clip's ends."""
    first = max(0, min(row - _REACH, count - 1 - 2 * _REACH))
    last = min(count - 1, first + 2 * _REACH)
    rows = [other for other in range(first, last + 1) if abs(other - row) >= _NEAREST]
    chosen = np.linspace(0, len(rows) - 1, min(_OTHERS, len(rows))).round().astype(int)
    return [rows[index] for index in chosen]


def _drawn(view: _View, source: Cameras, target: Cameras) -> Float32[ndarray, "H W"]:
    """Inverse depths of a view's surfaces as another camera sees them; NaN where it tells nothing."""
    height, width = view.inverse.shape
    H, e = (part.double().numpy() for part in relative_projection(source, target))
    y, x = np.mgrid[:height, :width] + 0.5
    inverse = view.inverse.ravel()
    there = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3) @ H.T + inverse[:, None] * e
    ahead = (there[:, 2] > 0) & (inverse > 0)
    ratio = np.where(ahead, there[:, 2], 1)
    column, line = (np.floor(there[:, axis] / ratio) for axis in (0, 1))
    inside = ahead & (column >= 0) & (column < width) & (line >= 0) & (line < height)
    rows = np.flatnonzero(inside)
    nearness = inverse[rows] / ratio[rows]
    order = np.argsort(nearness, kind="stable")  # the nearest is written last
    rows, nearness = rows[order], nearness[order]
    drawn = np.full(height * width, np.nan, np.float32)
    places = (line[rows] * width + column[rows]).astype(np.int64)
    drawn[places] = np.where(view.trusted.ravel()[rows], nearness, np.nan)
    return drawn.reshape(height, width)
