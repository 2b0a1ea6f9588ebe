"""The transformer's parts: attention, the block with adaptive normalisation, and the final layer.

The names of parameters are those of DynamicCity's checkpoints. Conditions come as [B, N, width], or as
[B, 1, width] where all tokens of a sample have the same, which saves a projection as costly as the MLP.

Source: Peebles and Xie, "Scalable Diffusion Models with Transformers", ICCV 2023 (adaLN-Zero).
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_EPSILON = 1e-6


def _normalized(x: Float[Tensor, "B N width"]) -> Float[Tensor, "B N width"]:
    return F.layer_norm(x, x.shape[-1:], eps=_EPSILON)


def _modulated(
    x: Float[Tensor, "B N width"], shift: Float[Tensor, "B M width"], scale: Float[Tensor, "B M width"]
) -> Float[Tensor, "B N width"]:
    return _normalized(x) * (1 + scale) + shift


class _Heads(nn.Module):
    """What both kinds of attention share."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.proj = nn.Linear(width, width)

    def split(self, x: Float[Tensor, "B N parts"], count: int) -> tuple[Tensor, ...]:
        """`count` tensors [B, heads, N, width / heads] that lie one after the other in the channels."""
        batch, tokens, _ = x.shape
        return x.view(batch, tokens, count, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Softmax attention [B, N, width] of tensors [B, heads, N, width / heads]."""
        return self.proj(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))


class Attention(_Heads):
    """Tokens attend to each other."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, x: Float[Tensor, "B N width"]) -> Float[Tensor, "B N width"]:
        """What the tokens collect."""
        return self.attend(*self.split(self.qkv(x), 3))


class CrossAttention(_Heads):
    """Tokens attend to tokens of conditions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)

    def forward(
        self, x: Float[Tensor, "B N width"], context: Float[Tensor, "B M width"]
    ) -> Float[Tensor, "B N width"]:
        """What the tokens collect."""
        return self.attend(*self.split(self.q(x), 1), *self.split(self.kv(context), 2))


class Mlp(nn.Module):
    """Two layers, four times as wide between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Float[Tensor, "B N width"]) -> Float[Tensor, "B N width"]:
        """Each token on its own."""
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class DitBlock(nn.Module):
    """Attention, attention to conditions where there is one, and an MLP; all residual."""

    def __init__(self, width: int, heads: int, cross_attention: bool) -> None:
        super().__init__()
        self.attn = Attention(width, heads)
        self.mlp = Mlp(width)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.x_attn = CrossAttention(width, heads) if cross_attention else None

    def forward(
        self,
        x: Float[Tensor, "B N width"],
        c: Float[Tensor, "B M width"],
        context: Float[Tensor, "B K width"] | None,
    ) -> Float[Tensor, "B N width"]:
        """The tokens after the block.

        Args:
            x: tokens.
            c: what conditions them, for each token or, with M = 1, for all.
            context: tokens of conditions for cross-attention.
        """
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = self.adaLN_modulation(c).chunk(6, dim=-1)
        x = x + gate_1 * self.attn(_modulated(x, shift_1, scale_1))
        if self.x_attn is not None and context is not None:
            x = x + self.x_attn(_normalized(x), context)
        return x + gate_2 * self.mlp(_modulated(x, shift_2, scale_2))


class FinalLayer(nn.Module):
    """From tokens to the numbers of their patches."""

    def __init__(self, width: int, numbers: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, numbers)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(
        self, x: Float[Tensor, "B N width"], c: Float[Tensor, "B M width"]
    ) -> Float[Tensor, "B N numbers"]:
        """The numbers, cell by cell, channels last."""
        shift, scale = self.adaLN_modulation(c).chunk(2, dim=-1)
        return self.linear(_modulated(x, shift, scale))
