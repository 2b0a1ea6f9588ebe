"""How much of the sun a point sees.

The sun is a disc of a few directions. For each, the world is traced once along parallel rays; a point is lit
by that direction when nothing was met before it. Shadows are thus soft and wider the farther the caster, and
a function of the point alone: two cameras see the same shadow.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from data.synthetic.casting import Cutout, cast_depths
from data.synthetic.views import Parallel
from data.synthetic.world import Snapshot

Rows = Float32[ndarray, "3 N"]


@dataclass(frozen=True)
class Shadows:
    """Depth maps as seen from the sun.

    Args:
        views: one for each direction on the sun's disc.
        depths: what stands in the way, in each view's metres.
    """

    views: tuple[Parallel, ...]
    depths: tuple[Float32[ndarray, "_H _W"], ...]

    def with_movers(self, movers: Snapshot, cutout: Cutout) -> "Shadows":
        """The same with further parts in the way."""
        if not len(movers):
            return self
        pairs = zip(self.views, self.depths, strict=True)
        return replace(
            self, depths=tuple(cast_depths(movers, view, cutout, depths) for view, depths in pairs)
        )

    def lit(self, points: Rows, cosines: Float32[ndarray, " N"]) -> Float32[ndarray, " N"]:
        """The share of the sun's disc that is seen.

        Args:
            points: positions in the world.
            cosines: of the angles between surface normals and the sun, positive.
        """
        total = np.zeros(points.shape[1], np.float32)
        for view, depths in zip(self.views, self.depths, strict=True):
            tangent = np.sqrt(np.clip(1 - cosines**2, 0, 1)) / np.maximum(cosines, 0.1)
            # A slanted surface is deeper at one side of a texel than at the other: it must not shade itself.
            slack = view.texel_m * (0.6 + 1.1 * tangent)
            total += _compare(view, depths, points, slack.astype(np.float32))
        return total / np.float32(len(self.views))


def make_shadows(
    snapshot: Snapshot,
    cutout: Cutout,
    to_sun: Float64[ndarray, "3"],
    *,
    half_axes_m: tuple[float, float],
    texels: int,
    directions: int,
) -> Shadows:
    """Trace the world from the sun.

    Args:
        snapshot: everything that casts a shadow and does not move.
        cutout: see `casting.cast`.
        to_sun: unit vector.
        half_axes_m: in x and y, of the ellipse about the origin that the maps show; beyond them all is lit.
        texels: along the longer side of each map.
        directions: how many on the sun's disc.
    """
    views = []
    for index in range(directions):
        # Evenly over a disc that is wider than the real sun's 0.27 degrees: its shadows look soft at low
        # resolution.
        offset = np.radians(0.8) * np.sqrt((index + 0.5) / directions)
        turn = index * np.pi * (3 - np.sqrt(5))
        side = np.cross(to_sun, (0, 0, 1)) / np.linalg.norm(np.cross(to_sun, (0, 0, 1)))
        toward = to_sun + offset * (np.cos(turn) * side + np.sin(turn) * np.cross(side, to_sun))
        views.append(_sun_view(toward / np.linalg.norm(toward), half_axes_m, texels))
    return Shadows(tuple(views), tuple(cast_depths(snapshot, view, cutout) for view in views))


def _sun_view(to_sun: Float64[ndarray, "3"], half_axes_m: tuple[float, float], texels: int) -> Parallel:
    side = np.cross(to_sun, (0, 0, 1))
    side /= np.linalg.norm(side)
    world_from_view = np.eye(4)
    world_from_view[:3, :3] = np.stack([side, np.cross(-to_sun, side), -to_sun], axis=1)
    # The ellipse's reach along the map's sides. What stands on it rises along the second one; there the sun's
    # slant leaves room.
    away = np.cross((0, 0, 1), side)
    reach = [float(np.hypot(half_axes_m[0] * axis[0], half_axes_m[1] * axis[1])) for axis in (side, away)]
    world_from_view[:3, 3] = 100.0 * to_sun - world_from_view[:3, :2] @ np.array(reach)
    texel_m = 2 * max(reach) / texels
    width, height = (min(texels, int(np.ceil(2 * half / texel_m))) for half in reach)
    return Parallel(world_from_view, texel_m, width, height)


def _compare(
    view: Parallel, depths: Float32[ndarray, "H W"], points: Rows, slack: Float32[ndarray, " N"]
) -> Float32[ndarray, " N"]:
    """1 where nothing stands before the point, 0 behind something, between within a texel of the border."""
    rotation, start = (
        view.world_from_view[:3, :3].T.astype(np.float32),
        view.world_from_view[:3, 3].astype(np.float32),
    )
    shifted = [points[axis] - start[axis] for axis in range(3)]
    x, y, z = (row[0] * shifted[0] + row[1] * shifted[1] + row[2] * shifted[2] for row in rotation)
    column, row = x / np.float32(view.texel_m) - 0.5, y / np.float32(view.texel_m) - 0.5
    width = view.width
    inside = (column > 0) & (column < width - 1) & (row > 0) & (row < view.height - 1)
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    left, top = column.astype(np.int32), row.astype(np.int32)
    fraction_x, fraction_y = column - np.floor(column), row - np.floor(row)
    limit = z - slack
    flat, index = depths.ravel(), top * width + left
    above = _blend(flat.take(index) > limit, flat.take(index + 1) > limit, fraction_x)
    below = _blend(flat.take(index + width) > limit, flat.take(index + (width + 1)) > limit, fraction_x)
    return np.where(inside, _blend(above, below, fraction_y), 1).astype(np.float32)


def _blend(first: ndarray, second: ndarray, weight: Float32[ndarray, " N"]) -> Float32[ndarray, " N"]:
    return first * (1 - weight) + second * weight
