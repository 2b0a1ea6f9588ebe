"""Weight files: every published kind, damaged ones, and ones that would run code."""

import argparse
import io
import json
import math
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.errors import UserError
from dynamic_predictor.network.checkpoints import (
    FETCH_COMMAND,
    load_network,
    network_weights,
    read_checkpoint,
    save_network,
)
from dynamic_predictor.network.model import Network, NetworkConfig
from tests.dynamic_predictor.network.reference import MICRO, build

CALL = (
    "AsymmetricCroCo3DStereo(pos_embed='RoPE100', patch_embed_cls='ManyAR_PatchEmbed', img_size=(512, 512), "
    "head_type='dpt', output_mode='pts3d', depth_mode=('exp', -inf, inf), conf_mode=('exp', 1, inf), "
    "enc_num_heads=4, dec_num_heads=3, landscape_only=True, freeze='encoder')"
)


@pytest.fixture(scope="module")
def micro() -> Network:
    return build(MICRO, torch.float32)


def same(first: Network, second: Network) -> bool:
    mine, other = first.state_dict(), second.state_dict()
    return mine.keys() == other.keys() and all(torch.equal(mine[name], other[name]) for name in mine)


def training_checkpoint(tensors: dict[str, torch.Tensor], path: Path, model: str = CALL) -> Path:
    content = {
        "model": tensors,
        "args": argparse.Namespace(model=model, lr=1e-4, seed=0, train_criterion="ConfLoss(x)"),
        "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.95)}]},
        "scaler": {},
        "epoch": 50,
        "best_so_far": np.float64(0.25),
        "best_pose_ate_sofar": np.float32(0.5),
    }
    torch.save(content, path)
    return path


def test_a_training_checkpoint(micro: Network, tmp_path: Path) -> None:
    loaded = load_network(training_checkpoint(micro.state_dict(), tmp_path / "checkpoint-last.pth"))
    assert loaded.config == MICRO
    assert same(loaded, micro)
    assert not loaded.training


def test_bare_tensors_have_usual_head_counts(tmp_path: Path) -> None:
    network = build(NetworkConfig(128, 1, 2, 64, 4, 1, dpt=MICRO.dpt), torch.float32)
    torch.save(network.state_dict(), tmp_path / "bare.pth")
    loaded = load_network(tmp_path / "bare.pth")
    assert loaded.config == network.config
    assert same(loaded, network)


@pytest.mark.parametrize("kept", ["layer_rn", "layerN_rn"])
def test_one_of_two_names_is_enough(micro: Network, tmp_path: Path, kept: str) -> None:
    once = {
        name: tensor
        for name, tensor in micro.state_dict().items()
        if "_rn." not in name or (".layer_rn." in name) == (kept == "layer_rn")
    }
    options = {
        "enc_num_heads": 4,
        "dec_num_heads": 3,
        "conf_mode": ["exp", 1, math.inf],
        "landscape_only": False,
    }
    save_file({name: tensor.contiguous() for name, tensor in once.items()}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(options), encoding="utf-8")
    assert "Infinity" in (tmp_path / "config.json").read_text(encoding="utf-8")
    assert same(load_network(tmp_path), micro)
    assert same(load_network(tmp_path / "model.safetensors"), micro)


def test_what_we_save_we_load(tmp_path: Path) -> None:
    network = build(MICRO, torch.float32)
    save_network(network, tmp_path / "mine.safetensors")
    loaded = load_network(tmp_path / "mine.safetensors")
    assert loaded.config == MICRO
    assert same(loaded, network)


def test_linear_heads(tmp_path: Path) -> None:
    network = build(NetworkConfig(64, 1, 1, 64, 4, 1, head="linear", dynamic_heads=False), torch.float32)
    torch.save({"model": network.state_dict()}, tmp_path / "linear.pth")
    loaded = load_network(tmp_path / "linear.pth")
    assert loaded.config == network.config
    assert same(loaded, network)


def without(network: Network, *starts: str) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(starts)}


def test_mask_heads_are_absent_or_fresh(micro: Network, tmp_path: Path) -> None:
    path = training_checkpoint(without(micro, "downstream_head_dynamic"), tmp_path / "monst3r.pth")
    assert not load_network(path).config.dynamic_heads
    fresh = load_network(path, fresh_heads=True)
    assert fresh.config == MICRO
    assert all(not parameter.is_meta for parameter in fresh.parameters())
    assert torch.equal(fresh.dec_norm.weight, micro.dec_norm.weight)
    mask = fresh.get_parameter("downstream_head_dynamic_mask1.dpt.head.4.weight")
    assert 0 < float(mask.detach().abs().max()) < 1


