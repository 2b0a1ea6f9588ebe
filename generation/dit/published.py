"""What a network's tensors, and a `conf.yaml` beside them, say about its configuration.

DynamicCity's checkpoints hold no configuration. Most of it shows in the tensors; heads and the planes' sizes
do not, and are taken from `conf.yaml`, or from what DynamicCity trains where that fits.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import UserError
from generation.dit.config import DIT_DC_2, SIZES, DitConfig
from generation.rollout import PATCH, LatentSize

_CONDITIONS = {
    "hexplane": "hex_emb.embedder.proj.weight",
    "layout": "layout_emb.embedder.proj.weight",
    "trajectory": "traj_emb.embedder.0.weight",
    "command": "cmd_emb.embedder.weight",
    "cross_attention": "blocks.0.x_attn.q.weight",
}
_NEEDED = ("pos_embed", "x_embedder.proj.weight", "blocks.0.attn.qkv.weight")


def config_from_weights(weights: Mapping[str, Tensor], conf: Mapping[str, Any], path: Path) -> DitConfig:
    """The configuration of a network by its tensors.

    Args:
        weights: by DynamicCity's names.
        conf: values of a `conf.yaml` by key.
        path: of the checkpoint, for messages.

    Raises:
        UserError: they are no such network's, or the sizes that do not show in them are unknown.
    """
    missing = [name for name in _NEEDED if name not in weights]
    if missing:
        raise UserError(
            f"{path} is no checkpoint of a DiT: it has no {missing[0]}; one that DynamicCity's train.py "
            "wrote was expected"
        )
    table, patches = weights["pos_embed"], weights["x_embedder.proj.weight"]
    if table.dim() != 3 or patches.dim() != 4:
        raise UserError(f"{path} is no checkpoint of a DiT: pos_embed is {list(table.shape)}")
    frames = _frames(weights, conf)
    conditions: dict[str, Any] = {flag: name in weights for flag, name in _CONDITIONS.items()}
    return DitConfig(
        depth=1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks.")),
        width=table.shape[2],
        heads=_heads(table.shape[2], conf, path),
        latent=_size(table, frames, conf, path),
        channels=patches.shape[1],
        frames=frames,
        **conditions,
    )


def _frames(weights: Mapping[str, Tensor], conf: Mapping[str, Any]) -> int:
    if _CONDITIONS["layout"] in weights:
        return weights[_CONDITIONS["layout"]].shape[1]
    if _CONDITIONS["trajectory"] in weights:
        return weights[_CONDITIONS["trajectory"]].shape[1] // 3
    return _whole(conf, "sequence_length", DIT_DC_2.frames)


def _heads(width: int, conf: Mapping[str, Any], path: Path) -> int:
    named = [size for name, size in SIZES.items() if name in map(str, conf.values())]
    for size in (*named, *SIZES.values()):
        if size.width == width:
            return size.heads
    raise UserError(
        f"{path}: heads do not show in the tensors, and only {' and '.join(SIZES)} are known, but the tokens "
        f"have {width} channels"
    )


def _size(table: Tensor, frames: int, conf: Mapping[str, Any], path: Path) -> LatentSize:
    """The planes' size by `conf.yaml`, held against the number of rows and columns in the table of places."""
    grid = conf.get("spatial_size")
    known = isinstance(grid, list) and len(grid) == 3 and all(isinstance(cells, int) for cells in grid)
    x, y, z = grid if known and grid is not None else (128, 128, 8)
    t = frames >> _whole(conf, "hex_down_t", 1)
    halvings = {axis: _whole(conf, f"down_{axis}", 1) + _whole(conf, f"hex_down_{axis}", 0) for axis in "xyz"}
    size = LatentSize(t, x >> halvings["x"], y >> halvings["y"], z >> halvings["z"])
    columns = _columns(table)
    shape = (table.shape[1] // columns * PATCH, columns * PATCH)
    if size.rollout_shape != shape:
        source = (
            "its conf.yaml says" if known else "DynamicCity's own grid has, without a conf.yaml that says,"
        )
        raise UserError(
            f"{path} is of rollouts of {shape[0]} x {shape[1]} cells, but {source} planes of {tuple(size)} "
            f"along t, x, y, z, which make {size.rollout_shape[0]} x {size.rollout_shape[1]}; put the "
            "conf.yaml of this checkpoint beside it"
        )
    return size


def _columns(table: Tensor) -> int:
    """Patches in a row: after as many the codes of columns, the first half of the channels, repeat."""
    codes = table[0, :, : table.shape[2] // 2].float()
    repeats = torch.isclose(codes[1:], codes[:1], rtol=0, atol=1e-4).all(dim=1).nonzero()
    return int(repeats[0]) + 1 if len(repeats) else len(codes)


def _whole(conf: Mapping[str, Any], key: str, default: int) -> int:
    """A number from 0 on; what cannot be one, such as a reference to another key, counts as absent."""
    value = conf.get(key)
    return value if isinstance(value, int) and value >= 0 else default
