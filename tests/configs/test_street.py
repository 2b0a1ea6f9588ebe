"""Presets of the street method."""

from configs.methods import METHODS
from configs.street import PRESETS
from core import cli
from core.serialization import config_from_json, config_to_json
from training.street_config import StreetConfig


def test_presets_survive_their_json() -> None:
    for name, preset in PRESETS.items():
        assert config_from_json(StreetConfig, config_to_json(preset)) == preset, name


def test_flags_change_a_preset() -> None:
    method = METHODS["street"]
    presets = {name: {"config": config} for name, config in PRESETS.items()}
    words = [
        "-s",
        "log",
        "--preset",
        "street-test",
        "--encoder_type",
        "hexplane",
        "--start_time",
        "3",
        "--no-videos",
    ]
    command = cli.parse(method.command, args=words, presets=presets, prog="train.py")
    config = command.config
    assert (config.static_iterations, config.encoder_type) == (2_000, "hexplane")
    assert (config.log.start_frame, config.outputs.videos) == (3, False)
    assert config.fit == PRESETS["street-test"].fit
