"""Voxels of each frame of a lidar log: classes, and how often each was observed."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float64, Int64, UInt8
from torch import Tensor

from core.geometry import transform_points
from scene.occupancy.from_lidar.frames import LidarFrame, LidarLog, lifted
from scene.occupancy.from_lidar.heights import ego_from_road, level
from scene.occupancy.from_lidar.moving import Parted, Returns, part, put_back
from scene.occupancy.from_lidar.rays import above_ground, flat_voxels, passed
from scene.occupancy.from_lidar.voxels import vote
from scene.occupancy.sequence import CARLASC_GRID, Grid, Occupancy


@dataclass(frozen=True)
class LidarOccupancy:
    """How lidar becomes voxels."""

    grid_size: tuple[int, int, int] = CARLASC_GRID.size
    """Voxels ahead, to the left and up."""

    grid_origin: tuple[float, float, float] = CARLASC_GRID.origin_m
    """Lowest corner of the grid, metres from the place that `--sensor-height` says."""

    voxel_size: tuple[float, float, float] = CARLASC_GRID.voxel_m
    """Edges of a voxel, metres."""

    sensor_height: float = 1.8
    """How high above the road the grid's frame has its origin, metres; its z is upright on the road.
    CarlaSC's is that of a lidar on a roof; Occ3D's lies on the road, at 0."""

    moved: float = 0.5
    """An object moves if its boxes lie farther apart than this in any two frames, metres."""

    level_ground: bool = True
    """Set heights of poses right by the ground that several frames see."""

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        return Grid(self.grid_size, self.grid_origin, self.voxel_size)


class Voxels(NamedTuple):
    """One frame.

    Args:
        classes: of the voxels; free where they were seen to be, and where nothing is known.
        counts: points in a voxel, or rays through one without points; 0 = never observed.
    """

    classes: UInt8[Tensor, "X Y Z"]
    counts: Int64[Tensor, "X Y Z"]


class LogVoxels:
    """The frames of a log in voxels, each made when it is asked for.

    Args:
        log: what lidar saw.
        options: how it becomes voxels.
    """

    def __init__(self, log: LidarLog, options: LidarOccupancy) -> None:
        self.log = log
        self.options = options
        self.frames: list[LidarFrame] = (
            level(log.frames, log.class_set) if options.level_ground else list(log.frames)
        )
        ego_from_grid = ego_from_road(self.frames, log.class_set) @ lifted(options.sensor_height)
        self.world_from_grid: Float64[Tensor, "T 4 4"] = torch.stack(
            [frame.world_from_ego @ ego_from_grid for frame in self.frames]
        )

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Voxels]:
        return (self.frame(row) for row in range(len(self)))

    def frame(self, row: int) -> Voxels:
        """The voxels of a frame, by its place in the log."""
        grid = self.options.grid
        total = grid.size[0] * grid.size[1] * grid.size[2]
        returns = Returns.together(
            [self._parted.still, self._parted.passing[row], *put_back(self._parted, row)]
        )
        voxels, inside = flat_voxels(self._in_grid(returns.xyz, row), grid.size)
        classes, points = vote(voxels[inside], returns.classes[inside], self.log.class_set, total)
        free = self._free(row).flatten()
        counts = torch.where(points > 0, points, free)
        return Voxels(classes.view(grid.size), counts.view(grid.size))

    def occupancy(self) -> Occupancy:
        """All frames."""
        frames = list(self)
        times = torch.tensor([frame.time_s for frame in self.frames], dtype=torch.float64)
        return Occupancy(
            classes=torch.stack([frame.classes for frame in frames]),
            class_set=self.log.class_set,
            grid=self.options.grid,
            invalid=torch.stack([frame.counts == 0 for frame in frames]),
            world_from_ego=self.world_from_grid,
            frame_names=tuple(f"{frame.number:06d}" for frame in self.frames),
            seconds_per_frame=float(times.diff().median()) if len(times) > 1 else 0.1,
        )

    @cached_property
    def _parted(self) -> Parted:
        return part(self.frames, self.log.class_set, self.options.moved)

    @cached_property
    def _places(self) -> tuple[Int64[Tensor, " P"], ...]:
        """A number for each place where rays begin, for the rays of each frame."""
        numbers: list[Int64[Tensor, " P"]] = []
        known = 0
        for frame in self.frames:
            places, number = torch.unique(frame.origins, dim=0, return_inverse=True)
            numbers.append(number + known)
            known += len(places)
        return tuple(numbers)

    def _free(self, row: int) -> Int64[Tensor, "X Y Z"]:
        """How many rays say of each voxel that nothing is in it.

        Inside of a moving box only the rays of the frame itself are asked: at other times the place was free
        because the thing was elsewhere.
        """
        others = [other for other in range(len(self)) if other != row]
        return self._passed([row], row) + self._passed(others, row) * ~self._in_moving_box(row)

    def _passed(self, sources: list[int], row: int) -> Int64[Tensor, "X Y Z"]:
        """How many rays of some frames pass through the voxels of one."""
        size = self.options.grid.size
        if not sources:
            return torch.zeros(size, dtype=torch.long)
        starts = self._in_grid(torch.cat([self.frames[source].origins for source in sources]), row)
        ends = self._in_grid(torch.cat([self.frames[source].xyz for source in sources]), row)
        classes = torch.cat([self.frames[source].classes for source in sources])
        ground = torch.isin(classes, torch.tensor(self.log.class_set.ground, dtype=torch.uint8))
        ends[ground] = above_ground(starts[ground], ends[ground])
        return passed(starts, ends, torch.cat([self._places[source] for source in sources]), size)

    def _in_grid(self, xyz: Float[Tensor, "P 3"], row: int) -> Float[Tensor, "P 3"]:
        """Points of the world in voxels of a frame's grid."""
        grid = self.options.grid
        own = transform_points(self.world_from_grid[row].inverse().to(xyz), xyz)
        return (own - own.new_tensor(grid.origin_m)) / own.new_tensor(grid.voxel_m)

    def _in_moving_box(self, row: int) -> Bool[Tensor, "X Y Z"]:
        """Voxels whose centre lies in a moving box of the frame."""
        grid = self.options.grid
        axes = [
            start + step * (torch.arange(count, dtype=torch.float64) + 0.5)
            for start, step, count in zip(grid.origin_m, grid.voxel_m, grid.size, strict=True)
        ]
        centres = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
        found = torch.zeros(grid.size, dtype=torch.bool)
        for box in self._parted.moving[row]:
            box_from_grid = box.world_from_box.inverse() @ self.world_from_grid[row]
            own = transform_points(box_from_grid, centres.view(-1, 3)).view(*grid.size, 3)
            half = 0.5 * torch.tensor(box.size_m, dtype=torch.float64)
            found |= (own.abs() <= half).all(dim=-1)
        return found
