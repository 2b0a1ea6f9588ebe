"""Layers compute in a precision, weights stay as they are."""

import pytest
import torch

from generation.precision import Precision, autocast


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("float32", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)],
)
def test_layers_compute_in_it(precision: Precision, dtype: torch.dtype) -> None:
    layer, x = torch.nn.Linear(4, 3), torch.randn(2, 4)
    with autocast(torch.device("cpu"), precision):
        y = layer(x)
    assert y.dtype == dtype
    assert layer.weight.dtype == torch.float32
    torch.testing.assert_close(y.float(), layer(x), rtol=2e-2, atol=2e-2)
    y.float().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32


def test_sums_stay_in_float32() -> None:
    with autocast(torch.device("cpu"), "bfloat16"):
        assert torch.ones(3).cumsum(0).dtype == torch.float32


def test_it_ends_with_the_context() -> None:
    layer, x = torch.nn.Linear(4, 3), torch.randn(2, 4)
    with autocast(torch.device("cpu"), "bfloat16"), autocast(torch.device("cpu"), "float32"):
        assert layer(x).dtype == torch.float32
    assert layer(x).dtype == torch.float32
