"""Trained networks in files: ours, which say what they are, and DynamicCity's. Nothing in a file is run."""

import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import UserError
from core.files import explain
from core.serialization import config_from_json, config_to_json, save_state
from generation.dit.config import DitConfig
from generation.dit.model import Dit
from generation.dit.published import config_from_weights, read_conf

FORMAT = "splatworks-dit-1"
"""What a file of ours says it is."""

_CONF = "conf.yaml"


@dataclass(frozen=True)
class DitCheckpoint:
    """A trained network.

    Args:
        model: ready to sample.
        vae: fingerprint of the autoencoder whose latents it learned; None where the file does not say.
        step: of its training; None where the file does not say.
    """

    model: Dit
    vae: str | None
    step: int | None


class _Unread:
    """Stands for a number of numpy's or its type, which schedulers and scores leave. Nobody reads them."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


_STAND_INS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_Unread, name)
    for name in (
        *("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype"),
        *("numpy.dtypes.Float32DType", "numpy.dtypes.Float64DType"),
    )
]


def save_dit(path: Path, model: Dit, vae: str, step: int) -> None:
    """Write a network with its configuration, whole or not at all.

    Args:
        path: the file.
        model: with the weights to sample with, so usually their moving averages.
        vae: fingerprint of the autoencoder.
        step: of the training.

    Raises:
        UserError: the file cannot be written.
    """
    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    config = config_to_json(model.config)
    save_state(path, {"format": FORMAT, "config": config, "vae": vae, "step": step, "weights": weights})


def load_dit(path: Path, vae: str | None = None) -> DitCheckpoint:
    """A network that `save_dit` wrote, or that DynamicCity's train.py did; on the CPU, ready to sample.

    Of DynamicCity's files the moving averages, `ema`, are taken. A `conf.yaml` beside them is read.

    Args:
        path: the file.
        vae: fingerprint of the autoencoder that is to decode; None = not compared.

    Raises:
        UserError: it is missing, damaged, no such network, or one for another autoencoder.
    """
    stored = _read(path)
    if stored.get("format") == FORMAT:
        checkpoint = _ours(stored, path)
    elif "ema" in stored or "model_state_dict" in stored:
        checkpoint = _published(stored, path)
    else:
        raise UserError(
            f"{path} is no checkpoint of a DiT: it holds {', '.join(map(str, stored)) or 'nothing'}"
        )
    if vae is not None and checkpoint.vae is not None and checkpoint.vae != vae:
        raise UserError(
            f"{path} learned the latents of the autoencoder {checkpoint.vae}, but {vae} was given to decode "
            "them; choose the one it was trained with"
        )
    return checkpoint


def _read(path: Path) -> dict[str, Any]:
    try:
        with torch.serialization.safe_globals(_STAND_INS):
            # Mapped, not read: a published file is four times the weights that are taken out of it.
            stored = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except OSError as error:
        raise explain(error, path, "read") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()
        raise UserError(
            f"{path} is damaged, or holds more than tensors and plain values "
            f"({reason[0] if reason else type(error).__name__}); a checkpoint of a DiT was expected"
        ) from error
    if not isinstance(stored, dict):
        raise UserError(f"{path} is no checkpoint of a DiT: it holds no named parts")
    return stored


def _ours(stored: Mapping[str, Any], path: Path) -> DitCheckpoint:
    config = config_from_json(DitConfig, stored.get("config"), f"{path}: config.")
    vae, step = stored.get("vae"), stored.get("step")
    if not isinstance(vae, str) or not isinstance(step, int):
        raise UserError(f"{path} does not say which autoencoder it belongs to; it was not written whole")
    return DitCheckpoint(_built(config, _named(stored.get("weights"), path), path), vae, step)


def _published(stored: Mapping[str, Any], path: Path) -> DitCheckpoint:
    # The averages of old files may lack tensors that never change, which the state has.
    weights = {**_named(stored.get("model_state_dict", {}), path), **_named(stored.get("ema", {}), path)}
    config = config_from_weights(weights, read_conf(path.parent / _CONF), path)
    step = stored.get("current_step")
    return DitCheckpoint(_built(config, weights, path), None, step if isinstance(step, int) else None)


def _named(weights: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(weights, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        return dict(weights)
    raise UserError(f"{path} is no checkpoint of a DiT: its weights are no named tensors")


def _built(config: DitConfig, weights: Mapping[str, Tensor], path: Path) -> Dit:
    """The network with these weights, in float32, after a look at names and shapes."""
    with torch.device("meta"):
        model = Dit(config)
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            raise UserError(
                f"{path} does not fit its configuration: {name} is {_shape(found.get(name))} where "
                f"{_shape(expected.get(name))} was expected; it is of another network"
            )
    copies = {name: value.detach().to(torch.float32, copy=True) for name, value in weights.items()}
    model.load_state_dict(copies, assign=True)
    return model.eval()


def _shape(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else str(list(shape))
