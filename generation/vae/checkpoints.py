"""Weights of the autoencoder: published ones and our own, and what they were trained on."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

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
    facts = {
        "kind": _KIND,
        "config": config_to_json(network.config),
        "classes": classes.name,
        "grid": asdict(grid),
        "seconds_per_frame": seconds_per_frame,
        "score": score,
    }
    write_weights(path, network, facts)


def read_score(path: Path) -> float:
    """The score that weights of ours were written with; minus infinity if they were without.

    Raises:
        UserError: the file is missing or damaged.
    """
    score = read_weights(path)[1].get("score")
    return -math.inf if score is None else float(score)


def load_vae(path: Path) -> LoadedVae:
    """An autoencoder from a file.

    Args:
        path: our .safetensors, or a .ckpt of DynamicCity, beside which its `conf.yaml` is read.

    Raises:
        UserError: the file is missing or damaged, or holds another network.
    """
    if path.suffix == ".safetensors":
        tensors, facts = read_weights(path)
        if facts.get("kind") != _KIND:
            raise UserError(f"{path} holds a {facts.get('kind')}, where the weights of a VAE were expected")
        config = config_from_json(HexplaneVaeConfig, facts["config"], f"{path}: config")
        classes, grid = class_set(facts["classes"]), config_from_json(Grid, facts["grid"], f"{path}: grid")
        seconds = float(facts["seconds_per_frame"])
    else:
        tensors = named_tensors(read_published(path).get("model_state_dict"), path)
        conf = read_conf(path)
        config = published_config(conf)
        classes, grid = CARLASC, CARLASC_GRID
        seconds = 0.1 * (1 + int(conf.get("skip", 0)))
    with torch.device("meta"):
        network = HexplaneVae(config)
    fill(network, tensors, path, "a HexPlane VAE of that configuration")
    return LoadedVae(network.eval(), classes, grid, seconds, fingerprint(network))


def published_config(conf: Mapping[str, Any]) -> HexplaneVaeConfig:
    """The configuration of published weights.

    Args:
        conf: values of `conf.yaml` by key; those that are unknown here are passed over, and what it does not
            say has the published default.
    """
    defaults = HexplaneVaeConfig()
    names = {
        "frames": "sequence_length",
        "num_classes": "num_classes",
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
    values = {ours: conf.get(theirs, getattr(defaults, ours)) for ours, theirs in names.items()}
    return HexplaneVaeConfig(
        **values,
        spatial_size=tuple(conf.get("spatial_size", defaults.spatial_size)),
        down=_triple(conf, "down", defaults.down),
        hex_down=_triple(conf, "hex_down", defaults.hex_down),
    )


def _triple(conf: Mapping[str, Any], name: str, default: tuple[int, int, int]) -> tuple[int, int, int]:
    x, y, z = (int(conf.get(f"{name}_{axis}", value)) for axis, value in zip("xyz", default, strict=True))
    return x, y, z
