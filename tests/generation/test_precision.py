"""Layers compute in the precision that is asked for; weights stay as they are."""

import pytest
import torch

from generation.precision import Precision, autocast

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("float32", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)],
)
def test_layers_compute_in_what_is_asked_for(precision: Precision, expected: torch.dtype) -> None:
    layer = torch.nn.Linear(3, 2)
    with autocast(CPU, precision):
        assert layer(torch.ones(1, 3)).dtype == expected
        assert torch.nn.functional.cross_entropy(torch.ones(1, 3), torch.tensor([0])).dtype == torch.float32
    assert layer.weight.dtype == torch.float32
    assert layer(torch.ones(1, 3)).dtype == torch.float32
