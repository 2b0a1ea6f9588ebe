"""Ambient occlusion: how much of the surroundings' light reaches a point.

The resting world is filled into voxels and blurred; a point is as dark as the space before it is full. What
moves adds a soft darkness about its bounding boxes.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray
from scipy.ndimage import gaussian_filter

from data.synthetic.parts import Shape
from data.synthetic.world import Snapshot

Rows = Float32[ndarray, "3 N"]

# Distance from the surface in metres, blur in metres, strength: creases first, then corners of rooms and
# streets.
_SCALES = ((0.16, 0.10, 1.2), (0.55, 0.40, 1.1))


@dataclass(frozen=True)
class Occlusion:
    """Blurred occupancy.

    Args:
        origin: outer corner of the first voxel in metres.
        voxel_m: side of a voxel.
        fullness: for each scale, z slices stacked along the rows of one image.
        slices: how many.
    """

    origin: Float64[ndarray, "3"]
    voxel_m: float
    fullness: tuple[Float32[ndarray, "ZY X"], ...]
    slices: int

    def openness(self, points: Rows, normals: Rows) -> Float32[ndarray, " N"]:
        """1 in the open, less in corners.

        Args:
            points: positions in the world.
            normals: unit, toward the side that is looked at.
        """
        darkness = np.zeros(points.shape[1], np.float32)
        for (distance, _, strength), image in zip(_SCALES, self.fullness, strict=True):
            darkness += np.float32(strength) * self._sample(image, points + normals * np.float32(distance))
        return np.exp(-darkness)

    def _sample(self, image: Float32[ndarray, "ZY X"], points: Rows) -> Float32[ndarray, " N"]:
        """Trilinear; 0 outside."""
        column, row, layer = (
            (points[a] - np.float32(self.origin[a])) / np.float32(self.voxel_m) - 0.5 for a in range(3)
        )
        height = image.shape[0] // self.slices
        below = np.clip(np.floor(layer), 0, self.slices - 2)
        fraction = np.clip(layer - below, 0, 1)
        inside = (row > 0) & (row < height - 1) & (layer < self.slices)
        row = np.where(inside, row, 0)
        low = _fetch(image, column, row + below * height)
        high = _fetch(image, column, row + (below + 1) * height)
        return np.where(inside, low + (high - low) * fraction, 0).astype(np.float32)


def make_occlusion(
    snapshot: Snapshot, *, half_axes_m: tuple[float, float], height_m: float, voxel_m: float
) -> Occlusion:
    """Fill the resting parts into voxels.

    Args:
        snapshot: what rests.
        half_axes_m: half the sides, along x and y, of the rectangle about the origin that is filled.
        height_m: from 0.4 m below the ground up to here.
        voxel_m: metres.
    """
    origin = np.array([-half_axes_m[0], -half_axes_m[1], -0.4])
    sides = np.array([2 * half_axes_m[0], 2 * half_axes_m[1], height_m + 0.4])
    counts = np.ceil(sides / voxel_m).astype(int)
    filled = np.zeros(counts[::-1], np.float32)
    corners = snapshot.corners()
    lows = np.clip(np.floor((corners.min(1) - origin) / voxel_m), 0, counts).astype(int)
    highs = np.clip(np.ceil((corners.max(1) - origin) / voxel_m), 0, counts).astype(int)
    # Cups and handles are lost in a voxel.
    large = (2 * snapshot.half_extents).prod(1) > 0.05 * voxel_m**3
    for part in np.flatnonzero((lows < highs).all(1) & large).tolist():
        low, high = lows[part], highs[part]
        axes = [((np.arange(low[a], high[a]) + 0.5) * voxel_m + origin[a]) for a in range(3)]
        z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
        world = np.stack([x, y, z], axis=-1)
        transform = snapshot.part_from_world[part]
        local = (world @ transform[:3, :3].T + transform[:3, 3]).astype(np.float32)
        share = _coverage(int(snapshot.shapes[part]), local, snapshot.sizes[part], voxel_m)
        area = filled[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
        np.maximum(area, share * (0.5 if snapshot.pierced[part] else 1.0), out=area)
    blurred = (
        gaussian_filter(filled, blur / voxel_m, mode="nearest", truncate=2.0) for _, blur, _ in _SCALES
    )
    return Occlusion(
        origin, voxel_m, tuple(volume.reshape(-1, counts[0]) for volume in blurred), int(counts[2])
    )


def contact(points: Rows, boxes: Float64[ndarray, "M 2 3"]) -> Float32[ndarray, " N"]:
    """1 away from moving things, down to 0.45 right beside or under them.

    Args:
        points: positions in the world.
        boxes: lower and upper corners of what moves, in metres.
    """
    reach = np.float32(0.6)
    factor = np.ones(points.shape[1], np.float32)
    for low, high in boxes.astype(np.float32):
        near = np.ones(points.shape[1], bool)
        for axis in range(3):
            near &= (points[axis] > low[axis] - reach) & (points[axis] < high[axis] + reach)
        rows = np.flatnonzero(near)
        middle, half = (low + high) / 2, (high - low) / 2 * np.float32(0.8)
        outside = np.maximum(np.abs(np.take(points, rows, axis=1) - middle[:, None]) - half[:, None], 0)
        distance = np.sqrt((outside**2).sum(0))
        factor[rows] *= 1 - np.float32(0.55) * np.clip(1 - distance / reach, 0, 1) ** 2
    return factor


def _coverage(
    shape: int, local: Float32[ndarray, "Z Y X 3"], size: Float32[ndarray, "5"], voxel_m: float
) -> Float32[ndarray, "Z Y X"]:
    """About which share of each voxel a solid fills: thin things fill little of it."""
    x, y, z = np.moveaxis(local, -1, 0)
    if shape == Shape.ELLIPSOID:
        level = 1 - np.sqrt((x / size[0]) ** 2 + (y / size[1]) ** 2 + (z / size[2]) ** 2)
        return np.clip(level * size[:3].min() / voxel_m + 0.5, 0, 1).astype(np.float32)
    if shape == Shape.CYLINDER:
        radius = (size[0] + size[1]) / 2 + (size[1] - size[0]) / 2 * np.clip(z / size[2], -1, 1)
        share = _overlap(np.hypot(x, y), radius, voxel_m) * np.minimum(1, 2 * radius / voxel_m)
        return (share * _overlap(np.abs(z), size[2], voxel_m)).astype(np.float32)
    lift = np.clip(z / size[2], -1, 1)
    widths = [size[a] * ((1 + size[3 + a]) / 2 + (size[3 + a] - 1) / 2 * lift) for a in (0, 1)]
    share = _overlap(np.abs(x), widths[0], voxel_m) * _overlap(np.abs(y), widths[1], voxel_m)
    return (share * _overlap(np.abs(z), size[2], voxel_m)).astype(np.float32)


def _overlap(distance: ndarray, half: ndarray | np.floating, voxel_m: float) -> ndarray:
    """The share of an interval of `voxel_m` at a distance from the middle that lies within `half` of it."""
    return np.clip((half + voxel_m / 2 - distance) / voxel_m, 0, np.minimum(1, 2 * half / voxel_m))


def _fetch(
    image: Float32[ndarray, "ZY X"], column: Float32[ndarray, " N"], row: Float32[ndarray, " N"]
) -> Float32[ndarray, " N"]:
    count, width = len(column), 1024
    padded = -(-count // width) * width
    maps = np.zeros((2, padded), np.float32)
    maps[0, :count], maps[1, :count] = column, row
    grids = maps.reshape(2, -1, width)
    return cv2.remap(image, grids[0], grids[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT).ravel()[
        :count
    ]
