"""What is seen of a town from its streets: how many viewpoints see each cell of the map.

CarlaSC's ground truth gathers the returns of many lidars; what is inside buildings or behind them none saw.
"""

from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from numpy import ndarray

from data.synthetic.town.canvas import CELL_M
from data.synthetic.town.streets import Streets

_RANGE_M = 30.0
_SPACING_M = 9.0
_WALL_CELLS = 2  # of a wall's thickness that are seen
_RAYS = 1024


def viewpoints(streets: Streets) -> Float64[ndarray, "V 2"]:
    """Places along the middles of all streets, metres."""
    places = []
    for start, end in streets.sections():
        first, last = streets.place(start), streets.place(end)
        count = max(2, round(float(np.linalg.norm(last - first)) / _SPACING_M))
        places.append(first + (last - first) * np.arange(count)[:, None] / count)
    return np.concatenate(places)


def seen_from(
    opaque: Bool[ndarray, "W H"], places: Float64[ndarray, "V 2"], at_least: int = 1
) -> UInt8[ndarray, "W H"]:
    """How many of the places see each cell, at most 255.

    Args:
        opaque: cells that stop the view; their first two cells are seen.
        places: viewpoints inside the map, metres.
        at_least: what fewer of them see counts as unseen: a glance through a gap returns next to nothing.
    """
    reach = round(_RANGE_M / CELL_M)
    angles, distances = _around(reach)
    padded = np.pad(opaque, reach + 1)
    counts = np.zeros(padded.shape, np.uint16)
    steps = np.arange(1, reach + 1)
    heading = np.arange(_RAYS) * 2 * np.pi / _RAYS
    ray_x = np.round(np.cos(heading)[:, None] * steps).astype(np.int64)
    ray_y = np.round(np.sin(heading)[:, None] * steps).astype(np.int64)
    for place in places:
        x, y = (place / CELL_M).astype(int) + reach + 1
        hit = padded[x + ray_x, y + ray_y]
        depth = np.where(hit.any(1), hit.argmax(1) + 1, reach).astype(np.float32)
        patch = counts[x - reach : x + reach + 1, y - reach : y + reach + 1]
        patch += distances <= np.minimum(depth, reach)[angles]
    inner = counts[reach + 1 : -reach - 1, reach + 1 : -reach - 1]
    seen = np.where(opaque | (inner < at_least), 0, np.minimum(inner, 255)).astype(np.uint8)
    # Not by the rays themselves: rounding would let them see walls with holes.
    kernel = np.ones((2 * _WALL_CELLS + 1, 2 * _WALL_CELLS + 1), np.uint8)
    return np.where(opaque, cv2.dilate(seen, kernel), seen)


@lru_cache(maxsize=1)
def _around(reach: int) -> tuple[Int64[ndarray, "D D"], Float32[ndarray, "D D"]]:
    """The ray that passes each cell around a viewpoint, and how many cells away it is."""
    offsets = np.arange(-reach, reach + 1)
    x, y = np.meshgrid(offsets, offsets, indexing="ij")
    rays = np.round(np.arctan2(y, x) / (2 * np.pi) * _RAYS).astype(np.int64) % _RAYS
    return rays, np.hypot(x, y).astype(np.float32)
