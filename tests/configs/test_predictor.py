"""Presets of the predictor's training: the published numbers, and flags for all of them."""

from pathlib import Path

import pytest

from configs.predictor import PRESETS
from core import cli
from core.serialization import config_from_json, config_to_json
from training.predictor import PredictorTraining
from training.train_predictor import TrainPredictor


def test_das3r_is_the_published_recipe() -> None:
    config = PRESETS["das3r"]
    assert (config.network, config.trained) == ("monst3r", "masks")
    assert config.length.steps == 50 * 10_000 // 32
    assert (config.length.learning_rate, config.length.min_learning_rate) == (5e-5, 1e-6)
    assert (config.length.warmup_epochs, config.length.weight_decay) == (3, 0.05)
    assert config.data.resolutions == ((512, 288), (512, 384), (512, 336))
    assert (config.data.pairs.smallest_stride, config.data.pairs.largest_stride) == (1, 9)
    assert (config.data.augmentation.focal_crop, config.data.augmentation.resize_margin_px) == (0.9, 16)
    assert config.loss.confidence_weighting
    assert config.loss.pointmap_weight == 0
    assert not PRESETS["das3r-unweighted"].loss.confidence_weighting


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_the_command_line_and_json(name: str) -> None:
    presets = {each: {"config": preset} for each, preset in PRESETS.items()}
    command = cli.parse(TrainPredictor, args=["-s", "videos", "--preset", name], presets=presets)
    assert command.source_path == Path("videos")
    assert command.config == PRESETS[name]
    assert config_from_json(PredictorTraining, config_to_json(command.config)) == command.config
