"""Published weight files, opened without running anything that is in them.

A .pth is a pickle: only tensors, plain values and the option lists of argparse are let in. The constructor
call that such files carry as text is read as literals. Safetensors files hold nothing but tensors.
"""

import argparse
import json
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from core.errors import UserError
from core.files import GIT_LFS_MARK, atomic_write, explain, read_json
from core.weights import find_weights, weight_folders
from dynamic_predictor.network.architecture import described_options, network_config, options_of
from dynamic_predictor.network.model import Network

FETCH_COMMAND = "python -m data.download_weights"
LICENCE = "CC BY-NC-SA 4.0, not for commercial use"
WEIGHT_FILES: Mapping[str, tuple[str, ...]] = {
    "das3r": ("das3r/model.safetensors", "das3r_checkpoint-last.pth"),
    "monst3r": (
        "monst3r/model.safetensors",
        "MonST3R_PO-TA-S-W_ViTLarge_BaseDecoder_512_dpt.pth",
    ),
    "dust3r": ("dust3r_512_dpt/model.safetensors", "DUSt3R_ViTLarge_BaseDecoder_512_dpt.pth"),
}
"""Names within a folder of weights: of what the command fetches, and the authors' own."""

_ALIAS = re.compile(r"\.scratch\.(?:layer_rn\.([0-3])|layer([1-4])_rn)\.")
_UNUSED = ("prediction_head.",)
"""CroCo's own head, which no network of ours has."""
_METADATA = "network"

_numpy_scalar: Any = np.float64(0).__reduce__()[0]
_PLAIN: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    argparse.Namespace,
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("float32", "float64", "int64", "bool")),
    (_numpy_scalar, "numpy.core.multiarray.scalar"),  # as numpy 1 wrote it
    (_numpy_scalar, "numpy._core.multiarray.scalar"),
]
"""What a pickle may hold beside tensors: options, and scores as numpy scalars."""


@dataclass(frozen=True)
class Checkpoint:
    """What a weight file holds.

    Args:
        tensors: by name; of modules with two names, both.
        options: arguments of the network's constructor, under their published names.
    """

    tensors: dict[str, Tensor]
    options: dict[str, Any] = field(default_factory=dict)


def network_weights(name: str) -> Path:
    """The weight file of a published network, in the folders where weights are looked for.

    Args:
        name: das3r, monst3r or dust3r.

    Raises:
        UserError: it is in none of them; the sentence says which command fetches it, and under which licence.
    """
    for file in WEIGHT_FILES[name]:
        found = find_weights(file)
        if found is not None:
            return found
    raise UserError(
        f"the weights of {name} are not in {weight_folders()[0]}; `{FETCH_COMMAND} {name}` fetches them "
        f"({LICENCE}), or --pretrained names a file, or --predictor classical needs none"
    )


def load_network(path: Path, *, fresh_heads: bool = False) -> Network:
    """A network with the weights of a file, on the CPU in float32.

    Args:
        path: a .pth or .safetensors file of DAS3R, MonST3R, DUSt3R, CroCo v2 or our own, or a folder with
            model.safetensors.
        fresh_heads: where the file has no heads (CroCo) or no mask heads (DUSt3R, MonST3R), add new
            ones, to be trained.

    Raises:
        UserError: the file is missing, damaged, unsafe, or does not hold such a network.
    """
    checkpoint = read_checkpoint(path)
    tensors = checkpoint.tensors
    config = network_config(tensors, checkpoint.options, path, dynamic_heads=fresh_heads)
    with torch.device("meta"):
        network = Network(config)
    _check(tensors, network, path, fresh_heads=fresh_heads)
    network.load_state_dict(tensors, strict=False, assign=True)
    _initialize(network)
    return network.eval()


def _check(tensors: Mapping[str, Tensor], network: Network, path: Path, *, fresh_heads: bool) -> None:
    """That the file has what the network needs, and nothing else; fresh heads need nothing."""
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    heads = {name.partition(".")[0] for name in expected if name.startswith("downstream_head")}
    absent = heads - {name.partition(".")[0] for name in tensors}
    needed = {name for name in expected if not (fresh_heads and name.partition(".")[0] in absent)}
    wrong = sorted(needed - tensors.keys()) + sorted(tensors.keys() - expected.keys())
    wrong += sorted(name for name in needed & tensors.keys() if tensors[name].shape != expected[name])
    if wrong and absent == heads and not fresh_heads:
        raise UserError(
            f"{path} has an encoder and a decoder but no heads: a training can start from it, but it cannot "
            "look at images; give a weight file of DAS3R, MonST3R or DUSt3R"
        )
    if wrong:
        raise UserError(
            f"{path} does not hold a network of the DUSt3R family: {len(wrong)} tensors are missing, unknown "
            f"or of another shape ({', '.join(wrong[:3])}); give a weight file of DAS3R, MonST3R or DUSt3R"
        )


