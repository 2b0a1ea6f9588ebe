"""The street method's settings, and what is built from them before anything is learned."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from core.cli import flag
from core.schedules import ScheduleConfig
from scene.capture import Capture
from scene.datasets.street_options import StreetOptions
from scene.deformation import Deformation, DeformationConfig
from scene.fields.hash_grid import HashGrid, HashGridConfig
from scene.fields.hexplane import HexPlane, HexPlaneConfig
from scene.lidar_motion import LidarMotionConfig
from scene.splits import Split
from scene.street_points import StreetPointsConfig
from training.loop import LoopConfig
from training.street_clips import ClipsConfig
from training.street_fit_config import StreetFitConfig

_BOX_MARGIN_M = 5.0


@dataclass(frozen=True)
class OutputConfig:
    """What a run ends with; nothing here changes what is learned."""

    eval_only: bool = False
    """Train nothing: write scores and videos of what has been trained."""
    videos: bool = True
    """Write the videos."""
    shift_m: tuple[float, ...] = (1.0, 2.0, 3.0)
    """How far to its left the camera that looks ahead is driven, metres; a video each. Negative is to the
    right."""
    ply_sequence: bool = False
    """Write the Gaussians of each frame as a file, for players of sequences."""


@dataclass(frozen=True)
class StreetConfig:
    """A street from a driving log: first what stands still, then what moves."""

    log: StreetOptions = StreetOptions()
    """Which frames and cameras, and at what size."""
    stride: int = 0
    """Every so many frames all views are held out, not those of the first; 0 holds out none, and the scores
    are those of reconstruction."""
    stage: Literal["both", "static", "dynamic"] = "both"
    """Which stages are trained."""
    prior_checkpoint: Path | None = None
    """What a static stage has learned (street.safetensors), for a dynamic stage by itself."""
    static_iterations: Annotated[int, flag("--coarse-iterations")] = 5_000
    """Steps of the static stage; those of the dynamic one are --iterations."""
    masks: Literal["lidar", "none"] = "lidar"
    """What the static stage leaves out: what moves as far as lidar and residuals tell, or nothing. Without
    masks the returns of what moves are among its points; with --stage static that is plain 3DGS."""
    clips: ClipsConfig = ClipsConfig()
    """How a long log is divided."""
    encoder_type: Literal["hash", "hexplane", "none"] = "hash"
    """The field of space and time; without one, things move straight on."""
    hash_grid: HashGridConfig = HashGridConfig()
    """The field, if it is a hash grid."""
    hexplane: HexPlaneConfig = HexPlaneConfig()
    """The field, if it is six planes."""
    deformation: DeformationConfig = DeformationConfig()
    """The network that reads the field."""
    lidar_motion: LidarMotionConfig = LidarMotionConfig()
    """Which lidar returns belong to things that move."""
    points: StreetPointsConfig = StreetPointsConfig()
    """Where the Gaussians start."""
    moving_size_m: float = 0.06
    """Standard deviation of Gaussians that may move, at the start."""
    moving_span_s: float = 0.3
    """Standard deviation of the time in which they are there, at the start."""
    moving_gate: float = 0.9
    """Their gate at the start: how far they follow their velocity and the field."""
    fit: StreetFitConfig = StreetFitConfig(schedule=ScheduleConfig(iterations=50_000))
    """How both stages are trained."""
    loop: LoopConfig = LoopConfig()
    """When to report and save."""
    outputs: OutputConfig = OutputConfig()
    """What is written at the end."""

    def __post_init__(self) -> None:
        for name in ("stride", "static_iterations"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")
        if self.stage == "dynamic" and self.prior_checkpoint is None:
            raise ValueError("stage dynamic needs a prior_checkpoint: street.safetensors of a static stage")
        if self.stage == "static" and self.prior_checkpoint is not None:
            raise ValueError(
                "a prior_checkpoint changes nothing in stage static, which learns anew; leave it out"
            )

        degree = self.deformation.deform_sh_degree
        if degree > self.fit.model.sh_degree:
            raise ValueError(
                f"deform_sh_degree: at most the sh_degree of the colours, {self.fit.model.sh_degree}, was "
                f"expected, got {degree}"
            )

    @property
    def static_fit(self) -> StreetFitConfig:
        """How the static stage is trained."""
        return self._fit_of(self.static_iterations)

    @property
    def dynamic_fit(self) -> StreetFitConfig:
        """How the dynamic stage is trained."""
        return self._fit_of(self.fit.schedule.iterations)

    def _fit_of(self, iterations: int) -> StreetFitConfig:
        """A stage of so many steps at most. Stages share the minutes as they would share the steps."""
        schedule = self.fit.schedule
        minutes, both = schedule.minutes, self.static_iterations + schedule.iterations
        if minutes is not None and self.stage == "both" and self.prior_checkpoint is None:
            minutes *= iterations / both
        return replace(self.fit, schedule=replace(schedule, iterations=iterations, minutes=minutes))


def make_deformation(config: StreetConfig, aabb: Float[Tensor, "2 3"], frames: int) -> Deformation | None:
    """The field and its network, which change nothing yet; None where there is to be no field.

    Args:
        config: the method.
        aabb: lower and upper corner of where things move, metres.
        frames: of the clip.
    """
    seed = config.fit.seed
    torch.manual_seed(seed)  # of the network's initial weights
    if config.encoder_type == "hash":
        return Deformation(HashGrid(config.hash_grid, aabb, frames, seed=seed), config.deformation)
    if config.encoder_type == "hexplane":
        return Deformation(HexPlane(config.hexplane, aabb, frames, seed=seed), config.deformation)
    return None


def box_of(xyz: Float[Tensor, "M 3"]) -> Float[Tensor, "2 3"]:
    """A box around places, with a margin."""
    if not len(xyz):
        return torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
    return torch.stack([xyz.min(0).values - _BOX_MARGIN_M, xyz.max(0).values + _BOX_MARGIN_M])


def seen_by(capture: Capture, split: Split) -> Capture:
    """A capture without its held-out views, and without the lidar of frames of which no view trains."""
    drive, rows = capture.drive, list(split.train)
    assert drive is not None
    frames = set(drive.view_frames[rows].tolist())
    sweeps = [sweep if frame in frames else None for frame, sweep in enumerate(drive.sweeps)]
    seen = replace(
        drive,
        view_cameras=drive.view_cameras[rows],
        view_frames=drive.view_frames[rows],
        view_times_s=drive.view_times_s[rows],
        sweeps=sweeps,
        sky_masks=None if drive.sky_masks is None else [drive.sky_masks[row] for row in rows],
    )
    lists = ("images", "valid_masks", "dynamic_masks", "dynamic_probabilities", "inverse_depths")
    chosen = {
        name: None if getattr(capture, name) is None else [getattr(capture, name)[row] for row in rows]
        for name in lists
    }
    return replace(
        capture,
        cameras=capture.cameras[rows],
        image_names=tuple(capture.image_names[row] for row in rows),
        times=None if capture.times is None else capture.times[rows],
        drive=seen,
        **chosen,
    )
