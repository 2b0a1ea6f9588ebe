"""New layers pass variance on."""

import pytest
import torch
from torch import nn

from generation.vae.first_weights import keep_variance


@pytest.mark.parametrize("layer", [nn.Linear(64, 512), nn.Conv2d(64, 512, 1), nn.Conv3d(64, 512, 1)])
def test_outputs_vary_as_inputs_do(layer: nn.Linear | nn.Conv2d | nn.Conv3d) -> None:
    torch.manual_seed(0)
    kept = keep_variance(layer)
    assert kept is layer
    weight = layer.weight.detach().flatten(1)
    outputs = torch.randn(4096, 64) @ weight.T
    assert float(outputs.var()) == pytest.approx(1.0, rel=0.05)


def test_other_rows_stay_as_they_are() -> None:
    layer = nn.Linear(8, 6)
    before = layer.weight.detach().clone()
    keep_variance(layer, slice(4, None))
    assert torch.equal(layer.weight[:4], before[:4])
    assert torch.equal(layer.weight[4:], before[4:] * 3**0.5)
    assert layer.weight.requires_grad
    assert layer.weight.is_leaf
