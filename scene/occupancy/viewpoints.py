"""Places from which a frame is looked at: the driver's, one behind the vehicle, one above everything."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from scene.occupancy.casting import Rays
from scene.occupancy.classes import FREE
from scene.occupancy.sequence import Grid, Occupancy

EYE_HEIGHT_M = 1.5
"""Of a driver above the ground."""

_AROUND_M = 4.0  # where the ground under the vehicle is looked for
_OWN_LENGTH_M, _OWN_WIDTH_M = 5.0, 2.4  # the vehicle's; some data sets show it among the others


@dataclass(frozen=True)
class Viewpoint:
    """A pinhole camera in the vehicle's frame.

    Args:
        position_m: where it is.
        target_m: what it looks at; not straight above or below it.
        field_of_view_deg: across the picture's width.
    """

    position_m: tuple[float, float, float]
    target_m: tuple[float, float, float]
    field_of_view_deg: float = 75.0


def driver(occupancy: Occupancy, frame: int) -> Viewpoint:
    """A driver's eyes, looking forward."""
    eye = ground_height(occupancy, frame) + EYE_HEIGHT_M
    return Viewpoint((0.0, 0.0, eye), (20.0, 0.0, eye - 0.8), 85.0)


def chase(occupancy: Occupancy, frame: int) -> Viewpoint:
    """Behind and above the vehicle, looking over it."""
    ground = ground_height(occupancy, frame)
    return Viewpoint((-15.0, 0.0, ground + 11.0), (7.0, 0.0, ground), 70.0)


def overview(occupancy: Occupancy, frame: int) -> Viewpoint:
    """From a corner behind, so far that the whole grid is in the picture."""
    grid, ground = occupancy.grid, ground_height(occupancy, frame)
    extent = max(size * edge for size, edge in zip(grid.size[:2], grid.voxel_m[:2], strict=True))
    middle = middle_of(grid)
    position = (middle[0] - 1.12 * extent, middle[1] - 0.66 * extent, ground + 1.0 * extent)
    return Viewpoint(position, (middle[0] - 0.09 * extent, middle[1] - 0.02 * extent, ground), 60.0)


def middle_of(grid: Grid) -> tuple[float, float]:
    """The middle of a grid, forward and left."""
    x, y = (
        origin + 0.5 * size * edge
        for origin, size, edge in zip(grid.origin_m[:2], grid.size[:2], grid.voxel_m[:2], strict=True)
    )
    return x, y


def ground_height(occupancy: Occupancy, frame: int) -> float:
    """How high the ground lies around the vehicle, in its frame: the median over columns that show it.

    Where no class of the ground is near, the lowest thing that is there counts, and without any the grid's
    bottom.
    """
    grid, voxels = occupancy.grid, occupancy.classes[frame]
    x, y = (_near(grid, axis, _AROUND_M) for axis in (0, 1))
    near = voxels[x, y]
    is_ground = _is_any(near, occupancy.class_set.ground)
    if is_ground.any():
        layers = torch.arange(1, grid.size[2] + 1, device=voxels.device)
        tops = (is_ground * layers).amax(2)
        layer = float(tops[tops > 0].float().median())
    else:
        occupied = torch.nonzero((voxels != FREE).any(0).any(0))
        layer = float(occupied[0]) + 1 if len(occupied) else 0.0
    return grid.origin_m[2] + layer * grid.voxel_m[2]


def without_own_vehicle(occupancy: Occupancy, frame: int) -> UInt8[Tensor, "X Y Z"]:
    """The voxels of a frame, free where things that may move would be around the driver's eyes."""
    voxels = occupancy.classes[frame].clone()
    x = _near(occupancy.grid, 0, _OWN_LENGTH_M / 2)
    y = _near(occupancy.grid, 1, _OWN_WIDTH_M / 2)
    near = voxels[x, y]
    near[_is_any(near, occupancy.class_set.movable)] = FREE
    return voxels


def pinhole_rays(viewpoint: Viewpoint, grid: Grid, width: int, height: int) -> Rays:
    """A ray through the middle of each pixel, row by row. Its distances are metres."""
    position = torch.tensor(viewpoint.position_m)
    forward = torch.nn.functional.normalize(torch.tensor(viewpoint.target_m) - position, dim=0)
    up = torch.tensor([0.0, 0.0, 1.0])
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, up), dim=0)
    down = torch.linalg.cross(forward, right)
    focal = 0.5 * width / math.tan(math.radians(viewpoint.field_of_view_deg) / 2)
    across = (torch.arange(width) + 0.5 - width / 2) / focal
    along = (torch.arange(height) + 0.5 - height / 2) / focal
    directions = forward + along[:, None, None] * down + across[None, :, None] * right
    directions = torch.nn.functional.normalize(directions, dim=2).reshape(-1, 3)
    return in_voxels(position.expand_as(directions), directions, grid)


def straight_down_rays(grid: Grid, pixels_per_voxel: int) -> Rays:
    """Parallel rays from above, row by row: the picture's top is forward, its left side left."""
    rows, columns = (grid.size[axis] * pixels_per_voxel for axis in (0, 1))
    x = grid.size[0] - (torch.arange(rows) + 0.5) / pixels_per_voxel
    y = grid.size[1] - (torch.arange(columns) + 0.5) / pixels_per_voxel
    above = torch.full((rows, columns), float(grid.size[2] + 1))
    origins = torch.stack([x[:, None].expand(rows, columns), y.expand(rows, columns), above], 2)
    directions = torch.tensor([0.0, 0.0, -1 / grid.voxel_m[2]]).expand(rows * columns, 3)
    return Rays(origins.reshape(-1, 3), directions)


def in_voxels(origins_m: Float[Tensor, "R 3"], directions: Float[Tensor, "R 3"], grid: Grid) -> Rays:
    """Rays of the vehicle's frame in units of voxels; distances keep their unit."""
    edges = origins_m.new_tensor(grid.voxel_m)
    return Rays((origins_m - origins_m.new_tensor(grid.origin_m)) / edges, directions / edges)


def _near(grid: Grid, axis: int, distance_m: float) -> slice:
    """The voxels along an axis that lie within a distance of the vehicle."""
    origin, edge = grid.origin_m[axis], grid.voxel_m[axis]
    first, last = ((side * distance_m - origin) / edge for side in (-1, 1))
    return slice(max(0, math.floor(first)), max(0, math.ceil(last)))


def _is_any(voxels: UInt8[Tensor, "*shape"], classes: tuple[int, ...]) -> Bool[Tensor, "*shape"]:
    return torch.isin(voxels, torch.tensor(classes, dtype=torch.uint8, device=voxels.device))
