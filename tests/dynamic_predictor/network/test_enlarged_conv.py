"""A convolution before the enlargement is one after it."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dynamic_predictor.network.dpt import Double, Dpt, DptConfig, Pointwise, mask_head, point_head
from dynamic_predictor.network.enlarged_conv import EnlargedConv
from dynamic_predictor.network.packed_linear import can_pack

needs_packing = pytest.mark.skipif(not can_pack(), reason="this build of torch has no packed products")


@needs_packing
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 5), (24, 3), (49, 4)])
def test_it_is_enlarging_and_then_the_convolution(rows: int, columns: int, bias: bool) -> None:
    torch.manual_seed(rows)
    conv = nn.Conv2d(8, 16, 3, padding=1, bias=bias)
    maps = torch.randn(2, 8, rows, columns).to(torch.bfloat16)
    large = F.interpolate(maps.double(), scale_factor=2, mode="bilinear", align_corners=True)
    with torch.no_grad():
        found, exact = EnlargedConv(conv)(maps), conv.double()(large)
    assert found.shape == exact.shape
    assert found.is_contiguous(memory_format=torch.channels_last)
    # Roundings to bfloat16 of weights, products and sums of about one: each 2^-9.
    assert float((found.double() - exact).square().mean().sqrt()) < 2**-8
    assert float((found.double() - exact).abs().max()) < 2**-5


@needs_packing
@torch.no_grad()
def test_what_comes_before_and_after_is_done_with_it() -> None:
    torch.manual_seed(0)
    before, conv, last = nn.Conv2d(8, 16, 1), nn.Conv2d(16, 8, 3, padding=1), Pointwise(8, 3)
    maps = torch.randn(2, 8, 30, 40).to(torch.bfloat16)
    found = EnlargedConv(conv, before, [nn.ReLU(inplace=True), last])(maps)
    large = Double()(before.double()(maps.double()))
    exact = last.double()(
        conv.double()(large).relu()
    )  # whose edges see the bias of what comes before cut off
    assert found.dtype == torch.float32
    assert found.shape == exact.shape
    assert float((found.double() - exact).square().mean().sqrt()) < 2**-8
    assert float((found.double() - exact).abs().max()) < 2**-5


@needs_packing
@torch.no_grad()
@pytest.mark.parametrize(("make", "merged"), [(point_head, 2), (mask_head, 1)])
def test_heads_keep_what_they_compute(make: type, merged: int) -> None:
    config = DptConfig(level_widths=(16, 16, 16, 16), features=32, last_width=16)
    torch.manual_seed(0)
    dpt = Dpt((16, 16, 16, 16), config, make(config)).eval().to(torch.bfloat16)
    tokens = [torch.randn(1, 2 * 3, 16).to(torch.bfloat16) for _ in range(4)]
    expected = dpt(tokens, 2, 3)
    for _ in range(2):  # the second time changes nothing
        dpt.enlarge_last()
    assert sum(isinstance(module, EnlargedConv) for module in dpt.modules()) == merged
    assert sum(isinstance(module, Double) for module in dpt.modules()) == 5 - merged
    found = dpt(tokens, 2, 3)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.02)
