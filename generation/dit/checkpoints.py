"""Trained transformers in files: ours, which say what they are, and DynamicCity's. Nothing in them is run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import UserError
from core.serialization import config_from_json, config_to_json
from generation.checkpoints import fill, named_tensors, read_conf, read_published, read_weights, write_weights
from generation.dit.config import DitConfig
from generation.dit.model import Dit
from generation.dit.published import config_from_weights
from generation.normalization import Normalization

_KIND = "dit"


@dataclass(frozen=True)
class DitFacts:
    """What sampling must know beside the weights."""

    vae: str | None
    """Fingerprint of the autoencoder whose latents were learned; None where the file does not say."""
    step: int | None
    """Of the training; None where the file does not say."""
    normalization: Normalization
    """Scale of the latents."""
    legacy_driving: bool
    """Whether trajectories and commands are DynamicCity's: in world axes, by tiny thresholds."""


@dataclass(frozen=True)
class LoadedDit:
    """A trained transformer.

    Args:
        model: ready to sample, on the CPU.
        facts: what goes with it.
    """

    model: Dit
    facts: DitFacts


def save_dit(path: Path, model: Dit, facts: DitFacts) -> None:
    """Write a transformer with its configuration, whole or not at all.

    Args:
        path: ends in .safetensors.
        model: with the weights to sample with, so usually their moving averages.
        facts: what goes with it.

    Raises:
        UserError: the file cannot be written.
    """
    config = config_to_json(model.config)
    write_weights(path, model, {"kind": _KIND, "config": config, "facts": config_to_json(facts)})


def load_dit(path: Path, vae: str | None = None) -> LoadedDit:
    """A transformer that `save_dit` wrote, or that DynamicCity's train.py did; on the CPU, ready to sample.

    Of DynamicCity's files the moving averages, `ema`, are taken. A `conf.yaml` beside them is read.

    Args:
        path: our .safetensors, or a .ckpt of DynamicCity.
        vae: fingerprint of the autoencoder that is to decode; None = not compared.

    Raises:
        UserError: it is missing, damaged, no such network, or one for another autoencoder.
    """
    if path.suffix == ".safetensors":
        tensors, told = read_weights(path)
        if told.get("kind") != _KIND:
            raise UserError(f"{path} holds a {told.get('kind')}, where the weights of a DiT were expected")
        config = config_from_json(DitConfig, told.get("config"), f"{path}: config.")
        facts = config_from_json(DitFacts, told.get("facts"), f"{path}: facts.")
    else:
        stored = read_published(path)
        tensors = _published_weights(stored, path)
        config = config_from_weights(tensors, read_conf(path), path)
        step = stored.get("current_step")
        facts = DitFacts(
            None, step if isinstance(step, int) else None, Normalization.none(config.channels), True
        )
    if vae is not None and facts.vae is not None and facts.vae != vae:
        raise UserError(
            f"{path} learned the latents of the autoencoder {facts.vae}, but {vae} was given to decode them; "
            "choose the one it was trained with"
        )
    with torch.device("meta"):
        model = Dit(config)
    fill(model, tensors, path, "a DiT of its configuration")
    return LoadedDit(model.eval(), facts)


def _published_weights(stored: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    if "ema" not in stored and "model_state_dict" not in stored:
        raise UserError(
            f"{path} is no checkpoint of a DiT: it holds {', '.join(map(str, stored)) or 'nothing'}"
        )
    # The averages of old files may lack tensors that never change, which the state has.
    return {
        **named_tensors(stored.get("model_state_dict", {}), path),
        **named_tensors(stored.get("ema", {}), path),
    }
