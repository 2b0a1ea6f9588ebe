"""Transformer blocks of the encoder and the decoder. Attribute names are the published weights' names.

The residual stream keeps the dtype it came in (float32 at inference); each matrix product runs in the dtype
of its weights.

Source: P. Weinzaepfel et al., CroCo v2 (2023), section 3; S. Wang et al., DUSt3R (CVPR 2024), section 3.1.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dynamic_predictor.network.rope import Rotary, partners_adjacent, rotate, rotate_adjacent

NORM_EPS = 1e-6
_HEADS_AT_A_TIME = 4


class LayerNorm(nn.LayerNorm):
    """In the dtype of its own weights."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=NORM_EPS)

    def forward(self, input: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch C"]:
        """Zero mean and unit variance over the channels, then scale and shift."""
        return super().forward(input.to(self.weight.dtype))


class Linear(nn.Linear):
    """In the dtype of its weights."""

    def forward(self, input: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch D"]:
        """The product, plus the bias."""
        return super().forward(input.to(self.weight.dtype))


class Mlp(nn.Module):
    """Two layers with a GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = Linear(width, hidden)
        self.fc2 = Linear(hidden, width)

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Token by token."""
        return self.fc2(F.gelu(self.fc1(x)))


class SelfAttention(nn.Module):
    """Every token looks at every token of its image."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.rotate = rotate
        self.qkv = Linear(width, 3 * width)
        self.proj = Linear(width, width)

    def forward(self, x: Float[Tensor, "B T C"], places: Rotary) -> Float[Tensor, "B T C"]:
        """Softmax of the turned queries and keys, over the values."""
        query_key_value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key = self.rotate(query_key_value[:2], places)
        return self.proj(_attend(query, key, query_key_value[2]))

    def put_partners_together(self) -> None:
        """Reorder channels of queries and keys for a faster rotation; their products stay the same."""
        reorder = partners_adjacent(self.qkv.in_features // self.heads)
        for parameter in self.qkv.parameters():
            queries_keys = parameter.data.unflatten(0, (3, self.heads, -1))[:2]
            queries_keys.copy_(queries_keys[:, :, reorder])
        self.rotate = rotate_adjacent


class CrossAttention(nn.Module):
    """Every token looks at every token of the other image."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.rotate = rotate
        self.projq = Linear(width, width)
        self.projk = Linear(width, width)
        self.projv = Linear(width, width)
        self.proj = Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "B T C"],
        memory: Float[Tensor, "B S C"],
        places: Rotary,
        memory_places: Rotary,
    ) -> Float[Tensor, "B T C"]:
        """Queries of `x` turned by their own places, keys of the memory by theirs."""
        query = self.rotate(self._split(self.projq(x)), places)
        key = self.rotate(self._split(self.projk(memory)), memory_places)
        return self.proj(_attend(query, key, self._split(self.projv(memory))))

    def put_partners_together(self) -> None:
        """Reorder channels of queries and keys for a faster rotation; their products stay the same."""
        reorder = partners_adjacent(self.projq.in_features // self.heads)
        for parameter in (*self.projq.parameters(), *self.projk.parameters()):
            by_head = parameter.data.unflatten(0, (self.heads, -1))
            by_head.copy_(by_head[:, reorder])
        self.rotate = rotate_adjacent

    def _split(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B heads T D"]:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _attend(
    query: Float[Tensor, "B heads T D"],
    key: Float[Tensor, "B heads S D"],
    value: Float[Tensor, "B heads S D"],
) -> Float[Tensor, "B T C"]:
    """Softmax of the products of queries and keys, over the values; heads side by side."""
    if query.device.type == "cpu" and query.dtype == torch.bfloat16:
        seen = _attend_in_parts(query, key, value)
    else:
        seen = F.scaled_dot_product_attention(query, key, value)
    return seen.transpose(1, 2).flatten(2)


def _attend_in_parts(
    query: Float[Tensor, "B heads T D"],
    key: Float[Tensor, "B heads S D"],
    value: Float[Tensor, "B heads S D"],
) -> Float[Tensor, "B heads T D"]:
    """A few heads at a time, whose products of queries and keys stay in the cache.

    torch's fused kernel is slower in bfloat16: 40 against 22 ms for 32 heads of 576 tokens on one thread.
    """
    parts = (x.flatten(0, 1).split(_HEADS_AT_A_TIME) for x in (query * query.shape[-1] ** -0.5, key, value))
    seen = [(q @ k.transpose(1, 2)).softmax(-1) @ v for q, k, v in zip(*parts, strict=True)]
    return torch.cat(seen).view_as(query)


class EncoderBlock(nn.Module):
    """Self-attention and MLP, each after a norm and beside the identity."""

    def __init__(self, width: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.norm1 = LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.norm2 = LayerNorm(width)
        self.mlp = Mlp(width, mlp_ratio * width)

    def forward(self, x: Float[Tensor, "B T C"], places: Rotary) -> Float[Tensor, "B T C"]:
        """Tokens of an image, a layer on."""
        x = x + self.attn(self.norm1(x), places)
        return x + self.mlp(self.norm2(x))


class DecoderBlock(nn.Module):
    """Self-attention, cross-attention to the other image's tokens, MLP."""

    def __init__(self, width: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.norm1 = LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.norm2 = LayerNorm(width)
        self.norm_y = LayerNorm(width)
        self.cross_attn = CrossAttention(width, heads)
        self.norm3 = LayerNorm(width)
        self.mlp = Mlp(width, mlp_ratio * width)

    def forward(
        self,
        x: Float[Tensor, "B T C"],
        memory: Float[Tensor, "B S C"],
        places: Rotary,
        memory_places: Rotary,
    ) -> Float[Tensor, "B T C"]:
        """Tokens of one image, a layer on, having looked at the other's."""
        x = x + self.attn(self.norm1(x), places)
        x = x + self.cross_attn(self.norm2(x), self.norm_y(memory), places, memory_places)
        return x + self.mlp(self.norm3(x))


class PatchEmbedding(nn.Module):
    """One token for each square patch."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, stride=patch)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B T C"]:
        """Row by row, in at least float32."""
        tokens = self.proj(images.to(self.proj.weight.dtype)).flatten(2).transpose(1, 2)
        return tokens.to(torch.promote_types(tokens.dtype, torch.float32))
