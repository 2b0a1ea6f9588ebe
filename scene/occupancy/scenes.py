"""Recorded occupancy as readers give it: scenes whose frames are read when they are asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64, UInt8
from torch import Tensor

from scene.occupancy.classes import ClassSet
from scene.occupancy.sequence import Grid, Occupancy

Frame = tuple[UInt8[Tensor, "X Y Z"], Bool[Tensor, "X Y Z"] | None]
"""Classes of a frame's voxels, and which of them nothing observed."""


@dataclass(frozen=True)
class OccupancyScene:
    """One drive.

    Args:
        name: of the scene, also of a folder: it has no separators.
        frame_names: of its frames, in the order of time.
        class_set: what the classes mean.
        grid: where the voxels lie.
        read_frame: reads a frame by its place in `frame_names`; raises UserError with the path of a broken
            file.
        world_from_ego: poses of all frames; None where they are unknown.
        seconds_per_frame: time from one frame to the next.
    """

    name: str
    frame_names: tuple[str, ...]
    class_set: ClassSet
    grid: Grid
    read_frame: Callable[[int], Frame]
    world_from_ego: Float64[Tensor, "N 4 4"] | None = None
    seconds_per_frame: float = 0.1

    def __len__(self) -> int:
        return len(self.frame_names)

    def read(self, frames: Sequence[int]) -> Occupancy:
        """Some frames, by their places.

        Raises:
            UserError: a file is missing or broken.
        """
        read = [self.read_frame(frame) for frame in frames]
        invalid = [unseen for _, unseen in read if unseen is not None]
        return Occupancy(
            classes=torch.stack([classes for classes, _ in read]),
            class_set=self.class_set,
            grid=self.grid,
            invalid=torch.stack(invalid) if len(invalid) == len(read) else None,
            world_from_ego=None if self.world_from_ego is None else self.world_from_ego[list(frames)],
            frame_names=tuple(self.frame_names[frame] for frame in frames),
            seconds_per_frame=self.seconds_per_frame * (frames[1] - frames[0] if len(frames) > 1 else 1),
        )


@dataclass(frozen=True)
class OccupancyData:
    """A data set.

    Args:
        name: of the data set, such as carlasc.
        train: scenes to learn from.
        test: scenes to score on.
    """

    name: str
    train: tuple[OccupancyScene, ...]
    test: tuple[OccupancyScene, ...]
