"""Networks in files: ours come back as they were, DynamicCity's are understood, others are refused."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import UserError
from generation.checkpoints import write_weights
from generation.dit import DIT_DC_2, Dit, DitConfig
from generation.dit.checkpoints import DitFacts, load_dit, save_dit
from generation.normalization import Normalization
from tests.generation.dit.networks import ALL, SMALL, conditions_of, filled, noisy

FACTS = DitFacts(vae="abc", step=7, normalization=Normalization.none(SMALL.channels), legacy_driving=False)
CONF = """
model: DiT-DC/2
dataset:
  sequence_length: %d
  spatial_size: [%d, %d, %d]
  new_key: ${somewhere.else}
  hex_down_y: ${somewhere.else}
vae: {down_x: 1, down_y: 1, down_z: 1, hex_down_t: 1, hex_down_x: 0}
"""


def write_published(path: Path, model: Dit, **parts: Any) -> Path:
    """As DynamicCity's trainer writes them: averages apart, an optimiser, a number of numpy's."""
    weights = model.state_dict()
    optimizer = torch.optim.AdamW([model.x_embedder.proj.weight], lr=1e-4)
    optimizer.param_groups[0]["lr"] = np.float64(1e-4)
    stored = {
        "epoch": 3, "optimizer_state_dict": optimizer.state_dict(), "current_step": 10_000,
        "model_state_dict": {name: torch.zeros_like(value) for name, value in weights.items()},
        "ema": weights,
    }  # fmt: skip
    torch.save({**stored, **parts}, path)
    return path


def narrow(latent: tuple[int, int, int, int], **flags: bool) -> DitConfig:
    """One block of DiT-DC/2's width."""
    return replace(DIT_DC_2, depth=1, latent=latent, frames=2 * latent[0], **flags)


@torch.no_grad()
@pytest.mark.parametrize("config", [SMALL, ALL, replace(SMALL, predicts="velocity")])
def test_ours_come_back(tmp_path: Path, config: DitConfig) -> None:
    model = filled(config)
    save_dit(tmp_path / "dit.safetensors", model, FACTS)
    read = load_dit(tmp_path / "dit.safetensors", vae="abc")
    assert (read.model.config, read.facts) == (config, FACTS)
    conditions = conditions_of(2) if config is ALL else None
    x, t = noisy(2, config), torch.tensor([3, 800])
    assert torch.equal(read.model(x, t, conditions), model(x, t, conditions))


def test_another_autoencoder_is_refused(tmp_path: Path) -> None:
    save_dit(tmp_path / "dit.safetensors", filled(SMALL), FACTS)
    with pytest.raises(UserError, match="autoencoder abc, but xyz"):
        load_dit(tmp_path / "dit.safetensors", vae="xyz")


@torch.no_grad()
@pytest.mark.parametrize("flags", [{}, {"hexplane": True, "layout": True, "cross_attention": True}])
def test_published_ones_are_read(tmp_path: Path, flags: dict[str, bool]) -> None:
    config = narrow((2, 8, 12, 4), **flags)
    model = filled(config)
    (tmp_path / "conf.yaml").write_text(CONF % (4, 16, 24, 8))
    read = load_dit(write_published(tmp_path / "0010000.ckpt", model), vae="anything")
    assert (read.model.config, read.facts.vae, read.facts.step) == (config, None, 10_000)
    assert read.facts.legacy_driving
    for name, value in model.state_dict().items():
        assert torch.equal(read.model.state_dict()[name], value)
    x = noisy(1, config)
    assert torch.equal(read.model(x, torch.tensor([5])), model(x, torch.tensor([5])))


def test_without_conf_other_grids_are_asked_for(tmp_path: Path) -> None:
    path = write_published(tmp_path / "last.ckpt", filled(narrow((2, 8, 12, 4))))
    with pytest.raises(UserError, match=r"14 x 18 cells.*put the conf\.yaml"):
        load_dit(path)


def test_another_network_is_one_sentence(tmp_path: Path) -> None:
    model = filled(narrow((2, 8, 12, 4)))
    (tmp_path / "conf.yaml").write_text(CONF % (4, 16, 24, 8))
    weights = model.state_dict()
    path = write_published(tmp_path / "last.ckpt", model, ema={**weights, "extra.weight": torch.zeros(3)})
    with pytest.raises(UserError, match=r"extra\.weight is \[3\] where absent was expected"):
        load_dit(path)
    weights["final_layer.linear.weight"] = torch.zeros(4, 384)
    with pytest.raises(UserError, match=r"final_layer\.linear\.weight is \[4, 384\]"):
        load_dit(write_published(path, model, ema=weights))
    del weights["x_embedder.proj.weight"]
    with pytest.raises(UserError, match=r"has no x_embedder\.proj\.weight"):
        load_dit(write_published(path, model, ema=weights, model_state_dict={}))
    with pytest.raises(UserError, match="only DiT-DC/1 and DiT-DC/2 are known"):
        load_dit(write_published(path, filled(SMALL)))


class Harmful:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("false",)


@pytest.mark.parametrize("stored", [[1, 2], {}, {"weights": 3}, {"ema": [1]}, {"ema": Harmful()}])
def test_other_files_are_refused(tmp_path: Path, stored: object) -> None:
    torch.save(stored, tmp_path / "last.ckpt")
    with pytest.raises(UserError, match=r"no checkpoint of a|holds more than tensors"):
        load_dit(tmp_path / "last.ckpt")


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    path = write_published(tmp_path / "last.ckpt", filled(SMALL))
    whole = path.read_bytes()
    for content in (b"", b"no checkpoint", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(UserError, match="damaged"):
            load_dit(path)
    with pytest.raises(UserError, match="does not exist"):
        load_dit(tmp_path / "none.ckpt")


def test_a_file_of_ours_that_says_something_else(tmp_path: Path) -> None:
    path = tmp_path / "dit.safetensors"
    for facts, sentence in (
        ({"kind": "hexplane-vae"}, "holds a hexplane-vae"),
        ({"kind": "dit", "config": {"colour": 1}}, "unknown key"),
        ({"kind": "dit", "config": {}, "facts": {}}, "is missing"),
    ):
        write_weights(path, filled(SMALL), facts)
        with pytest.raises(UserError, match=sentence):
            load_dit(path)
