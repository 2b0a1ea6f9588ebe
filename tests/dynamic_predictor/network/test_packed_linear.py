"""Packed linear layers are linear layers."""

import pytest
import torch
from torch import nn

from dynamic_predictor.network.packed_linear import PackedLinear, can_pack


@pytest.mark.skipif(not can_pack(), reason="this build of torch has no packed products")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("tokens", [1, 7, 576])
def test_the_product_is_that_of_the_layer(tokens: int, bias: bool) -> None:
    linear = nn.Linear(48, 32, bias=bias).to(torch.bfloat16)
    packed = PackedLinear(linear)
    inputs = torch.randn(2, tokens, 48)
    exact = nn.functional.linear(
        inputs.to(torch.bfloat16).double(),
        linear.weight.double(),
        None if linear.bias is None else linear.bias.double(),
    )
    # One rounding to bfloat16, of values of a few units.
    torch.testing.assert_close(packed(inputs).double(), exact, rtol=2**-8, atol=2**-8)
    assert packed(inputs).dtype == torch.bfloat16
