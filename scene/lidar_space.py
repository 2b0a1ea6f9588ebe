"""What sweeps say of space: the height of the ground, and whether rays went through a place.

Everything is in the world, metres, z up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.ndimage import maximum_filter, median_filter, minimum_filter, uniform_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

_CELL_M = 0.5
_LOWEST_SHARE = 0.05  # of a cell's returns may lie below the ground: reflections do
_STEEPEST = 0.15  # rise over run of a road and of what borders it
_HEIGHT_BITS = 24
_PIT_M = 0.3
_REACH_CELLS = 12  # over which the slope is held: longer than a truck's half width

_AZIMUTH_DEG, _ELEVATION_DEG = 0.25, 0.4
_WINDOW = 3  # cells; wider than the gap between the beams of usual sensors
_LEAST_RAYS = 2
_ORIGIN_BINS = 72
# Lidars of one car are farther apart than the ways that one goes between two of its columns.
_ROUNDING_M, _SAME_LIDAR_M = 0.1, 0.35


@dataclass(frozen=True)
class Ground:
    """Heights of the ground on a grid.

    Args:
        low: corner of the grid, metres.
        heights: of its cells, metres; infinite where no return is near.
    """

    low: Float[ndarray, "2"]
    heights: Float[ndarray, "X Y"]

    @classmethod
    def of(cls, sweeps: Sequence[Float[ndarray, "_P 3"]]) -> "Ground":
        """The ground that sweeps show together: what one car hides, another moment shows.

        A cell is as high as its lowest returns, yet no higher than the cells around it and the steepest slope
        allow; roofs and hedges are told from ground by this.
        """
        xyz = np.concatenate(list(sweeps)) if len(sweeps) else np.zeros((0, 3), np.float32)
        if not len(xyz):
            return cls(np.zeros(2), np.full((1, 1), np.inf))
        low = np.floor(xyz[:, :2].min(axis=0))
        cells = ((xyz[:, :2] - low) / _CELL_M).astype(np.int64)
        shape = cells.max(axis=0) + 1
        flat = cells[:, 0] * shape[1] + cells[:, 1]
        # One sort by cell, then by height: heights are millimetres in the lower bits.
        floor = xyz[:, 2].min()
        keys = np.sort((flat << _HEIGHT_BITS) + (1000 * (xyz[:, 2] - floor)).astype(np.int64))
        starts = np.flatnonzero(np.diff(keys >> _HEIGHT_BITS, prepend=-1))
        counts = np.diff(starts, append=len(keys))
        lowest = keys[starts + (_LOWEST_SHARE * counts).astype(np.int64)]
        heights = np.full(shape.prod(), np.inf)
        heights[lowest >> _HEIGHT_BITS] = floor + 0.001 * (lowest & ((1 << _HEIGHT_BITS) - 1))
        heights = heights.reshape(shape)
        # Returns far below their surroundings are mirrored by wet roads and glass.
        around = median_filter(heights, 5, mode="nearest")
        heights = np.where(heights < around - _PIT_M, around, heights)
        return cls(low, _slope_limited(heights))

    def above(self, xyz: Float[ndarray, "P 3"]) -> Float[ndarray, " P"]:
        """Heights of points over the ground; minus infinity outside of the grid's known cells."""
        cells = np.floor((xyz[:, :2] - self.low) / _CELL_M).astype(np.int64)
        inside = ((cells >= 0) & (cells < self.heights.shape)).all(axis=1)
        cells[~inside] = 0
        return np.where(inside, xyz[:, 2] - self.heights[cells[:, 0], cells[:, 1]], -np.inf)


def _slope_limited(heights: Float[ndarray, "X Y"]) -> Float[ndarray, "X Y"]:
    """The greatest heights below the given ones that are nowhere steeper than allowed."""
    rise = _STEEPEST * _CELL_M
    for _ in range(_REACH_CELLS):
        for axis in (0, 1):
            padded = np.pad(heights, 1, constant_values=np.inf)
            before, after = (np.roll(padded, shift, axis)[1:-1, 1:-1] for shift in (1, -1))
            heights = np.minimum(heights, np.minimum(before, after) + rise)
    return heights


