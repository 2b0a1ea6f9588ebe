"""How one stage of the street method is fitted: learning rates, losses, images, numbers of Gaussians."""

from dataclasses import dataclass

from core.schedules import ScheduleConfig
from scene.densification import DefaultConfig, DensificationConfig
from scene.exposure import ExposureConfig
from scene.sky import SkyConfig
from scene.staticness import StaticnessConfig
from training.gaussian_fit import ModelConfig, OptimizerConfig, RenderConfig
from training.pose_refinement import PoseConfig
from training.street_losses import StreetLossConfig


@dataclass(frozen=True)
class MotionRates:
    """Learning rates of what moves."""

    velocity_lr: float = 0.02
    """Of velocities, m/s."""
    span_lr: float = 0.01
    """Of the logarithms of the time spans."""
    gate_lr: float = 0.02
    """Of the logits of the gates."""
    field_lr_init: float = 5e-3
    """Of the field's features at the start."""
    field_lr_final: float = 5e-4
    """Of the field's features at the end; it falls exponentially."""
    deformation_lr_init: float = 1e-3
    """Of the network that reads them, at the start."""
    deformation_lr_final: float = 1e-4
    """Of that network at the end."""


@dataclass(frozen=True)
class StreetFitConfig:
    """One stage of the street method."""

    seed: int = 0
    """Of the order of the views and all draws; not negative."""
    schedule: ScheduleConfig = ScheduleConfig(iterations=4_000)
    """How long it is."""
    model: ModelConfig = ModelConfig(sh_degree=1, init_opacity=0.3)
    """The Gaussians at the start."""
    optimizer: OptimizerConfig = OptimizerConfig(
        position_lr_init=1.6e-5,
        position_lr_final=1.6e-6,
        feature_lr=5e-3,
        opacity_lr=0.05,
        scaling_lr=0.01,
    )
    """Adam."""
    motion: MotionRates = MotionRates()
    """Learning rates of what moves."""
    extent_m: float = 10.0
    """Unit of the learning rates of positions, and of the sizes at which Gaussians are split, cloned and
    removed, metres; it does not depend on how far the vehicle went."""
    loss: StreetLossConfig = StreetLossConfig()
    """What is minimised."""
    render: RenderConfig = RenderConfig(coarse_to_fine=0)
    """How images are formed."""
    densification: DensificationConfig = DensificationConfig(default=DefaultConfig(opacity_reset_interval=0))
    """How the number of Gaussians changes."""
    sky: SkyConfig = SkyConfig()
    """What is behind everything."""
    exposure: ExposureConfig = ExposureConfig(exposure=True, exposure_lr_init=2e-3, exposure_lr_final=1e-4)
    """Exposure compensation."""
    poses: PoseConfig = PoseConfig(optim_pose=False)
    """Refinement of the cameras."""
    staticness: StaticnessConfig = StaticnessConfig(mask_dilation_px=0)
    """Weights of pixels that may show something that moves, where only what stands still is learned."""

    def __post_init__(self) -> None:
        if not self.extent_m > 0:
            raise ValueError(f"extent_m: a positive number was expected, got {self.extent_m}")
        for name in ("white_background", "random_background"):
            if self.sky.sky and getattr(self.render, name):
                raise ValueError(
                    f"{name} means nothing where the sky is learned, which is behind everything; leave it "
                    "out, or give --no-sky too"
                )
        if self.staticness.mask_dilation_px:
            raise ValueError(
                "mask_dilation_px means nothing for a street, where lidar gives probabilities and no masks; "
                "leave it out"
            )
