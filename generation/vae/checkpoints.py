"""Weights of the autoencoder: published ones and our own, and what they were trained on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import UserError
from core.serialization import config_from_json, config_to_json
from generation.checkpoints import (
    fill,
    fingerprint,
    named_tensors,
    read_conf,
    read_published,
    read_weights,
    write_weights,
)
from generation.vae.config import HexplaneVaeConfig
from generation.vae.model import HexplaneVae
from scene.occupancy.classes import CARLASC, ClassSet, class_set
from scene.occupancy.sequence import CARLASC_GRID, Grid

_KIND = "hexplane-vae"

_PUBLISHED_NAMES = {
    "frames": "sequence_length",
    "num_classes": "num_classes",
    "spatial_size": "spatial_size",
    "latent_channels": "latent_channels",
    "query_channels": "query_channels",
    "hex_down_t": "hex_down_t",
    "separate_t_encoder": "separate_t_encoder",
    "one_hot_time": "one_hot_time",
    "separate_t_reducer": "separate_t_reducer",
    "transformer_depth": "transformer_depth",
    "heads": "heads",
    "mlp_channels": "dim_mlp",
    "dropout": "dropout",
    "hadamard": "hadamard",
    "pe_freq": "pe_freq",
    "hidden_low": "conv_hidden_low_res",
    "hidden_high": "conv_hidden_high_res",
}
"""Our names of what DynamicCity's `conf.yaml` says, and its own."""

_PUBLISHED_SECONDS = 0.1
"""From one frame of CarlaSC to the next."""


@dataclass(frozen=True)
class LoadedVae:
    """An autoencoder and what it was trained on.

    Args:
        network: in evaluation mode, on the CPU.
        classes: what its classes mean.
        grid: where its voxels lie.
        seconds_per_frame: time from one of its frames to the next.
        fingerprint: stands for the weights, so that latents can say whose they are.
    """

    network: HexplaneVae
    classes: ClassSet
    grid: Grid
    seconds_per_frame: float
    fingerprint: str


@dataclass(frozen=True)
class _Facts:
    """What our files say beside the weights."""

    config: HexplaneVaeConfig
    classes: str
    grid: Grid
    seconds_per_frame: float
    score: float | None = None


def save_vae(
    path: Path,
    network: HexplaneVae,
    classes: ClassSet,
    grid: Grid,
    seconds_per_frame: float,
    score: float | None = None,
) -> None:
    """Write weights that `load_vae` reads.

    Args:
        path: ends in .safetensors.
        network: the autoencoder.
        classes: what its classes mean.
        grid: where its voxels lie.
        seconds_per_frame: time from one of its frames to the next.
        score: mean IoU on held-out windows, percent, where it is known.

    Raises:
        UserError: the file cannot be written.
    """
    facts = _Facts(network.config, classes.name, grid, seconds_per_frame, score)
    write_weights(path, network, {"kind": _KIND, **config_to_json(facts)})


def read_score(path: Path) -> float:
    """The score that weights of ours were written with; minus infinity if they were without.

    Raises:
        UserError: the file is missing or damaged, or holds another network.
    """
    score = _read_ours(path)[1].score
    return -math.inf if score is None else score


def load_vae(path: Path) -> LoadedVae:
    """An autoencoder from a file.

    Args:
        path: our .safetensors, or a .ckpt of DynamicCity, beside which its `conf.yaml` is read.

    Raises:
        UserError: the file is missing or damaged, or holds another network.
    """
    if path.suffix == ".safetensors":
        tensors, facts = _read_ours(path)
    else:
        tensors, facts = _read_theirs(path)
    with torch.device("meta"):
        network = HexplaneVae(facts.config)
    fill(network, tensors, path, "a HexPlane VAE of that configuration")
    classes = class_set(facts.classes)
    return LoadedVae(network.eval(), classes, facts.grid, facts.seconds_per_frame, fingerprint(network))


def _read_ours(path: Path) -> tuple[dict[str, Tensor], _Facts]:
    tensors, told = read_weights(path)
    kind = told.pop("kind", None)
    if kind != _KIND:
        raise UserError(f"{path} holds a {kind}, where the weights of a VAE were expected")
    return tensors, config_from_json(_Facts, told, f"{path}: ")


def _read_theirs(path: Path) -> tuple[dict[str, Tensor], _Facts]:
    tensors = named_tensors(read_published(path).get("model_state_dict"), path)
    conf = read_conf(path)
    config = published_config(conf, f"{path.parent / 'conf.yaml'}: ")
    skip = conf.get("skip", 0)
    seconds = _PUBLISHED_SECONDS * (1 + (skip if isinstance(skip, int) else 0))
    return tensors, _Facts(config, CARLASC.name, CARLASC_GRID, seconds)


def published_config(conf: Mapping[str, Any], where: str = "") -> HexplaneVaeConfig:
    """The configuration of published weights.

    Args:
        conf: values of `conf.yaml` by key; those that are unknown here are passed over, and what it does not
            say, or says by a reference to another key, has the published default.
        where: prefix for messages.

    Raises:
        UserError: a value is of another type, or they do not go together.
    """
    said = {name: value for name, value in conf.items() if not isinstance(value, str)}
    values = {ours: said[theirs] for ours, theirs in _PUBLISHED_NAMES.items() if theirs in said}
    defaults = HexplaneVaeConfig()
    for triple, standard in (("down", defaults.down), ("hex_down", defaults.hex_down)):
        values[triple] = [
            said.get(f"{triple}_{axis}", value) for axis, value in zip("xyz", standard, strict=True)
        ]
    return config_from_json(HexplaneVaeConfig, values, where)
