"""Autoencoders in files: ours come back as they were, DynamicCity's are understood, others are refused."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core.errors import UserError
from core.serialization import config_to_json
from generation.checkpoints import write_weights
from generation.vae.checkpoints import load_vae, published_config, read_score, save_vae
from generation.vae.config import HexplaneVaeConfig
from generation.vae.model import HexplaneVae
from scene.occupancy.classes import CARLASC
from scene.occupancy.sequence import CARLASC_GRID, Grid
from tests.generation.golden import fill
from tests.generation.vae.golden import published_shapes

SMALL = HexplaneVaeConfig(
    num_classes=12, frames=4, spatial_size=(8, 8, 4), latent_channels=4, query_channels=6, hidden_low=8
)
GRID = Grid((8, 8, 4), (0.5, 0.5, 0.4), (-2.0, -2.0, -1.0))

CONF = """
name: a name
dataset: {sequence_length: 4, spatial_size: [16, 16, 8], num_classes: 12, skip: 1, data_pattern: '*.label'}
model:
  training: {learning_rate: 0.001, steps: [50, 60], loss_weights: {ce: 1, lovasz: 1, kl: 0.0015}}
  latent_channels: 16
  query_channels: 64
  down_x: 1
  hex_down_t: 1
  separate_t_encoder: true
  dim_head: 16
  dim_mlp: ${model.something}
  heads: 4
  dropout: 0
  interpolate_t_skip: 0
  conv_hidden_low_res: 24
  conv_hidden_high_res: 20
