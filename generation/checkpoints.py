"""Weight files of generative networks: published ones, opened without running what is in them, and our own.

Our files are safetensors: tensors, and one JSON text that says what network they belong to.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn

from core.errors import UserError
from core.files import atomic_write, explain

_FACTS = "splatworks"
"""Under which our files keep their JSON text."""


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


def read_published(path: Path) -> dict[str, Any]:
    """What a `.ckpt` of DynamicCity holds: tensors and plain values by name.

    Raises:
        UserError: the file is missing or damaged, or holds anything else.
    """
    try:
        with torch.serialization.safe_globals(_STAND_INS):
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise explain(error, path, "read") from error
    except Exception as error:  # damage makes torch's reader stumble in any way: IndexError, KeyError, ...
        reason = str(error).strip().splitlines()
        raise UserError(
            f"{path} is damaged, or holds more than tensors and plain values "
            f"({reason[0] if reason else type(error).__name__}); a checkpoint was expected"
        ) from error
    if not isinstance(stored, dict):
        raise UserError(f"{path} is no checkpoint of a network: it holds no named parts")
    return stored


def named_tensors(weights: Any, path: Path) -> dict[str, Tensor]:
    """Weights by name, as an entry of a checkpoint has them.

    Raises:
        UserError: they are something else.
    """
    if isinstance(weights, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        return {name.removeprefix("module."): value for name, value in weights.items()}
    raise UserError(f"{path} is no checkpoint of a network: its weights are no named tensors")


def read_conf(checkpoint: Path) -> dict[str, Any]:
    """The values of the `conf.yaml` beside a published checkpoint, by key, whatever groups they are in.

    Args:
        checkpoint: the file beside which it is looked for; nothing is known where there is none. The first of
            several values of a key counts.

    Raises:
        UserError: it is there and is no YAML.
    """
    path = checkpoint.parent / "conf.yaml"
    if not path.is_file():
        return {}
    try:
        stored = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise explain(error, path, "read") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML ({str(error).splitlines()[0]}); restore or remove it") from error
    values: dict[str, Any] = {}
    for key, value in _leaves(stored):
        values.setdefault(key, value)
    return values


def _leaves(stored: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(stored, Mapping):
        return
    for key, value in stored.items():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        else:
            yield str(key), value


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
    except FileNotFoundError as error:  # which comes without the number that `explain` knows
        raise UserError(f"cannot read {path}: it does not exist") from error
    except OSError as error:
        raise explain(error, path, "read") from error
    except safetensors.SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); write or fetch it again") from error
    if _FACTS not in metadata:
        raise UserError(
            f"{path} does not say which network it belongs to; a file of this program was expected"
        )
    try:
        facts = json.loads(metadata[_FACTS])
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); write or fetch it again") from error
    if not isinstance(facts, dict):
        raise UserError(f"{path} is damaged (its facts are no JSON object); write or fetch it again")
    return tensors, facts


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
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            raise UserError(
                f"{path} does not hold {what}: {name} is {_shape(found.get(name))} where "
                f"{_shape(expected.get(name))} was expected; it is of another network"
            )
    network.load_state_dict({name: value.detach().float() for name, value in tensors.items()}, assign=True)


def _shape(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else str(list(shape))


def fingerprint(network: nn.Module) -> str:
    """Sixteen hexadecimal digits that stand for a network's weights, on any device."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
