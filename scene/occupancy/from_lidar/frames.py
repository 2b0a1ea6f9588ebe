"""Labelled sweeps with boxes in one world, whatever data set they come from."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Float64, UInt8
from torch import Tensor

from core.geometry import transform_points
from scene.drive import Box
from scene.occupancy.classes import ClassSet


@dataclass(frozen=True)
class LidarFrame:
    """What lidar saw in one turn.

    Args:
        number: of the frame in its log.
        time_s: in the log's clock.
        world_from_ego: the vehicle's pose; x ahead, y left, z up.
        xyz: returns in the world, metres.
        origins: where their rays began, metres.
        classes: of the returns.
        boxes: the labelled objects, in the world.
    """

    number: int
    time_s: float
    world_from_ego: Float64[Tensor, "4 4"]
    xyz: Float[Tensor, "P 3"]
    origins: Float[Tensor, "P 3"]
    classes: UInt8[Tensor, " P"]
    boxes: tuple[Box, ...]

    def moved(self, new_from_world: Float64[Tensor, "4 4"]) -> "LidarFrame":
        """The same in another world."""
        return replace(
            self,
            world_from_ego=new_from_world @ self.world_from_ego,
            xyz=transform_points(new_from_world, self.xyz.double()).to(self.xyz),
            origins=transform_points(new_from_world, self.origins.double()).to(self.xyz),
            boxes=tuple(
                replace(box, world_from_box=new_from_world @ box.world_from_box) for box in self.boxes
            ),
        )


@dataclass(frozen=True)
class LidarLog:
    """Frames of one drive that have lidar, in the order of time.

    Args:
        name: of the log, also of folders: it has no separators.
        class_set: what the classes mean.
        frames: at least one.
    """

    name: str
    class_set: ClassSet
    frames: tuple[LidarFrame, ...]


def lifted(height_m: float) -> Float64[Tensor, "4 4"]:
    """A pose straight above, by so many metres."""
    pose = torch.eye(4, dtype=torch.float64)
    pose[2, 3] = height_m
    return pose
