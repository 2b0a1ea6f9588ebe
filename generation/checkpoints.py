"""Weight files of generative networks: published ones, opened without running what is in them, and our own.

Our files are safetensors: tensors, and one JSON text that says what network they belong to.
"""

import hashlib
import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn

from core.errors import UserError
from core.files import atomic_write, explain

_FACTS = "splatworks"
"""Under which our files keep their JSON text."""

_numpy_scalar: Any = np.float64(0).__reduce__()[0]
_PLAIN: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("float32", "float64", "int64")),
    (_numpy_scalar, "numpy.core.multiarray.scalar"),  # as numpy 1 wrote it
    (_numpy_scalar, "numpy._core.multiarray.scalar"),
]
"""What a published checkpoint may hold beside tensors: its best score is a numpy scalar."""


def read_published(path: Path, *names: str) -> dict[str, Tensor]:
    """The weights in a `.ckpt` of DynamicCity.

    Args:
        path: the file.
        names: entries that may hold them; the first that is there is taken.

    Raises:
        UserError: the file is missing, damaged or unsafe, or has none of the entries.
    """
    try:
        with torch.serialization.safe_globals(_PLAIN):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise explain(error, path, "read") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise UserError(
            f"{path} is damaged, or holds more than weights ({str(error).strip().splitlines()[0]}); fetch it again"
        ) from error
    for name in names:
        found = content.get(name) if isinstance(content, Mapping) else None
        if isinstance(found, Mapping) and all(isinstance(value, Tensor) for value in found.values()):
            return {key.removeprefix("module."): value for key, value in found.items()}
    raise UserError(f"{path} holds no {' and no '.join(names)}; a checkpoint of DynamicCity was expected")


def read_conf(checkpoint: Path) -> dict[str, Any]:
    """The `conf.yaml` beside a published checkpoint; empty where there is none.

    Raises:
        UserError: it cannot be read.
    """
    path = checkpoint.parent / "conf.yaml"
    if not path.exists():
        return {}
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise explain(error, path, "read") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML ({str(error).splitlines()[0]}); fetch it again") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no keys; DynamicCity's configuration was expected")
    return content


def write_weights(path: Path, network: nn.Module, facts: Mapping[str, Any]) -> None:
    """Write a network's weights with facts about it.

    Args:
        path: ends in .safetensors.
        network: on any device.
        facts: JSON values.

    Raises:
        UserError: the file cannot be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_write(path) as temporary:
        try:
            save_file(tensors, temporary, {_FACTS: json.dumps(dict(facts))})
        except (OSError, safetensors.SafetensorError) as error:
            raise UserError(
                f"{path} cannot be written ({error}); free some space or choose another folder"
            ) from error


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and facts that `write_weights` wrote.

    Raises:
        UserError: the file is missing or damaged, or not ours.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    except OSError as error:
        raise explain(error, path, "read") from error
    except safetensors.SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); write or fetch it again") from error
    if _FACTS not in metadata:
        raise UserError(
            f"{path} does not say which network it belongs to; a file of this program was expected"
        )
    return tensors, json.loads(metadata[_FACTS])


def fill(network: nn.Module, tensors: Mapping[str, Tensor], path: Path, what: str) -> None:
    """Put weights into a network, all of them and nothing else.

    Args:
        network: gets them.
        tensors: by name.
        path: where they come from, for the message.
        what: the network, in words, for the message.

    Raises:
        UserError: a tensor is missing, unknown, or of another shape.
    """
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    wrong = sorted(expected.keys() ^ tensors.keys())
    wrong += [name for name in expected if name in tensors and tensors[name].shape != expected[name]]
    if wrong:
        raise UserError(
            f"{path} does not hold {what}: {len(wrong)} tensors are missing, unknown or of another shape "
            f"({', '.join(wrong[:3])}); give the checkpoint that this configuration belongs to"
        )
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})


def fingerprint(network: nn.Module) -> str:
    """Sixteen hexadecimal digits that stand for a network's weights, on any device."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