@dataclass(frozen=True)
class RangeImage:
    """Ranges of one lidar's turn by direction; every entry knows the extremes of a small window around it.

    Args:
        origins: where rays began, by azimuth in equal bins: the car moves while the lidar turns.
        nearest: least range of what stands on the ground in the window, metres; infinite where nothing does.
        farthest: greatest range of all rays, metres; 0 where too few went.
    """

    origins: Float[ndarray, "B 3"]
    nearest: Float[ndarray, "A E"]
    farthest: Float[ndarray, "A E"]

    @classmethod
    def of(
        cls, xyz: Float[ndarray, "P 3"], origins: Float[ndarray, "P 3"], standing: Bool[ndarray, " P"]
    ) -> "RangeImage":
        """The image of the returns of one lidar.

        Args:
            xyz: returns, at least one.
            origins: where each ray began.
            standing: which of them are not the ground.
        """
        rays = xyz - origins
        cells, ranges = _cells(rays)
        shape = (round(360 / _AZIMUTH_DEG), round(180 / _ELEVATION_DEG))
        nearest, farthest = np.full(shape, np.inf, np.float32), np.zeros(shape, np.float32)
        order = np.argsort(-ranges)  # the last that is written stays
        far_first = order[standing[order]]
        nearest[cells[0][far_first], cells[1][far_first]] = ranges[far_first]
        farthest[cells[0][order[::-1]], cells[1][order[::-1]]] = ranges[order[::-1]]
        counts = np.bincount(cells[0] * shape[1] + cells[1], minlength=shape[0] * shape[1]).reshape(shape)
        nearest = minimum_filter(nearest, _WINDOW, mode="wrap")
        farthest = maximum_filter(farthest, _WINDOW, mode="wrap")
        few = uniform_filter(counts.astype(np.float32), _WINDOW, mode="wrap") * _WINDOW**2 < _LEAST_RAYS - 0.5
        farthest[few] = 0.0
        return cls(_binned(origins, rays), nearest, farthest)

    def look(self, xyz: Float[ndarray, "P 3"]) -> Float[ndarray, "3 P"]:
        """Range of places from where rays towards them began, and nearest and farthest of the rays around."""
        rays = xyz - self.origins.mean(axis=0)
        rays = xyz - self.origins[_origin_bins(rays)]
        (azimuth, elevation), ranges = _cells(rays)
        return np.stack([ranges, self.nearest[azimuth, elevation], self.farthest[azimuth, elevation]])


def _cells(
    rays: Float[ndarray, "P 3"],
) -> tuple[tuple[Int[ndarray, " P"], Int[ndarray, " P"]], Float[ndarray, " P"]]:
    ranges = np.linalg.norm(rays, axis=1)
    azimuth = np.degrees(np.arctan2(rays[:, 1], rays[:, 0])) % 360
    elevation = np.degrees(np.arcsin(np.clip(rays[:, 2] / np.maximum(ranges, 1e-6), -1, 1))) + 90
    columns = (azimuth / _AZIMUTH_DEG).astype(np.int64) % round(360 / _AZIMUTH_DEG)
    rows = np.minimum((elevation / _ELEVATION_DEG).astype(np.int64), round(180 / _ELEVATION_DEG) - 1)
    return (columns, rows), ranges


def _origin_bins(rays: Float[ndarray, "P 3"]) -> Int[ndarray, " P"]:
    turn = np.arctan2(rays[:, 1], rays[:, 0]) / (2 * np.pi) % 1
    return (turn * _ORIGIN_BINS).astype(np.int64) % _ORIGIN_BINS


def _binned(origins: Float[ndarray, "P 3"], rays: Float[ndarray, "P 3"]) -> Float[ndarray, "B 3"]:
    """Mean origin of the rays of each azimuth; of all, where there is no ray."""
    bins = _origin_bins(rays)
    counts = np.bincount(bins, minlength=_ORIGIN_BINS)
    sums = np.stack([np.bincount(bins, origins[:, axis], _ORIGIN_BINS) for axis in range(3)], axis=1)
    return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], origins.mean(axis=0))


def range_images(
    xyz: Float[ndarray, "P 3"], origins: Float[ndarray, "P 3"], standing: Bool[ndarray, " P"]
) -> list[RangeImage]:
    """One image for each lidar of a rig; lidars are told apart by where their rays begin."""
    if not len(xyz):
        return []
    steps = np.round((origins - origins.min(axis=0)) / _ROUNDING_M).astype(np.int64)
    shape = steps.max(axis=0) + 1
    places, inverse = np.unique(np.ravel_multi_index(tuple(steps.T), tuple(shape)), return_inverse=True)
    centers = np.stack(np.unravel_index(places, shape), axis=1) * _ROUNDING_M
    pairs = KDTree(centers).query_pairs(_SAME_LIDAR_M, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(places), len(places)))
    lidars = connected_components(links, directed=False)[1][inverse]
    groups = (lidars == lidar for lidar in range(lidars.max() + 1))
    return [RangeImage.of(xyz[group], origins[group], standing[group]) for group in groups]


def seen_through(
    images: Sequence[RangeImage], xyz: Float[ndarray, "P 3"], margin_m: float, margin_share: float
) -> tuple[Bool[ndarray, " P"], Bool[ndarray, " P"]]:
    """Whether a sweep's rays went through places, and whether something stood there.

    Where rays around a place end well behind it and nothing that stands stopped one before, it was free.
    Where the nearest ends at the place, it was taken. Where it ends before, the place was hidden, and neither
    is said. Rays that meet the ground before a place passed below it: they say nothing.

    Args:
        images: of the sweep.
        xyz: places.
        margin_m: tolerance of ranges, metres.
        margin_share: what is added to it, as a share of the range.
    """
    free, taken = np.zeros(len(xyz), bool), np.zeros(len(xyz), bool)
    for image in images:
        ranges, nearest, farthest = image.look(xyz)
        margin = margin_m + margin_share * ranges
        free |= np.minimum(nearest, farthest) > ranges + margin
        taken |= np.abs(nearest - ranges) <= margin
    return free & ~taken, taken
