"""Reference numbers of DynamicCity, and the closed forms that fill the weights and inputs behind them."""

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from generation.dit import Conditions, Dit, DitConfig

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "dynamiccity_dit.json").read_text())

CONFIG = DitConfig(
    latent=(2, 8, 8, 4), frames=4,
    hexplane=True, layout=True, trajectory=True, command=True, cross_attention=True,
)  # fmt: skip


def fill(model: nn.Module) -> None:
    """Weights by a sine of their place, keys sorted by name."""
    for index, (name, parameter) in enumerate(sorted(model.named_parameters())):
        places = torch.arange(1, parameter.numel() + 1, dtype=torch.float64)
        sines = torch.sin(12.9898 * places + 78.233 * (index + 1)).view(parameter.shape)
        if parameter.dim() >= 2:
            values = sines / math.sqrt(math.prod(parameter.shape[1:]))
        else:
            values = (1 if name.endswith("weight") else 0) + 0.1 * sines
        parameter.data = values.to(parameter.dtype)


def ramp(shape: tuple[int, ...], a: float) -> Tensor:
    places = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64)
    return torch.sin(0.01 * a * places).float().view(shape)


def golden_model() -> Dit:
    """The filled network of the numbers."""
    model = Dit(CONFIG)
    fill(model)
    return model.eval()


def golden_inputs() -> tuple[Tensor, Tensor, Conditions]:
    conditions = Conditions(
        hexplane=ramp((2, 16, 14, 14), 2),
        layout=(ramp((2, 4, 4, 4), 3) > 0).float(),
        trajectory=ramp((2, 4, 3), 5),
        command=torch.tensor([1, 3]),
    )
    return ramp((2, 16, 14, 14), 1), torch.tensor([17, 803]), conditions


def assert_matches(tensor: Tensor, summary: dict[str, Any], relative: float) -> None:
    """A tensor has the shape, sums and values of a summary.

    Sums of numbers with both signs are held against the sum of their sizes, of which they are the small rest.
    """
    values = tensor.detach().double()
    assert list(values.shape) == summary["shape"]
    size = summary["abs_sum"]
    assert abs(float(values.sum()) - summary["sum"]) <= relative * size
    assert float(values.abs().sum()) == torch.tensor(size).double().item() or (
        abs(float(values.abs().sum()) - size) <= relative * size
    )
    assert abs(float(values.square().sum()) - summary["sq_sum"]) <= relative * summary["sq_sum"]
    typical = size / values.numel()
    for place, value in summary["at"].items():
        assert abs(float(values.flatten()[int(place)]) - value) <= relative * (abs(value) + typical)
