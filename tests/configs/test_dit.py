"""Presets of the transformer: DynamicCity's numbers, and flags for all of them."""

import pytest

from configs.dit import PRESETS
from configs.methods import METHODS
from core import cli
from core.serialization import config_from_json, config_to_json
from generation.dit import DIT_DC_1, DIT_DC_2
from training.dit import DitTraining


def test_carlasc_is_the_published_recipe() -> None:
    config = PRESETS["carlasc"]
    assert config.model == DIT_DC_2
    assert not config.model.is_conditional
    assert (config.normalize, config.legacy_driving) == (False, True)
    fit = config.fit
    assert (fit.epochs, fit.batch_size, fit.learning_rate, fit.weight_decay) == (1200, 8 * 16, 1e-4, 0)
    assert (fit.ema_decay, fit.ema_warmup, fit.precision) == (0.9999, False, "float16")
    assert {fit.rate(step, 251) for step in (1, 1000, 300_000)} == {1e-4}
    assert PRESETS["carlasc-large"].model == DIT_DC_1


def test_the_conditional_preset_has_every_condition() -> None:
    model = PRESETS["carlasc-conditional"].model
    assert model.hexplane
    assert model.layout
    assert model.trajectory
    assert model.command
    assert model.cross_attention


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_the_command_line_and_json(name: str) -> None:
    presets = {each: {"config": preset} for each, preset in PRESETS.items()}
    words = ["-s", "latents", "--preset", name]
    command = cli.parse(METHODS["dit"].command, args=words, presets=presets)
    assert command.config == PRESETS[name]
    assert config_from_json(DitTraining, config_to_json(command.config)) == command.config