"""


def filled(config: HexplaneVaeConfig = SMALL) -> HexplaneVae:
    network = HexplaneVae(config)
    fill(network)
    return network.eval()


def write_published(path: Path, weights: dict[str, Tensor], **parts: Any) -> Path:
    """As DynamicCity's trainer writes them: with an optimiser, and its best score as a number of numpy's."""
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(2))], lr=1e-3)
    optimizer.param_groups[0]["lr"] = np.float64(1e-3)
    stored = {
        "epoch": 3, "optimizer_state_dict": optimizer.state_dict(), "scheduler_state_dict": {"last_epoch": 3},
        "best_miou": np.float32(74.22), "global_step": 12_345, "model_state_dict": weights,
    }  # fmt: skip
    torch.save({**stored, **parts}, path)
    return path


@torch.no_grad()
def test_ours_come_back(tmp_path: Path) -> None:
    network = filled(replace(SMALL, hadamard=False, one_hot_time=False))
    path = tmp_path / "vae.safetensors"
    save_vae(path, network, CARLASC, GRID, 0.25, score=71.5)
    read = load_vae(path)
    assert (read.network.config, read.classes, read.grid) == (network.config, CARLASC, GRID)
    assert (read.seconds_per_frame, read_score(path)) == (0.25, 71.5)
    assert not read.network.training
    voxels = torch.randint(12, (1, 4, 8, 8, 4))
    for plane, mean in network.encode(voxels).mean.items():
        assert torch.equal(read.network.encode(voxels).mean[plane], mean)


def test_fingerprints_tell_weights_apart(tmp_path: Path) -> None:
    network = filled()
    save_vae(tmp_path / "a.safetensors", network, CARLASC, GRID, 0.1)
    save_vae(tmp_path / "b.safetensors", network, CARLASC, GRID, 0.2, score=1.0)
    with torch.no_grad():
        network.encoder.embedding.weight[3, 1] += 1
    save_vae(tmp_path / "c.safetensors", network, CARLASC, GRID, 0.1)
    a, b, c = (load_vae(tmp_path / f"{name}.safetensors").fingerprint for name in "abc")
    assert a == b != c


def test_weights_without_a_score_are_worse_than_any(tmp_path: Path) -> None:
    save_vae(tmp_path / "vae.safetensors", filled(), CARLASC, GRID, 0.1)
    assert read_score(tmp_path / "vae.safetensors") == -math.inf


@pytest.mark.parametrize("with_conf", [False, True])
def test_the_published_tensors_are_read(tmp_path: Path, with_conf: bool) -> None:
    """All names and shapes of the weights for CarlaSC, whose sizes are the defaults."""
    shapes = published_shapes()
    assert len(shapes) == 303
    assert sum(math.prod(shape) for shape in shapes.values()) == 1_699_288
    random = torch.Generator().manual_seed(0)
    weights = {name: torch.randn(shape, generator=random) for name, shape in shapes.items()}
    path = write_published(tmp_path / "last.ckpt", weights)
    if with_conf:
        (tmp_path / "conf.yaml").write_text("dataset: {skip: 0, new_key: [1, {a: b}]}\nmodel: {heads: 2}\n")
    read = load_vae(path)
    assert (read.network.config, read.classes, read.grid) == (HexplaneVaeConfig(), CARLASC, CARLASC_GRID)
    assert read.seconds_per_frame == pytest.approx(0.1)
    for name, value in read.network.state_dict().items():
        assert torch.equal(value, weights[name])


def test_sizes_and_flags_come_from_conf(tmp_path: Path) -> None:
    config = replace(
        HexplaneVaeConfig(),
        frames=4,
        spatial_size=(16, 16, 8),
        heads=4,
        dropout=0.0,
        hidden_low=24,
        hidden_high=20,
    )
    (tmp_path / "conf.yaml").write_text(CONF)
    read = load_vae(write_published(tmp_path / "12_mIoU_74.22.ckpt", filled(config).state_dict()))
    assert read.network.config == config
    assert read.seconds_per_frame == pytest.approx(0.2)


def test_every_field_can_be_said() -> None:
    """By a value other than the default, so that none is forgotten."""
    said = {
        "num_classes": 5, "sequence_length": 8, "spatial_size": [32, 16, 8], "latent_channels": 8,
        "query_channels": 7, "down_x": 2, "down_y": 0, "down_z": 3, "hex_down_t": 2, "hex_down_x": 1,
        "hex_down_y": 2, "hex_down_z": 0, "separate_t_encoder": False, "one_hot_time": False,
        "separate_t_reducer": False, "transformer_depth": 3, "heads": 4, "dim_mlp": 9, "dropout": 0.2,
        "hadamard": False, "pe_freq": 2, "conv_hidden_low_res": 11, "conv_hidden_high_res": 10,
    }  # fmt: skip
    config, defaults = published_config(said), HexplaneVaeConfig()
    assert config.down == (2, 0, 3)
    assert config.hex_down == (1, 2, 0)
    ours, usual = config_to_json(config), config_to_json(defaults)
    assert [name for name in ours if ours[name] == usual[name]] == []
    assert published_config({}) == defaults


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ("heads: 3", r"conf\.yaml: heads: 3 do not divide 16"),
        ("spatial_size: [128, 128]", r"conf\.yaml: spatial_size: 3 values were expected"),
        ("spatial_size: 128", r"conf\.yaml: spatial_size"),
        ("hex_down_t: 1.5", r"conf\.yaml: hex_down_t: int was expected, got 1\.5"),
        ("down_z: 4", "8 along z cannot be halved 4 times"),
        ("hadamard: {a: b}\nseparate_t_encoder: 3", "separate_t_encoder: bool was expected"),
        ("a: [", "is not YAML"),
        ("sequence_length: 8", r"pos_encodings\.xyz is \[1, 17, 16\] where \[1, 9, 16\] was expected"),
    ],
)
def test_confs_that_do_not_fit(tmp_path: Path, conf: str, sentence: str) -> None:
    (tmp_path / "conf.yaml").write_text(conf)
    weights = {name: torch.zeros(shape) for name, shape in published_shapes().items()}
    with pytest.raises(UserError, match=sentence):
        load_vae(write_published(tmp_path / "last.ckpt", weights))


def test_another_network_is_one_sentence(tmp_path: Path) -> None:
    weights = {name: torch.zeros(shape) for name, shape in published_shapes().items()}
    path = tmp_path / "last.ckpt"
    for changes, sentence in (
        ({"extra.weight": torch.zeros(3)}, r"extra\.weight is \[3\] where absent was expected"),
        ({"vae.fc_mu_logvar.0.bias": torch.zeros(16)}, r"0\.bias is \[16\] where \[32\] was expected"),
    ):
        with pytest.raises(UserError, match=sentence):
            load_vae(write_published(path, {**weights, **changes}))
    del weights["encoder.tokens.xyz"]
    with pytest.raises(UserError, match=r"encoder\.tokens\.xyz is absent where"):
        load_vae(write_published(path, weights))
    for parts in ({"model_state_dict": [1]}, {"model_state_dict": {"a": 1}}, {"model_state_dict": None}):
        with pytest.raises(UserError, match=r"last\.ckpt is no checkpoint of a network"):
            load_vae(write_published(path, weights, **parts))


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "vae.safetensors"
    save_vae(path, filled(), CARLASC, GRID, 0.1)
    whole = path.read_bytes()
    for content in (b"", b"no weights", whole[:20], whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"vae\.safetensors is damaged"):
            load_vae(path)
        with pytest.raises(UserError, match="is damaged"):
            read_score(path)
    for name in ("none.safetensors", "none.ckpt"):
        with pytest.raises(UserError, match=f"cannot read .*{name}: it does not exist"):
            load_vae(tmp_path / name)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"kind": "dit"}, "holds a dit, where the weights of a VAE"),
        ({}, "holds a None"),
        ({"kind": "hexplane-vae"}, "the key .*config is missing"),
        ({"kind": "hexplane-vae", "config": {"colour": 1}}, r"unknown key .*config\.colour"),
        (
            {"kind": "hexplane-vae", "config": {"frames": 3}},
            r"vae\.safetensors: config: 3 along t cannot be halved",
        ),
        ({"kind": "hexplane-vae", "config": {}, "classes": 3}, "classes: str was expected"),
        ({"kind": "hexplane-vae", "grid": {"size": [1, 2, 3]}}, r"grid\.origin_m is missing"),
    ],
)
def test_files_of_ours_that_say_something_else(tmp_path: Path, facts: dict[str, Any], sentence: str) -> None:
    path = tmp_path / "vae.safetensors"
    whole = {
        "config": config_to_json(SMALL), "classes": CARLASC.name, "grid": config_to_json(GRID),
        "seconds_per_frame": 0.1,
    }  # fmt: skip
    write_weights(path, filled(), facts if set(facts) <= {"kind"} else {**whole, **facts})
    with pytest.raises(UserError, match=sentence):
        load_vae(path)


def test_unknown_classes(tmp_path: Path) -> None:
    path = tmp_path / "vae.safetensors"
    facts = {"kind": "hexplane-vae", "config": config_to_json(SMALL), "classes": "colours"}
    write_weights(path, filled(), {**facts, "grid": config_to_json(GRID), "seconds_per_frame": 0.1})
    with pytest.raises(UserError, match="classes 'colours' are unknown"):
        load_vae(path)


def test_files_that_older_versions_wrote_are_read(tmp_path: Path) -> None:
    """Facts without a score, numbers without a fraction."""
    path = tmp_path / "vae.safetensors"
    facts = {
        "kind": "hexplane-vae",
        "config": {**config_to_json(SMALL), "dropout": 0},
        "classes": CARLASC.name,
    }
    write_weights(path, filled(), {**facts, "grid": config_to_json(GRID), "seconds_per_frame": 1})
    read = load_vae(path)
    assert (read.network.config, read.seconds_per_frame) == (replace(SMALL, dropout=0.0), 1.0)