def test_croco_has_one_decoder_for_both_sides_and_no_heads(micro: Network, tmp_path: Path) -> None:
    tensors = without(micro, "downstream_head", "dec_blocks2")
    tensors["prediction_head.weight"] = torch.zeros(768, 48)
    kwargs = {"enc_num_heads": 4, "dec_num_heads": 3, "enc_depth": 4, "pos_embed": "RoPE100"}
    torch.save({"model": tensors, "croco_kwargs": kwargs}, tmp_path / "croco.pth")
    with pytest.raises(UserError, match="no heads: a training can start from it"):
        load_network(tmp_path / "croco.pth")
    # Heads have the published widths, for which nothing in the file stands.
    network = load_network(tmp_path / "croco.pth", fresh_heads=True)
    assert torch.equal(network.dec_blocks2[3].norm3.weight, micro.dec_blocks[3].norm3.weight)
    assert network.dec_blocks2[0].norm1.weight is not network.dec_blocks[0].norm1.weight
    assert network.config.encoder_heads == 4


class Attack:
    """What a pickle can do when it is opened."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch ran",)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int, zipped: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "attack.pth"
    torch.save({"model": Attack()}, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match="could run as code, so it is not opened"):
        load_network(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "model",
    [
        "__import__('os').system('touch ran')",
        "Net(a=__import__('os').system('touch ran'))",
        "Net(a=[x for x in (1, 2)])",
        "Net(a=open('x'))",
        "Net(1, 2)",
        "(lambda: 1)()",
        "import os",
        "Net(a=" + "(" * 5000 + ")" * 5000 + ")",
        "Net(a=1" + " " * 20_000 + ")",
    ],
)
def test_text_is_not_evaluated(
    micro: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = training_checkpoint({"mask_token": micro.mask_token}, tmp_path / "text.pth", model)
    with pytest.raises(UserError, match="something other than a call with literals"):
        read_checkpoint(path)
    assert not (tmp_path / "ran").exists()


def zipped_pickle(content: object) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(content))
        archive.writestr("x/version", "3\n")
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"PK\x03\x04 cut off",
        b"<!DOCTYPE html><html>Sign in</html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        (2**62).to_bytes(8, "little") + b"{}",
        zipped_pickle({"model": 3}),
        zipped_pickle([1, 2]),
        zipped_pickle({"a": "text"}),
        pickle.dumps({"a": 1}),
    ],
)
def test_what_is_no_weight_file_is_one_sentence(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_network(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_cut_off_is_damaged(micro: Network, tmp_path: Path) -> None:
    path = training_checkpoint(micro.state_dict(), tmp_path / "cut.pth")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(UserError, match="damaged"):
        load_network(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda tensors: tensors.pop("enc_norm.weight"), "1 tensors are missing, unknown"),
        (lambda tensors: tensors.update(extra=torch.zeros(1)), "1 tensors are missing, unknown"),
        (lambda tensors: tensors.update({"enc_norm.bias": torch.zeros(3)}), r"\(enc_norm.bias\)"),
        (lambda tensors: tensors.pop("patch_embed.proj.weight"), "not of the DUSt3R family"),
        (lambda tensors: tensors.pop("downstream_head1.dpt.head.4.bias"), "1 tensors are missing"),
    ],
)
def test_another_network_is_refused(
    micro: Network, tmp_path: Path, change: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    tensors = dict(micro.state_dict())
    change(tensors)
    path = training_checkpoint(tensors, tmp_path / "other.pth")
    with pytest.raises(UserError, match=sentence):
        load_network(path)


@pytest.mark.parametrize(
    "option",
    ["pos_embed='cosine'", "depth_mode=('cube', -inf, inf)", "conf_mode=3", "enc_num_heads='many'"],
)
def test_unknown_rules_are_refused(micro: Network, tmp_path: Path, option: str) -> None:
    path = training_checkpoint(micro.state_dict(), tmp_path / "rules.pth", f"Net({option})")
    with pytest.raises(UserError, match=r"rules\.pth"):
        load_network(path)


def test_missing_weights_name_the_command_and_the_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLATWORKS_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=f"{FETCH_COMMAND} das3r` fetches them .CC BY-NC-SA 4.0"):
        network_weights("das3r")
    (tmp_path / "das3r_checkpoint-last.pth").touch()
    assert network_weights("das3r") == tmp_path / "das3r_checkpoint-last.pth"
    with pytest.raises(UserError, match="does not exist"):
        load_network(tmp_path / "absent.pth")
