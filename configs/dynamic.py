"""Presets of the dynamic method, and the flags that a source leaves without effect."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from core.errors import UserError
from core.schedules import ScheduleConfig
from scene.densification import DefaultConfig, DensificationConfig
from scene.depth_points import DepthPointsConfig
from scene.frames import FrameOptions
from scene.prediction_layout import find_layout
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


def check_effect(source: Path, config: DynamicConfig) -> None:
    """That nothing is asked for which this source leaves without effect; presets do not ask.

    Args:
        source: a video, a folder of its frames, or the folder of a prediction.
        config: the method.

    Raises:
        UserError: a flag would change nothing.
    """
    if config.capture.images not in {preset.capture.images for preset in PRESETS.values()}:
        raise UserError(
            f"-i {config.capture.images} would change nothing, as {source} is no capture with folders of "
            "images; name the folder of the frames as -s"
        )
    if not source.is_dir() or find_layout(source) is None:
        return
    for part in ("frames", "predictor"):
        chosen, presets = getattr(config, part), [getattr(preset, part) for preset in PRESETS.values()]
        for name in (field.name for field in fields(chosen) if field.name != "seed"):
            if all(getattr(chosen, name) != getattr(preset, name) for preset in presets):
                told = "a flag of the alignment" if name == "alignment" else f"--{name.replace('_', '-')}"
                raise UserError(
                    f"{source} is predicted already, so {told} would change nothing; leave it out, or give "
                    "the video itself"
                )
