"""`Occupancy`: consecutive frames of voxels around a vehicle. The currency of everything about occupancy."""

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float64, UInt8
from torch import Tensor

from scene.occupancy.classes import ClassSet


@dataclass(frozen=True)
class Grid:
    """Where voxels lie in the vehicle's frame: x forward, y left, z up.

    Args:
        size: voxels along x, y, z.
        origin_m: the lowest corner of voxel (0, 0, 0).
        voxel_m: edges of a voxel.
    """

    size: tuple[int, int, int]
    origin_m: tuple[float, float, float]
    voxel_m: tuple[float, float, float]

    def off_centre_m(self, axis: int) -> float:
        """How far the middle lies from the vehicle along an axis, metres."""
        return self.origin_m[axis] + self.voxel_m[axis] * self.size[axis] / 2

    @property
    def is_centred(self) -> bool:
        """Whether the vehicle is in the middle, seen from above, to a thousandth of a voxel."""
        return all(abs(self.off_centre_m(axis)) <= 1e-3 * self.voxel_m[axis] for axis in (0, 1))


# By the 3DMapping code of MotionSC's authors; the data's own `params.json` is asked where it is there.
CARLASC_GRID = Grid((128, 128, 8), (-25.6, -25.6, -2.0), (0.4, 0.4, 0.375))
OCC3D_GRID = Grid((200, 200, 16), (-40.0, -40.0, -1.0), (0.4, 0.4, 0.4))

_SAME_PACE_S = 1e-3


def same_pace(one: float, other: float) -> bool:
    """Whether two times from frame to frame, in seconds, are one, but for how they were rounded."""
    return abs(one - other) <= _SAME_PACE_S


@dataclass(frozen=True)
class Occupancy:
    """T frames of voxels, each frame in the vehicle's own frame of that moment.

    Args:
        classes: class of each voxel, an index into `class_set`; 0 = free.
        class_set: what the indices mean.
        grid: where the voxels lie.
        invalid: voxels that nothing observed; None = all were.
        world_from_ego: the vehicle's poses, metres; None where they are unknown.
        frame_names: of the frames.
        seconds_per_frame: time from one frame to the next.
    """

    classes: UInt8[Tensor, "T X Y Z"]
    class_set: ClassSet
    grid: Grid
    invalid: Bool[Tensor, "T X Y Z"] | None = None
    world_from_ego: Float64[Tensor, "T 4 4"] | None = None
    frame_names: tuple[str, ...] = ()
    seconds_per_frame: float = 0.1

    def __post_init__(self) -> None:
        if tuple(self.classes.shape[1:]) != self.grid.size:
            raise ValueError(f"voxels {tuple(self.classes.shape[1:])} in a grid of {self.grid.size}")

    def __len__(self) -> int:
        return self.classes.shape[0]

    def frames(self, rows: slice) -> "Occupancy":
        """Some of the frames."""
        return replace(
            self,
            classes=self.classes[rows],
            invalid=None if self.invalid is None else self.invalid[rows],
            world_from_ego=None if self.world_from_ego is None else self.world_from_ego[rows],
            frame_names=self.frame_names[rows],
        )
