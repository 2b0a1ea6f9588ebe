"""Attention and the transformer of the projection module."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from generation.vae.first_weights import keep_variance

CHUNK_SCORES = 2**24
"""Attention scores held at a time where they must be held at all, because dropout acts on them."""


class SelfAttention(nn.Module):
    """Multi-head attention; queries, keys and values without a bias.

    Args:
        channels: of a token.
        heads: that share the channels.
        dropout: of scores and outputs, in training.
        queries: how many tokens, the first ones, ask; None = all.
    """

    def __init__(self, channels: int, heads: int, dropout: float, queries: int | None = None) -> None:
        super().__init__()
        self.queries = queries
        self.heads = heads
        self.dropout = dropout
        self.qkv = keep_variance(nn.Linear(channels, 3 * channels, bias=False), slice(2 * channels, None))
        self.proj = keep_variance(nn.Linear(channels, channels))

    def forward(self, x: Float[Tensor, "N L C"]) -> Float[Tensor, "N Q C"]:
        """What the tokens that ask take from all."""
        count, length, channels = x.shape
        weight_q, weight_kv = self.qkv.weight.split((channels, 2 * channels))
        asking = x[:, : self.queries]
        query = F.linear(asking, weight_q).view(*asking.shape[:2], self.heads, -1).transpose(1, 2)
        key, value = F.linear(x, weight_kv).view(count, length, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = attend(query, key, value, self.dropout if self.training else 0.0)
        out = self.proj(mixed.transpose(1, 2).reshape(asking.shape))
        return F.dropout(out, self.dropout, self.training)


def attend(
    query: Float[Tensor, "N H Q D"],
    key: Float[Tensor, "N H L D"],
    value: Float[Tensor, "N H L D"],
    dropout: float,
) -> Float[Tensor, "N H Q D"]:
    """Softmax attention.

    Torch's fused kernel for CPUs has no dropout: there, scores are held, in pieces of at most `CHUNK_SCORES`
    of them (or one sequence), which are computed again when gradients are.

    Args:
        query: as many as are asked.
        key: of all tokens.
        value: of all tokens.
        dropout: share of scores set to zero.
    """
    scale = query.shape[-1] ** -0.5
    if query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, scale=scale)
    if dropout == 0:
        # The processor's kernel takes heads in vectors of 16; narrower ones are half again as slow as padded.
        missing = -query.shape[-1] % 16
        query, key, padded = (F.pad(each, (0, missing)) for each in (query, key, value))
        mixed = F.scaled_dot_product_attention(query, key, padded, scale=scale)
        return mixed[..., : value.shape[-1]]
    rows = max(1, CHUNK_SCORES // (query.shape[1] * query.shape[2] * key.shape[2]))
    pieces = [
        checkpoint(_attend_with_dropout, *piece, dropout, use_reentrant=False)
        for piece in zip(query.split(rows), key.split(rows), value.split(rows), strict=True)
    ]
    return torch.cat(pieces)


def _attend_with_dropout(query: Tensor, key: Tensor, value: Tensor, dropout: float) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)


class Mlp(nn.Module):
    """Two linear layers with a GELU between."""

    def __init__(self, channels: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "N L C"]) -> Float[Tensor, "N L C"]:
        """The same tokens, each on its own."""
        return self.drop(self.fc2(self.drop(F.gelu(self.fc1(x)))))


class _PreNorm(nn.Sequential):
    """A norm and a block, and what went in added to what comes out.

    A block may answer fewer tokens than it is given, the first ones; the others end there.
    """

    def __init__(self, channels: int, block: nn.Module) -> None:
        super().__init__(nn.LayerNorm(channels), block)

    def forward(self, input: Float[Tensor, "N L C"]) -> Float[Tensor, "N Q C"]:
        answered = super().forward(input)
        return input[:, : answered.shape[1]] + answered


class Transformer(nn.Module):
    """Pre-norm layers of attention and MLP, of which only the first token's result is wanted.

    So in the last layer no other token asks.

    Args:
        channels: of a token.
        depth: layers.
        heads: of the attention.
        hidden: channels inside the MLPs.
        dropout: in training.
    """

    def __init__(self, channels: int, depth: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    _PreNorm(channels, SelfAttention(channels, heads, dropout, queries)),
                    _PreNorm(channels, Mlp(channels, hidden, dropout)),
                )
                for queries in (*[None] * (depth - 1), 1)
            )
        )

    def forward(self, x: Float[Tensor, "N L C"]) -> Float[Tensor, "N C"]:
        """The first token after all layers."""
        return self.layers(x)[:, 0]
