"""Presets of the autoencoder: DynamicCity's numbers, grids of data sets, and flags for all of them."""

import pytest

from configs.methods import METHODS
from configs.vae import PRESETS
from core import cli
from core.serialization import config_from_json, config_to_json
from generation.vae.config import HexplaneVaeConfig
from generation.vae.losses import VaeLossConfig
from scene.occupancy.classes import CARLASC, OCC3D_NUSCENES, OCC3D_WAYMO
from scene.occupancy.sequence import CARLASC_GRID, OCC3D_GRID
from training.hexplane_vae import VaeTraining


def test_carlasc_is_the_published_recipe() -> None:
    config = PRESETS["carlasc"]
    assert config.model == HexplaneVaeConfig()
    assert (config.model.frames, config.model.spatial_size) == (16, CARLASC_GRID.size)
    assert config.model.latent_size == (8, 64, 64, 4)
    assert config.loss == VaeLossConfig(1.0, 1.0, 0.0015)
    assert config.class_weights == "published"
    fit = config.fit
    assert (fit.epochs, fit.batch_size, fit.learning_rate, fit.weight_decay) == (100, 8, 1e-3, 0)
    assert (fit.precision, fit.ema_decay, fit.clip_gradient) == ("float16", 0, 0)
    epochs = {epoch: fit.rate(1 + 4016 * epoch, 4016) for epoch in (0, 49, 50, 99)}
    assert epochs == pytest.approx({0: 1e-3, 49: 1e-3, 50: 7e-4, 99: 1e-3 * 0.7**5})


@pytest.mark.parametrize(
    ("name", "grid", "classes"),
    [
        ("carlasc", CARLASC_GRID, CARLASC),
        ("occ3d-nuscenes", OCC3D_GRID, OCC3D_NUSCENES),
        ("occ3d-waymo", OCC3D_GRID, OCC3D_WAYMO),
    ],
)
def test_networks_suit_their_data_sets(name: str, grid, classes) -> None:  # pyright: ignore
    model = PRESETS[name].model
    assert (model.spatial_size, model.num_classes) == (grid.size, len(classes))
    assert all(cells % 2 == 0 for cells in model.latent_size)  # as the transformer's patches want it


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_the_command_line_and_json(name: str) -> None:
    presets = {each: {"config": preset} for each, preset in PRESETS.items()}
    words = ["-s", "drives", "--preset", name]
    command = cli.parse(METHODS["vae"].command, args=words, presets=presets)
    assert command.config == PRESETS[name]
    assert config_from_json(VaeTraining, config_to_json(command.config)) == command.config
