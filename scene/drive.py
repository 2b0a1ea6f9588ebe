"""What a driving log knows beside its images: the rig, times, lidar, and boxes to score with."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor


@dataclass(frozen=True)
class Sweep:
    """One turn of the lidars, in the world.

    Args:
        xyz: first returns, metres.
        origins: where each ray started, metres.
        intensity: as the sensor gives it; 0 where it gives none.
    """

    xyz: Float[Tensor, "P 3"]
    origins: Float[Tensor, "P 3"]
    intensity: Float[Tensor, " P"]

    def __len__(self) -> int:
        return self.xyz.shape[0]


@dataclass(frozen=True)
class Box:
    """A labelled object in one frame. Boxes score a result and edit it; no method learns from them.

    Args:
        track: the object's name, the same in every frame.
        label: its class, in the words of the data set.
        world_from_box: its pose; x points ahead, z up, the origin is its centre.
        size_m: length, width, height.
        speed_m_s: over ground.
        lidar_points: how many of the frame's returns lie inside.
    """

    track: str
    label: str
    world_from_box: Float64[Tensor, "4 4"]
    size_m: tuple[float, float, float]
    speed_m_s: float
    lidar_points: int


@dataclass(frozen=True)
class Drive:
    """F frames of a log, seen by the cameras of one rig.

    The world is the vehicle in one frame of the log (x ahead, y left, z up, metres): the log's first unless
    another is chosen, so that clips of a log share a world, and 32-bit positions keep millimetres. Sequences
    with an entry a view follow the order of the `Capture`; an entry is decoded when it is first asked for.

    Args:
        camera_names: the rig's cameras, from left to right as far as that has a meaning.
        view_cameras: which camera took each view, a row of `camera_names`.
        view_frames: which frame each view belongs to, a row of the lists below.
        view_times_s: when each view was taken, seconds since the first frame.
        frame_times_s: when each frame was measured, seconds since the first, increasing.
        world_from_ego: where the vehicle was.
        sweeps: the lidar's; None for a frame that has none.
        boxes: of each frame; None for a log without labels.
        sky_masks: True where the sky is seen; None for a log without them, and for a view without one.
        ego_masks: one a camera, of its views' size, True where it sees its own vehicle; an entry may be None.
            Such pixels are not valid in the `Capture` either.
    """

    camera_names: tuple[str, ...]
    view_cameras: Int64[Tensor, " C"]
    view_frames: Int64[Tensor, " C"]
    view_times_s: Float64[Tensor, " C"]
    frame_times_s: Float64[Tensor, " F"]
    world_from_ego: Float64[Tensor, "F 4 4"]
    sweeps: Sequence[Sweep | None]
    boxes: Sequence[tuple[Box, ...]] | None = None
    sky_masks: Sequence[Bool[Tensor, "_H _W"] | None] | None = None
    ego_masks: Sequence[Bool[Tensor, "_H _W"] | None] | None = None

    @property
    def duration_s(self) -> float:
        """From the first frame to the last, and never nothing."""
        return max(float(self.frame_times_s[-1]), 1e-3)

    @property
    def gap_s(self) -> float:
        """Median time between two frames; a tenth of a second where there is but one."""
        return float(self.frame_times_s.diff().median()) if len(self.frame_times_s) > 1 else 0.1
