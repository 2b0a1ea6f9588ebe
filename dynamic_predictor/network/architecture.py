"""Which network a weight file is of: sizes from its tensors, rules from the options beside them."""

import ast
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from torch import Tensor

from core.errors import UserError
from dynamic_predictor.network.dpt import DptConfig
from dynamic_predictor.network.model import NetworkConfig
from dynamic_predictor.network.postprocess import DepthMode, RangeMode, RangeRule

HEAD_DIM = 64
"""Channels of an attention head, where nothing else is said."""
_LONGEST_DESCRIPTION = 10_000
_DPT = "downstream_head1.dpt."
_MASK_HEAD = "downstream_head_dynamic_mask1."


def described_options(text: str, path: Path) -> dict[str, Any]:
    """The keyword arguments of a constructor call that is given as text. Nothing is evaluated.

    Args:
        text: such as `AsymmetricCroCo3DStereo(enc_depth=24, conf_mode=('exp', 1, inf))`.
        path: the file it is from, for the message.

    Raises:
        UserError: it is more than a call with literals.
    """
    try:
        if len(text) > _LONGEST_DESCRIPTION:
            raise ValueError(f"{len(text)} characters")
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            raise ValueError("not a call with keyword arguments")
        plain = _Infinities()
        return {word.arg: ast.literal_eval(plain.visit(word.value)) for word in call.keywords if word.arg}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise UserError(
            f"{path} describes its network by something other than a call with literals ({error}); it is not "
            "evaluated, so use the authors' file or a .safetensors file"
        ) from error


class _Infinities(ast.NodeTransformer):
    """`inf` and `float('inf')` as numbers."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(math.inf) if node.id == "inf" else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        return ast.Constant(math.inf) if ast.unparse(node) == "float('inf')" else node


def network_config(
    tensors: Mapping[str, Tensor], options: Mapping[str, Any], path: Path, *, dynamic_heads: bool = False
) -> NetworkConfig:
    """The sizes that the tensors have, and the rules that the options name.

    Args:
        tensors: by their published names.
        options: arguments of the constructor; what is absent has its usual value.
        path: the file, for messages.
        dynamic_heads: whether heads that say what moves are wanted even if the file has none.

    Raises:
        UserError: these are the tensors of something else, or an option asks for what we do not have.
    """
    positions = options.get("pos_embed", "RoPE100")
    if positions != "RoPE100":
        raise UserError(f"{path} is of a network with {positions!r} positions; only RoPE100 is supported")
    try:
        encoder_width = len(tensors["patch_embed.proj.weight"])
        decoder_width = len(tensors["decoder_embed.weight"])
        return NetworkConfig(
            encoder_width=encoder_width,
            encoder_depth=_depth(tensors, "enc_blocks"),
            encoder_heads=int(options.get("enc_num_heads", encoder_width // HEAD_DIM)),
            decoder_width=decoder_width,
            decoder_depth=_depth(tensors, "dec_blocks"),
            decoder_heads=int(options.get("dec_num_heads", decoder_width // HEAD_DIM)),
            mlp_ratio=len(tensors["enc_blocks.0.mlp.fc1.bias"]) // encoder_width,
            patch=tensors["patch_embed.proj.weight"].shape[-1],
            head="linear" if "downstream_head1.proj.weight" in tensors else "dpt",
            dynamic_heads=dynamic_heads or any(name.startswith(_MASK_HEAD) for name in tensors),
            dpt=_dpt(tensors),
            depth_mode=_depth_mode(options.get("depth_mode", ("exp", -math.inf, math.inf))),
            confidence=_rule(options.get("conf_mode", ("exp", 1.0, math.inf))),
            dynamic=_rule(options.get("mask_mode", ("sigmoid", 0.0, 1.0))),
        )
    except KeyError as error:
        raise UserError(
            f"{path} has no tensor {error}, so it is not of the DUSt3R family; give a weight file of DAS3R, "
            "MonST3R or DUSt3R"
        ) from error
    except (TypeError, ValueError, ZeroDivisionError, IndexError) as error:
        raise UserError(f"{path} describes a network that we cannot build: {error}") from error


def options_of(config: NetworkConfig) -> dict[str, Any]:
    """The options that `network_config` needs beside the tensors, under their published names."""
    return {
        "pos_embed": "RoPE100",
        "enc_num_heads": config.encoder_heads,
        "dec_num_heads": config.decoder_heads,
        "depth_mode": [config.depth_mode, -math.inf, math.inf],
        "conf_mode": [config.confidence.mode, config.confidence.low, config.confidence.high],
        "mask_mode": [config.dynamic.mode, config.dynamic.low, config.dynamic.high],
    }


def _depth(tensors: Mapping[str, Tensor], blocks: str) -> int:
    return len({name.split(".")[1] for name in tensors if name.startswith(f"{blocks}.")})


def _dpt(tensors: Mapping[str, Tensor]) -> DptConfig:
    if f"{_DPT}head.2.weight" not in tensors:
        return DptConfig()
    laterals = [tensors[f"{_DPT}scratch.layer{level}_rn.weight"].shape for level in range(1, 5)]
    widths = (laterals[0][1], laterals[1][1], laterals[2][1], laterals[3][1])
    return DptConfig(widths, laterals[0][0], len(tensors[f"{_DPT}head.2.weight"]))


def _depth_mode(described: Any) -> DepthMode:
    mode, low, high = described
    if mode not in get_args(DepthMode) or (low, high) != (-math.inf, math.inf):
        raise ValueError(f"depth mode {described!r}")
    return mode


def _rule(described: Any) -> RangeRule:
    mode, low, high = described
    if mode not in get_args(RangeMode):
        raise ValueError(f"mode {described!r}")
    return RangeRule(mode, float(low), float(high))