def _initialize(network: Network) -> None:
    """Values for what no file had: modules that still lie on the meta device."""
    for module in network.modules():
        own = list(module.parameters(recurse=False))
        if own and own[0].is_meta:
            module.to_empty(device="cpu", recurse=False)
            reset = getattr(module, "reset_parameters")  # noqa: B009 (layers have it, nn.Module has not)
            reset()


def save_network(network: Network, path: Path) -> None:
    """Write a safetensors file that `load_network` reads, with the constructor's arguments in its header.

    Raises:
        UserError: the file cannot be written.
    """
    tensors = {
        name: tensor.contiguous()
        for name, tensor in network.state_dict().items()
        if ".scratch.layer_rn." not in name
    }
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, {_METADATA: json.dumps(options_of(network.config))})


def read_checkpoint(path: Path) -> Checkpoint:
    """The tensors and options of a weight file, under the names that `Network` has.

    Raises:
        UserError: the file is missing, damaged, or holds what could run as code.
    """
    if path.is_dir():
        path = path / "model.safetensors"
    _refuse_what_is_no_weight_file(path)
    checkpoint = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    tensors = {name: tensor for name, tensor in checkpoint.tensors.items() if not name.startswith(_UNUSED)}
    for name, tensor in list(tensors.items()):
        tensors.setdefault(_other_name(name), tensor)
    if not any(name.startswith("dec_blocks2.") for name in tensors):
        copies = {name: tensor for name, tensor in tensors.items() if name.startswith("dec_blocks.")}
        tensors |= {name.replace("dec_blocks.", "dec_blocks2.", 1): t.clone() for name, t in copies.items()}
    return Checkpoint(
        {name: tensor.to(torch.float32) for name, tensor in tensors.items()}, checkpoint.options
    )


def _other_name(name: str) -> str:
    """The second name of a module that has two; of any other, its name."""
    found = _ALIAS.search(name)
    if found is None:
        return name
    other = f"layer{int(found[1]) + 1}_rn" if found[1] else f"layer_rn.{int(found[2]) - 1}"
    return f"{name[: found.start()]}.scratch.{other}.{name[found.end() :]}"


def _refuse_what_is_no_weight_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise explain(error, path, "read") from error
    if start.startswith(GIT_LFS_MARK):
        raise UserError(f"{path} is a Git-LFS pointer, not weights; run `git lfs pull` in its repository")
    if not start or start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise UserError(
            f"{path} holds no weights but {'a web page' if start else 'nothing'}; download it again"
        )


def _read_safetensors(path: Path) -> Checkpoint:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is damaged or no safetensors file ({error}); download it again") from error
    if _METADATA in metadata:
        return Checkpoint(tensors, _object(metadata[_METADATA], path))
    described = path.with_name("config.json")
    return Checkpoint(tensors, read_json(described) if described.exists() else {})


def _object(text: str, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UserError(f"{path} has a damaged header ({error}); restore the file") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} has a header that is no list of options; restore the file")
    return value


def _read_pickle(path: Path) -> Checkpoint:
    try:
        with torch.serialization.safe_globals(_PLAIN), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # what matters is whether it reads
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        forbidden = re.search(r"GLOBAL (\S+)", str(error))
        found = f"refers to {forbidden[1]}" if forbidden else "is no plain pickle"
        raise UserError(
            f"{path} {found}: more than tensors and options, which could run as code, so it is not opened; "
            "use the authors' file or a .safetensors file"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise UserError(f"{path} is damaged or no weight file ({reason}); download it again") from error
    return _unpacked(content, path)


def _unpacked(content: object, path: Path) -> Checkpoint:
    """Training checkpoints hold the tensors under `model`; CroCo's arguments are `croco_kwargs`."""
    options: dict[str, Any] = {}
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        named = content.get("args")
        if isinstance(named, argparse.Namespace) and isinstance(getattr(named, "model", None), str):
            options = described_options(named.model, path)
        elif isinstance(content.get("croco_kwargs"), Mapping):
            options = dict(content["croco_kwargs"])
        content = content["model"]
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"{path} holds no tensors; give a weight file of DAS3R, MonST3R or DUSt3R")
    strange = [
        name for name, value in content.items() if not (isinstance(name, str) and isinstance(value, Tensor))
    ]
    if strange:
        raise UserError(
            f"{path} holds {strange[0]!r}, which is no tensor, among its weights; use another file"
        )
    return Checkpoint(dict(content), options)
