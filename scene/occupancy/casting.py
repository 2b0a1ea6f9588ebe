"""Rays through voxels: where each first meets one that is solid, and through which of its faces."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from torch import Tensor

_FARTHEST_LEAP = 64  # voxels; without a bound, the distances of an empty grid would be without meaning
_NO_LESS = 1e-9  # a direction along an axis never crosses the others' planes; dividing by this says so


@dataclass(frozen=True)
class Rays:
    """R rays in units of voxels: voxel (i, j, k) fills [i, i+1] x [j, j+1] x [k, k+1].

    Args:
        origins: where they begin, inside or outside of the grid.
        directions: of any length but zero; distances are in multiples of it.
    """

    origins: Float[Tensor, "R 3"]
    directions: Float[Tensor, "R 3"]

    def at(self, distances: Float[Tensor, " R"]) -> Float[Tensor, "R 3"]:
        """Points on the rays."""
        return self.origins + distances[:, None] * self.directions

    def select(self, rows: Tensor) -> "Rays":
        """Some of the rays, by indices or a mask."""
        return Rays(self.origins[rows], self.directions[rows])


@dataclass(frozen=True)
class Hits:
    """What R rays meet first.

    Args:
        distances: to the face, in multiples of the ray's direction; infinite where nothing is met.
        voxels: the solid voxel; zeros where nothing is met.
        axes: the axis that the face is across: 0, 1 or 2. A ray that begins inside of a solid voxel meets it
            at distance 0, through the face across the axis of its largest component.
    """

    distances: Float[Tensor, " R"]
    voxels: Int[Tensor, "R 3"]
    axes: Int[Tensor, " R"]

    @property
    def found(self) -> Bool[Tensor, " R"]:
        """Which rays meet anything."""
        return self.distances.isfinite()


class Space:
    """A grid of solid and free voxels, made ready for rays.

    Rays go from voxel to voxel as in the walk of J. Amanatides and A. Woo, "A Fast Voxel Traversal Algorithm
    for Ray Tracing", 1987, but a free voxel knows how far away the next solid one is at least, in steps that
    may be diagonal. With d such steps, the box of 2d - 1 voxels around it is free, and a ray leaves that box
    at once; with d = 1 that is their step. So the way through free space is short and nothing is missed.

    Args:
        solid: which voxels are.
    """

    def __init__(self, solid: Bool[Tensor, "X Y Z"]) -> None:
        self.solid = solid
        free = ~solid.cpu().numpy()
        if free.all():
            steps = np.full(free.shape, _FARTHEST_LEAP)
        else:
            steps = np.asarray(ndimage.distance_transform_cdt(free, metric="chessboard"))
        self._leaps = (
            torch.from_numpy(steps.clip(max=_FARTHEST_LEAP).astype(np.int32)).to(solid.device).reshape(-1)
        )

    def cast(self, rays: Rays) -> Hits:
        """The first solid voxel along each ray."""
        directions = _without_zeros(rays.directions)
        rays = Rays(rays.origins, directions)
        sizes = torch.tensor(self.solid.shape, dtype=torch.int32, device=directions.device)
        begin, end, axes = _inside(rays, sizes)
        count = len(begin)
        hits = Hits(
            distances=torch.full_like(begin, torch.inf),
            voxels=torch.zeros(count, 3, dtype=torch.int32, device=begin.device),
            axes=torch.zeros(count, dtype=torch.int64, device=begin.device),
        )
        rows = torch.nonzero(begin < end)[:, 0]
        distance, axis = begin[rows], axes[rows]
        active = rays.select(rows)
        voxels = active.at(distance).floor().int().clamp_(min=sizes.new_zeros(3), max=sizes - 1)
        while len(rows):
            leaps = self._leaps[_flat(voxels, sizes)]
            met = leaps == 0
            at = rows[met]
            hits.distances[at], hits.voxels[at], hits.axes[at] = distance[met], voxels[met], axis[met]
            distance, axis, voxels = _leave_boxes(active, voxels, leaps)
            kept = ~met & ((voxels >= 0) & (voxels < sizes)).all(1)
            rows, distance, axis, voxels = rows[kept], distance[kept], axis[kept], voxels[kept]
            active = active.select(kept)
        return hits


def _without_zeros(directions: Float[Tensor, "R 3"]) -> Float[Tensor, "R 3"]:
    return torch.where(directions.abs() < _NO_LESS, _NO_LESS, directions)


def _inside(
    rays: Rays, sizes: Int[Tensor, "3"]
) -> tuple[Float[Tensor, " R"], Float[Tensor, " R"], Int[Tensor, " R"]]:
    """The distances at which rays enter and leave the grid, and the axis across which they enter."""
    low, high = -rays.origins / rays.directions, (sizes - rays.origins) / rays.directions
    begin, axes = torch.minimum(low, high).max(1)
    end = torch.maximum(low, high).amin(1)
    within = begin < 0
    return begin.clamp(min=0), end, torch.where(within, rays.directions.abs().argmax(1), axes)


def _leave_boxes(
    rays: Rays, voxels: Int[Tensor, "R 3"], leaps: Int[Tensor, " R"]
) -> tuple[Float[Tensor, " R"], Int[Tensor, " R"], Int[Tensor, "R 3"]]:
    """Where rays leave the free boxes around their voxels: the distance, the axis, and the next voxel."""
    ahead = rays.directions > 0
    leap = leaps[:, None]
    planes = voxels + torch.where(ahead, leap, 1 - leap)
    distance, axis = ((planes - rays.origins) / rays.directions).min(1)
    # Across the axis the next voxel is known exactly; beside it, rounding must not lead out of the box.
    beside = rays.at(distance).floor().int()
    entered = beside.clamp_(min=voxels - leap + 1, max=voxels + leap - 1)
    across = voxels + torch.where(ahead, leap, -leap)
    entered.scatter_(1, axis[:, None], across.gather(1, axis[:, None]))
    return distance, axis, entered


def _flat(voxels: Int[Tensor, "R 3"], sizes: Int[Tensor, "3"]) -> Int[Tensor, " R"]:
    x, y, z = voxels.unbind(1)
    return (x * sizes[1] + y) * sizes[2] + z
