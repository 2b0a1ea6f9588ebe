"""The head of DUSt3R's first checkpoints: each token becomes the pixels of its patch."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dynamic_predictor.network.blocks import Linear

CHANNELS = 4
"""x, y, z and confidence."""


class LinearHead(nn.Module):
    """A linear layer on the last tokens, and the channels spread over the patch."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.proj = Linear(width, CHANNELS * patch * patch)

    def forward(
        self, levels: Sequence[Float[Tensor, "B T _"]], rows: int, columns: int
    ) -> Float[Tensor, "B 4 H W"]:
        """Raw points and confidence of each pixel, in at least float32."""
        raw = self.proj(levels[-1])
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        return F.pixel_shuffle(raw.transpose(1, 2).unflatten(2, (rows, columns)), self.patch)
