"""From what a head puts out to points, confidences and probabilities.

Source: S. Wang et al., DUSt3R (CVPR 2024), section 3.2 and its public configurations.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

DepthMode = Literal["exp", "linear", "square"]
RangeMode = Literal["exp", "sigmoid"]

_SMALLEST_NORM = 1e-8


@dataclass(frozen=True)
class RangeRule:
    """How a raw channel is brought into a range.

    Args:
        mode: `exp`: low + exp(x), never above high; `sigmoid`: between low and high.
        low: end of the range.
        high: other end.
    """

    mode: RangeMode = "exp"
    low: float = 1.0
    high: float = math.inf

    def apply(self, raw: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The values in the range."""
        if self.mode == "exp":
            return self.low + raw.exp().clamp(max=self.high - self.low)
        return self.low + (self.high - self.low) * raw.sigmoid()


def points(raw: Float[Tensor, "B 3 H W"], mode: DepthMode = "exp") -> Float[Tensor, "B H W 3"]:
    """Raw vectors to points: the direction stays, the distance d becomes expm1(d), d or d^2."""
    raw = raw.permute(0, 2, 3, 1)
    if mode == "linear":
        return raw
    norms = torch.linalg.vector_norm(raw, dim=-1, keepdim=True)
    distances = norms.expm1() if mode == "exp" else norms.square()
    return raw / norms.clamp(min=_SMALLEST_NORM) * distances
