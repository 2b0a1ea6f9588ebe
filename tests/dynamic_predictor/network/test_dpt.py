"""Dense heads: sizes, what may be computed beforehand, and the layers they are made of."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dynamic_predictor.network.dpt import (
    POINT_CHANNELS,
    Double,
    DptConfig,
    DptHead,
    FusionBlock,
    Pointwise,
    ResidualUnit,
    Scratch,
    mask_head,
    point_head,
)

CONFIG = DptConfig(level_widths=(4, 6, 8, 10), features=8, last_width=5)
WIDTHS = (12, 9, 9, 9)
LAYERS = (0, 2, 3, 4)
PATCH = 16


def levels(rows: int, columns: int, seed: int = 0) -> list[torch.Tensor]:
    """The encoder's tokens and those of four decoder layers."""
    random = torch.Generator().manual_seed(seed)
    shapes = [(2, rows * columns, width) for width in (12, 9, 9, 9, 9)]
    return [torch.randn(shape, generator=random, dtype=torch.float64) for shape in shapes]


def head_of(kind: str) -> DptHead:
    top = point_head(CONFIG) if kind == "points" else mask_head(CONFIG)
    return DptHead(WIDTHS, CONFIG, LAYERS, top).double().eval()


@torch.no_grad()
@pytest.mark.parametrize(("kind", "channels"), [("points", POINT_CHANNELS), ("mask", 1)])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (3, 4), (5, 2)])
def test_every_pixel_gets_its_channels(kind: str, channels: int, rows: int, columns: int) -> None:
    maps = head_of(kind)(levels(rows, columns), rows, columns)
    assert maps.shape == (2, channels, PATCH * rows, PATCH * columns)
    assert maps.isfinite().all()


@torch.no_grad()
@pytest.mark.parametrize("kind", ["points", "mask"])
def test_the_finest_map_may_be_computed_beforehand(kind: str) -> None:
    head, tokens = head_of(kind), levels(3, 4)
    finest = head.finest(tokens[0], 3, 4)
    assert finest.shape == (2, CONFIG.features, 12, 16)
    torch.testing.assert_close(head(tokens, 3, 4, finest), head(tokens, 3, 4), rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_head_reads_its_layers_and_no_other() -> None:
    head, tokens = head_of("points"), levels(2, 2)
    before = head(tokens, 2, 2)
    for layer in range(5):
        changed = list(tokens)
        changed[layer] = changed[layer] + 1
        assert torch.equal(head(changed, 2, 2), before) == (layer not in LAYERS)


@torch.no_grad()
def test_images_of_a_batch_do_not_see_each_other() -> None:
    head, tokens = head_of("points"), levels(2, 3)
    alone = head([level[1:] for level in tokens], 2, 3)
    torch.testing.assert_close(head(tokens, 2, 3)[1:], alone)


@torch.no_grad()
def test_sixteen_bits_come_back_as_thirty_two() -> None:
    head, tokens = head_of("points"), levels(2, 3)
    exact = head(tokens, 2, 3)
    rounded = head.to(torch.bfloat16)([level.float() for level in tokens], 2, 3)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded.double(), exact, atol=0.05 * float(exact.abs().max()), rtol=0)


@torch.no_grad()
def test_enlarging_keeps_corners_and_ramps() -> None:
    y, x = torch.meshgrid(torch.linspace(0, 1, 5), torch.linspace(0, 1, 7), indexing="ij")
    enlarged = Double()(torch.stack([x, y])[None])
    y, x = torch.meshgrid(torch.linspace(0, 1, 10), torch.linspace(0, 1, 14), indexing="ij")
    torch.testing.assert_close(enlarged, torch.stack([x, y])[None], atol=1e-6, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("height", [1, 16, 17, 40])
def test_a_pointwise_layer_is_a_product_at_every_pixel(height: int) -> None:
    layer = Pointwise(3, 2).double()
    maps = torch.randn(2, 3, height, 5, dtype=torch.float64)
    expected = torch.einsum("dc,bchw->bdhw", layer.weight[:, :, 0, 0], maps)
    torch.testing.assert_close(layer(maps), expected + layer.bias.view(2, 1, 1))


@torch.no_grad()
def test_fusing_enlarges_first_or_last_alike() -> None:
    block = FusionBlock(4).double()
    maps = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    expected = F.conv2d(Double()(block.resConfUnit2(maps)), block.out_conv.weight, block.out_conv.bias)
    torch.testing.assert_close(block(maps), expected)


@torch.no_grad()
def test_a_residual_unit_adds_to_what_it_gets() -> None:
    unit = ResidualUnit(4).double()
    maps = torch.randn(1, 4, 5, 6, dtype=torch.float64)
    kept = maps.clone()
    inner = F.relu(F.conv2d(F.relu(maps), unit.conv1.weight, unit.conv1.bias, padding=1))
    expected = maps + F.conv2d(inner, unit.conv2.weight, unit.conv2.bias, padding=1)
    torch.testing.assert_close(unit(maps), expected)
    assert torch.equal(maps, kept)
    nn.init.zeros_(unit.conv2.weight)
    nn.init.zeros_(unit.conv2.bias)
    assert torch.equal(unit(maps), maps)


def test_one_layer_has_two_names() -> None:
    scratch = Scratch(CONFIG)
    names = ("layer1_rn", "layer2_rn", "layer3_rn", "layer4_rn")
    assert [scratch.layer_rn[row] is getattr(scratch, name) for row, name in enumerate(names)] == [True] * 4
    assert "layer1_rn.weight" in scratch.state_dict()
    assert "layer_rn.0.weight" in scratch.state_dict()
