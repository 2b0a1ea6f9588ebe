"""The map that a town is painted on: the ground's class and height, what stands on it, thin things apart."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from numpy import ndarray

from data.synthetic.town.labels import Raw

CELL_M = 0.2
"""Edge of a cell of the map, half of CarlaSC's voxels."""
SENSOR_HEIGHT_M = 1.8
"""Of the vehicle's origin above the road."""


@dataclass(frozen=True)
class Levels:
    """Layers of voxels in height.

    Args:
        bottom_m: lower side of the lowest layer, against the vehicle's origin.
        edge_m: height of a layer.
        count: how many.
    """

    bottom_m: float
    edge_m: float
    count: int

    def of(self, heights_m: Float32[ndarray, "*shape"]) -> Int64[ndarray, "*shape"]:
        """The layers of heights above the road."""
        layer = np.floor((heights_m - SENSOR_HEIGHT_M - self.bottom_m) / self.edge_m)
        return np.clip(layer, 0, self.count - 1).astype(np.int64)

    def between(self, low_m: float, high_m: float) -> Bool[ndarray, " Z"]:
        """Layers above the road's own whose middle lies between two heights, or the nearest one."""
        middles = self.bottom_m + SENSOR_HEIGHT_M + self.edge_m * (np.arange(self.count) + 0.5)
        inside = (middles >= low_m) & (middles < high_m)
        if not inside.any():
            inside[np.abs(middles - (low_m + high_m) / 2).argmin()] = True
        inside[middles - self.edge_m / 2 <= 0] = False
        return inside


@dataclass(frozen=True)
class Thing:
    """Something thinner than a voxel: its place and what each layer shows of it."""

    xy: Float64[ndarray, "2"]
    profile: UInt8[ndarray, " Z"]


@dataclass
class Canvas:
    """A map of W x H cells that is painted step by step.

    Args:
        levels: layers of voxels.
        ground: class of the ground.
        ground_m: its height above the road.
        standing: classes of what stands there; 0 = nothing.
        opaque: cells that nobody sees through or into, such as buildings.
        open: cells that still may be built on.
        things: what is thinner than a voxel.
    """

    levels: Levels
    ground: UInt8[ndarray, "W H"]
    ground_m: Float32[ndarray, "W H"]
    standing: UInt8[ndarray, "W H Z"]
    opaque: Bool[ndarray, "W H"]
    open: Bool[ndarray, "W H"]
    things: list[Thing] = field(default_factory=list)

    def box(self, low: Float64[ndarray, "2"], high: Float64[ndarray, "2"]) -> tuple[slice, slice]:
        """Cells of a rectangle between two corners in metres, cut off at the map's rim."""
        shape = self.ground.shape
        first = np.clip(np.round(np.minimum(low, high) / CELL_M).astype(int), 0, shape)
        last = np.clip(np.round(np.maximum(low, high) / CELL_M).astype(int), 0, shape)
        return slice(first[0], last[0]), slice(first[1], last[1])

    def fill(self, cells: tuple[slice, slice], low_m: float, high_m: float, label: Raw) -> None:
        """Let something of a class stand on free cells, from one height above the road to another."""
        free = (self.standing[cells] == 0).all(-1, keepdims=True)
        self.standing[cells][free & self.levels.between(low_m, high_m)] = label

    def post(self, xy: Float64[ndarray, "2"], parts: list[tuple[float, float, Raw]]) -> None:
        """Put up something thin that consists of parts: from which height to which, and their class."""
        profile = np.zeros(self.levels.count, np.uint8)
        for low_m, high_m, label in parts:
            profile[self.levels.between(low_m, high_m)] = label
        self.things.append(Thing(np.asarray(xy, np.float64), profile))


def blank(extent_m: tuple[float, float], levels: Levels) -> Canvas:
    """Open land."""
    shape = (round(extent_m[0] / CELL_M), round(extent_m[1] / CELL_M))
    return Canvas(
        levels=levels,
        ground=np.full(shape, Raw.TERRAIN, np.uint8),
        ground_m=np.zeros(shape, np.float32),
        standing=np.zeros((*shape, levels.count), np.uint8),
        opaque=np.zeros(shape, bool),
        open=np.ones(shape, bool),
    )
