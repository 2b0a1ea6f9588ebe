"""Transformer blocks against naive loops, and the laws of attention."""

import math

import pytest
import torch
from torch.nn import functional as F

from dynamic_predictor.network.blocks import (
    CrossAttention,
    DecoderBlock,
    EncoderBlock,
    LayerNorm,
    Linear,
    Mlp,
    PatchEmbedding,
    SelfAttention,
)
from dynamic_predictor.network.rope import Rotary, patch_positions, rotary, rotate

WIDTH, HEADS, ROWS, COLUMNS = 24, 3, 2, 3
TOKENS = ROWS * COLUMNS
PLACES = patch_positions(ROWS, COLUMNS)


def turns(positions: torch.Tensor = PLACES) -> Rotary:
    return rotary(positions, WIDTH // HEADS, torch.float64)


def tokens(count: int = TOKENS, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(2, count, WIDTH, generator=random, dtype=torch.float64)


def naive_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """[T, C], [S, C], [S, C]: head by head and token by token."""
    size = WIDTH // HEADS
    seen = torch.zeros_like(query)
    for head in range(HEADS):
        part = slice(head * size, (head + 1) * size)
        turned_query, turned_key = rotate(query[:, part], turns()), rotate(key[:, part], turns())
        for row in range(len(query)):
            scores = torch.tensor(
                [float(turned_query[row] @ one) / math.sqrt(size) for one in turned_key], dtype=query.dtype
            )
            weights = scores.exp() / scores.exp().sum()
            seen[row, part] = sum(w * v for w, v in zip(weights, value[:, part], strict=True))
    return seen


@torch.no_grad()
def test_self_attention_is_a_loop_over_heads_and_tokens() -> None:
    attention, x = SelfAttention(WIDTH, HEADS).double(), tokens()
    found = attention(x, turns())
    for image in range(2):
        query, key, value = F.linear(x[image], attention.qkv.weight, attention.qkv.bias).split(WIDTH, dim=-1)
        expected = attention.proj(naive_attention(query, key, value))
        torch.testing.assert_close(found[image], expected)


@torch.no_grad()
def test_cross_attention_asks_one_image_and_answers_with_the_other() -> None:
    attention, x, memory = CrossAttention(WIDTH, HEADS).double(), tokens(), tokens(seed=1)
    found = attention(x, memory, turns(), turns())
    query, key, value = attention.projq(x[0]), attention.projk(memory[0]), attention.projv(memory[0])
    torch.testing.assert_close(found[0], attention.proj(naive_attention(query, key, value)))


@torch.no_grad()
def test_tokens_are_a_set_once_their_places_go_with_them() -> None:
    block, x, memory = DecoderBlock(WIDTH, HEADS, 2).double(), tokens(), tokens(seed=1)
    order, other_order = torch.tensor([3, 0, 5, 1, 2, 4]), torch.tensor([1, 5, 0, 4, 3, 2])
    expected = block(x, memory, turns(), turns())
    found = block(x[:, order], memory[:, other_order], turns(PLACES[order]), turns(PLACES[other_order]))
    torch.testing.assert_close(found, expected[:, order])


@torch.no_grad()
def test_only_relative_places_count() -> None:
    block, x = EncoderBlock(WIDTH, HEADS, 2).double(), tokens()
    moved = block(x, turns(PLACES + torch.tensor([4, 7])))
    torch.testing.assert_close(moved, block(x, turns()), atol=1e-5, rtol=0)  # angles are float32


@torch.no_grad()
def test_a_block_whose_last_layers_are_zero_changes_nothing() -> None:
    encoder, decoder = EncoderBlock(WIDTH, HEADS, 2).double(), DecoderBlock(WIDTH, HEADS, 2).double()
    last = [layer for block in (encoder, decoder) for layer in (block.attn.proj, block.mlp.fc2)]
    for layer in (*last, decoder.cross_attn.proj):
        layer.weight.zero_()
        layer.bias.zero_()
    x = tokens()
    torch.testing.assert_close(encoder(x, turns()), x, rtol=0, atol=0)
    torch.testing.assert_close(decoder(x, tokens(seed=1), turns(), turns()), x, rtol=0, atol=0)


@torch.no_grad()
def test_images_of_a_batch_do_not_see_each_other() -> None:
    block, x = EncoderBlock(WIDTH, HEADS, 2).double(), tokens()
    torch.testing.assert_close(block(x, turns())[1:], block(x[1:], turns()))


@torch.no_grad()
@pytest.mark.parametrize("count", [2, 576])
def test_sixteen_bits_are_good_to_their_rounding(count: int) -> None:
    attention = SelfAttention(WIDTH, HEADS)
    places = patch_positions(1, count)
    x = torch.randn(1, count, WIDTH)
    exact = attention.double()(x.double(), rotary(places, WIDTH // HEADS, torch.float64))
    rounded = attention.to(torch.bfloat16)(x, rotary(places, WIDTH // HEADS))
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.double(), exact, atol=0.02, rtol=0.02)


@torch.no_grad()
def test_norms_have_no_mean_and_unit_variance() -> None:
    x = 5 * tokens() + 3
    normed = LayerNorm(WIDTH).double()(x)
    torch.testing.assert_close(normed.mean(-1), torch.zeros(2, TOKENS, dtype=x.dtype), atol=1e-12, rtol=0)
    variance = normed.var(-1, correction=0)
    torch.testing.assert_close(variance, torch.ones_like(variance), atol=1e-5, rtol=0)
    torch.testing.assert_close(LayerNorm(WIDTH).double()(2 * x + 1), normed, atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("layer", [LayerNorm(WIDTH), Linear(WIDTH, 4)])
def test_layers_compute_in_the_dtype_of_their_weights(layer: torch.nn.Module) -> None:
    assert layer.to(torch.bfloat16)(torch.randn(2, 3, WIDTH)).dtype == torch.bfloat16
    assert layer.to(torch.float64)(torch.randn(2, 3, WIDTH)).dtype == torch.float64


@torch.no_grad()
def test_the_mlp_looks_at_each_token_alone() -> None:
    mlp, x = Mlp(WIDTH, 7).double(), tokens()
    changed = x.clone()
    changed[:, 2] += 1
    difference = (mlp(changed) - mlp(x)).abs().sum(-1)
    assert (difference[:, 2] > 0).all()
    assert not difference[:, [0, 1, 3, 4, 5]].any()
    hidden = x @ mlp.fc1.weight.T + mlp.fc1.bias
    gelu = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
    expected = gelu @ mlp.fc2.weight.T + mlp.fc2.bias
    torch.testing.assert_close(mlp(x), expected)


@torch.no_grad()
def test_patches_become_tokens_row_by_row() -> None:
    patch = 4
    embedding = PatchEmbedding(WIDTH, patch).double()
    images = torch.randn(2, 3, ROWS * patch, COLUMNS * patch, dtype=torch.float64)
    found = embedding(images)
    assert found.shape == (2, TOKENS, WIDTH)
    weight = embedding.proj.weight.flatten(1)
    for row in range(ROWS):
        for column in range(COLUMNS):
            pixels = images[:, :, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch]
            expected = pixels.flatten(1) @ weight.T + embedding.proj.bias
            torch.testing.assert_close(found[:, row * COLUMNS + column], expected)
    assert embedding.to(torch.bfloat16)(images).dtype == torch.float32
