"""Presets of the dynamic method."""

from collections.abc import Mapping

from core.schedules import ScheduleConfig
from scene.densification import DefaultConfig, DensificationConfig
from scene.depth_points import DepthPointsConfig
from scene.frames import FrameOptions
from training.dynamic import DynamicConfig
from training.loop import LoopConfig

PRESETS: Mapping[str, DynamicConfig] = {
    "default": DynamicConfig(),
    # Seconds on any CPU; for tests.
    "dynamic-tiny": DynamicConfig(
        frames=FrameOptions(frame_long_side=64, max_frames=8),
        schedule=ScheduleConfig(iterations=60),
        points=DepthPointsConfig(max_points=2_000),
        densification=DensificationConfig(
            max_gaussians=2_000, default=DefaultConfig(densification_min_steps=5)
        ),
        loop=LoopConfig(log_interval=10),
    ),
}
