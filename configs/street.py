"""Presets of the street method."""

from collections.abc import Mapping
from dataclasses import replace

from core.schedules import ScheduleConfig
from scene.datasets.street_options import StreetOptions
from scene.densification import DefaultConfig, DensificationConfig
from scene.fields.hash_grid import HashGridConfig
from scene.fields.hexplane import HexPlaneConfig
from training.loop import LoopConfig
from training.street_config import StreetConfig

_FULL = StreetConfig()
_TINY_FIT = replace(
    _FULL.fit,
    schedule=ScheduleConfig(iterations=40),
    densification=DensificationConfig(max_gaussians=4_000, default=DefaultConfig(densification_min_steps=5)),
)

PRESETS: Mapping[str, StreetConfig] = {
    "default": _FULL,
    # A quarter of an hour on two cores: 20 frames of three cameras at 480x270.
    "street-test": replace(
        _FULL, static_iterations=2_000, fit=replace(_FULL.fit, schedule=ScheduleConfig(iterations=3_000))
    ),
    # Seconds on any CPU; for tests.
    "street-tiny": replace(
        _FULL,
        log=StreetOptions(long_side=64),
        static_iterations=20,
        hash_grid=HashGridConfig(hash_levels=4, hash_log2_rows=8, hash_space_max=64),
        hexplane=HexPlaneConfig(plane_channels=4, plane_resolution=16, plane_scales=(1, 2)),
        fit=_TINY_FIT,
        loop=LoopConfig(log_interval=10),
    ),
}
