"""Presets of the dynamic method are configurations that come back from JSON."""

import pytest

from configs.dynamic import PRESETS
from core import cli
from core.serialization import config_from_json, config_to_json
from training.dynamic import DynamicConfig


@pytest.mark.parametrize("name", PRESETS)
def test_round_trip(name: str) -> None:
    assert config_from_json(DynamicConfig, config_to_json(PRESETS[name])) == PRESETS[name]


def test_the_default_is_the_default() -> None:
    assert PRESETS["default"] == DynamicConfig()


def test_every_flag_has_a_name_of_its_own() -> None:
    """Flags of nested configurations have no prefix; two of one name would not parse at all."""
    words = [
        "--frame-stride",
        "2",
        "--long-side",
        "256",
        "--seed",
        "4",
        "--no-optim-pose",
        "--hold-out",
        "das3r",
    ]
    config = cli.parse(DynamicConfig, args=words)
    assert (config.frames.frame_stride, config.predictor.long_side, config.seed) == (2, 256, 4)
    assert not config.poses.optim_pose
