"""DynamicCity's autoencoder in numbers, and the closed forms of the voxels behind them."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from generation.vae.config import HexplaneVaeConfig
from generation.vae.model import HexplaneVae
from tests.generation.golden import fill

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "dynamiccity_vae.json").read_text(encoding="utf-8")
)

CONFIG = HexplaneVaeConfig(frames=4, spatial_size=(16, 16, 8))


def golden_voxels() -> Int64[Tensor, "2 4 16 16 8"]:
    """Classes that jump about."""
    places = torch.arange(2 * 4 * 16 * 16 * 8)
    return (places * 7919 % 104729 % CONFIG.num_classes).view(2, 4, 16, 16, 8)


def golden_vae() -> HexplaneVae:
    """The filled network of the numbers, in float64."""
    network = HexplaneVae(CONFIG).double()
    fill(network)
    return network.eval()


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of the weights that are published for CarlaSC."""
    return {name: tuple(shape) for names, shape in GOLDEN["shapes"].items() for name in _spelled_out(names)}


def _spelled_out(names: str) -> Iterator[str]:
    """`a.{b,c}` stands for `a.b` and `a.c`."""
    parts = re.split(r"[{}]", names)
    choices = [part.split(",") if place % 2 else [part] for place, part in enumerate(parts)]
    yield from ("".join(chosen) for chosen in itertools.product(*choices))
