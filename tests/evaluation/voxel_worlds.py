"""Static streets in world coordinates, seen in voxels by a vehicle whose way is known."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from scene.occupancy.classes import CARLASC
from scene.occupancy.sequence import Grid, Occupancy

GRID = Grid((64, 64, 8), (-12.8, -12.8, -2.0), (0.4, 0.4, 0.375))
_CELL_M, _HALF_M = 0.2, 40.0
ROAD, GROUND, SIDEWALK, BUILDING, BARRIER, POLE, VEGETATION, VEHICLE = 6, 7, 8, 1, 2, 5, 9, 10


@dataclass(frozen=True)
class World:
    """A raster of columns: the class of the floor, and of what stands on it up to a height in voxels."""

    floor: Tensor
    thing: Tensor
    height: Tensor


def uniform(drawn: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), generator=drawn).item()


def random_world(seed: int) -> World:
    """Two streets that cross, with kerbs, walls, houses, hedges and poles, turned by any angle."""
    drawn = torch.Generator().manual_seed(seed)
    axis = torch.arange(-_HALF_M, _HALF_M, _CELL_M)
    x, y = torch.meshgrid(axis, axis, indexing="ij")
    tilt = uniform(drawn, -0.3, 0.3)
    along, across = x * math.cos(tilt) + y * math.sin(tilt), y * math.cos(tilt) - x * math.sin(tilt)
    crossing = uniform(drawn, -20, 20)
    half, side = uniform(drawn, 3, 5), uniform(drawn, 1.5, 3)
    from_road = torch.minimum(across.abs(), (along - crossing).abs()) - half
    floor = torch.full(x.shape, GROUND, dtype=torch.uint8)
    floor[from_road < side] = SIDEWALK
    floor[from_road < 0] = ROAD
    thing, height = torch.zeros_like(floor), torch.zeros_like(floor)
    for kind, count, edges, tall in (
        (BUILDING, 12, (5, 12), 8), (BARRIER, 6, (0.4, 8), 3), (VEGETATION, 12, (1, 3), 5),
        (POLE, 25, (0.4, 0.4), 7),
    ):  # fmt: skip
        for _ in range(count):
            centre, turn = [uniform(drawn, -35, 35) for _ in range(2)], uniform(drawn, -0.2, 0.2) + tilt
            dx, dy = x - centre[0], y - centre[1]
            u, v = dx * math.cos(turn) + dy * math.sin(turn), dy * math.cos(turn) - dx * math.sin(turn)
            inside = (u.abs() < uniform(drawn, *edges) / 2) & (v.abs() < uniform(drawn, *edges) / 2)
            inside &= from_road > (side if kind == BUILDING else 0)
            thing[inside], height[inside] = kind, tall
    return World(floor, thing, height)


def way(frames: int, speed_m_s: float, yaw_rate: float, seconds: float = 0.1) -> Tensor:
    """Poses (x, y, yaw) of a vehicle that drives an arc."""
    yaw = yaw_rate * seconds * torch.arange(frames).double()
    step = speed_m_s * seconds
    middle = (yaw[1:] + yaw[:-1]) / 2
    xy = torch.stack([step * middle.cos(), step * middle.sin()], dim=1).cumsum(0)
    return torch.cat([torch.cat([torch.zeros(1, 2).double(), xy]), yaw[:, None]], dim=1)


def seen(
    world: World, poses: Tensor, grid: Grid = GRID, traffic: int = 0, noise: float = 0.0, seed: int = 0
) -> Occupancy:
    """What the vehicle sees from its poses; cars drive by at the same speed, and voxels flicker."""
    axes = [
        origin + edge * (torch.arange(n) + 0.5)
        for n, origin, edge in zip(grid.size, grid.origin_m, grid.voxel_m, strict=True)
    ]
    x, y = torch.meshgrid(axes[0], axes[1], indexing="ij")
    level = torch.arange(grid.size[2])
    drawn = torch.Generator().manual_seed(seed)
    frames = []
    for px, py, yaw in poses.tolist():
        wx, wy = px + x * math.cos(yaw) - y * math.sin(yaw), py + x * math.sin(yaw) + y * math.cos(yaw)
        i, j = (((w + _HALF_M) / _CELL_M).floor().long().clamp(0, len(world.floor) - 1) for w in (wx, wy))
        thing, height = world.thing[i, j][..., None], world.height[i, j][..., None]
        voxels = torch.where((level > 1) & (level < 2 + height), thing, 0).to(torch.uint8)
        voxels[:, :, 1] = torch.where(thing[..., 0] > 0, thing[..., 0], world.floor[i, j])
        for car in range(traffic):  # with the vehicle: they would pull an estimate towards standing still
            rows = slice(6 + 18 * car, 16 + 18 * car)
            voxels[rows, 20:25, 1:5] = VEHICLE
        flicker = torch.rand(voxels.shape, generator=drawn) < noise
        voxels[flicker] = torch.randint(0, 12, (int(flicker.sum()),), generator=drawn, dtype=torch.uint8)
        frames.append(voxels)
    return Occupancy(torch.stack(frames), CARLASC, grid)
