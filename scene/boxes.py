"""Boxes of labelled objects: their corners, the points inside, and the pixels they cover.

Corners are in the order of the sign table below; a box's own axes are x ahead, y left, z up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from numpy import ndarray
from torch import Tensor

from scene.drive import Box

_SIGNS = np.array(list(product((-0.5, 0.5), repeat=3)))
_EDGES = np.array(
    [(a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(_SIGNS[a] - _SIGNS[b]).sum() == 1]
)
_NEAR_M = 0.1


@dataclass(frozen=True)
class MovingBoxes:
    """Which boxes count as moving objects that a picture shows well enough to be scored on."""

    min_speed_m_s: float = 1.0
    """Boxes must be faster than this, metres per second."""
    max_distance_m: float = 80.0
    """Their centres must be nearer to the camera than this, metres."""
    min_lidar_points: int = 10
    """At least so many lidar returns must lie inside."""

    def choose(self, boxes: Sequence[Box], camera_center: Float[Tensor, "3"]) -> tuple[Box, ...]:
        """The boxes that count for a camera.

        Args:
            boxes: of one frame.
            camera_center: in the world, metres.
        """
        return tuple(
            box
            for box in boxes
            if box.speed_m_s > self.min_speed_m_s
            and box.lidar_points >= self.min_lidar_points
            and float((box.world_from_box[:3, 3] - camera_center).norm()) < self.max_distance_m
        )


def box_corners(
    world_from_box: Float64[ndarray, "4 4"], size_m: tuple[float, float, float]
) -> Float64[ndarray, "8 3"]:
    """The corners of a box in the world.

    Args:
        world_from_box: its pose; the origin is its centre.
        size_m: length, width, height.
    """
    return (_SIGNS * size_m) @ world_from_box[:3, :3].T + world_from_box[:3, 3]


def points_inside(box: Box, xyz: Float[Tensor, "P 3"]) -> Bool[Tensor, " P"]:
    """True for points of the world that lie in a box or on its faces."""
    own = (xyz.double() - box.world_from_box[:3, 3]) @ box.world_from_box[:3, :3]
    return (own.abs() <= 0.5 * torch.tensor(box.size_m, dtype=torch.float64)).all(dim=1)


def count_points(boxes: Sequence[Box], xyz: Float[Tensor, "P 3"]) -> list[int]:
    """How many points of the world lie in each box."""
    order = torch.argsort(xyz[:, 0])
    xyz = xyz[order]
    counts = []
    for box in boxes:
        x = float(box.world_from_box[0, 3])
        reach = 0.5 * float(np.linalg.norm(box.size_m))
        # Only the slab that the box can reach into: a sweep has 100,000 points, a frame 100 boxes.
        ends = torch.tensor([x - reach, x + reach], dtype=xyz.dtype)
        low, high = torch.searchsorted(xyz[:, 0].contiguous(), ends, right=True).tolist()
        counts.append(int(points_inside(box, xyz[low:high]).sum()))
    return counts


def hull_mask(
    corners: Float64[ndarray, "8 3"], K: Float64[ndarray, "3 3"], width: int, height: int
) -> Bool[ndarray, "H W"]:
    """True for pixels whose centre lies in the convex hull of a projected box, cut at the near plane.

    Args:
        corners: of the box, in the camera: OpenCV axes, metres.
        K: intrinsics, pixels; straight lines stay straight.
        width: of the image, in pixels.
        height: likewise.
    """
    mask = np.zeros((height, width), bool)
    visible = _cut_at_near_plane(corners)
    if len(visible) < 3:
        return mask
    pixels = (visible / visible[:, 2:]) @ K[:2].T
    hull = cv2.convexHull(pixels.astype(np.float32), clockwise=False)[:, 0].astype(np.float64)
    low = np.clip(np.floor(hull.min(axis=0)), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(hull.max(axis=0)), 0, (width, height)).astype(int)
    x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
    edges = np.roll(hull, -1, axis=0) - hull
    # A point inside is on the same side of every edge.
    sides = [u * (y - y0) - v * (x - x0) for (x0, y0), (u, v) in zip(hull, edges, strict=True)]
    if len(hull) >= 3:
        inside = np.all(np.greater_equal(sides, 0), axis=0) | np.all(np.less_equal(sides, 0), axis=0)
        mask[low[1] : high[1], low[0] : high[0]] = inside
    return mask


def _cut_at_near_plane(corners: Float64[ndarray, "8 3"]) -> Float64[ndarray, "V 3"]:
    """The vertices of the part of a box that is before the near plane."""
    in_front = corners[:, 2] >= _NEAR_M
    if in_front.all():
        return corners
    start, end = corners[_EDGES[:, 0]], corners[_EDGES[:, 1]]
    crossing = in_front[_EDGES[:, 0]] != in_front[_EDGES[:, 1]]
    start, end = start[crossing], end[crossing]
    share = (_NEAR_M - start[:, 2:]) / (end[:, 2:] - start[:, 2:])
    return np.concatenate([corners[in_front], start + share * (end - start)])


def boxes_mask(
    boxes: Sequence[Box],
    viewmat: Float[Tensor, "4 4"],
    K: Float[Tensor, "3 3"],
    width: int,
    height: int,
    rule: MovingBoxes | None = None,
) -> Bool[Tensor, "H W"]:
    """True for pixels that a moving box covers; what stands before the box is covered too.

    Args:
        boxes: of the frame that the picture belongs to.
        viewmat: camera-from-world.
        K: intrinsics, pixels.
        width: of the picture, in pixels.
        height: likewise.
        rule: which boxes count.
    """
    camera = viewmat.double().numpy()
    center = torch.from_numpy(-camera[:3, :3].T @ camera[:3, 3])
    mask = np.zeros((height, width), bool)
    for box in (rule or MovingBoxes()).choose(boxes, center):
        corners = box_corners(box.world_from_box.numpy(), box.size_m)
        mask |= hull_mask(corners @ camera[:3, :3].T + camera[:3, 3], K.double().numpy(), width, height)
    return torch.from_numpy(mask)
