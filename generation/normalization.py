"""Latents at unit scale: what a diffusion's chain, which ends in unit noise, expects of its data.

DynamicCity leaves them as they are and trusts the autoencoder's divergence term; short trainings and small
weights of that term do not deserve the trust.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from generation.latents import LatentSplit
from generation.rollout import PLANES, LatentSize, plane_ids, unroll

_WINDOWS = 512
"""Windows that are looked at."""


@dataclass(frozen=True)
class Normalization:
    """Mean and spread of the latents, by plane and channel.

    Args:
        mean: a row for each plane in the order of `PLANES`, a number for each channel.
        spread: standard deviations likewise.
    """

    mean: tuple[tuple[float, ...], ...]
    spread: tuple[tuple[float, ...], ...]

    @staticmethod
    def none(channels: int) -> "Normalization":
        """That which changes nothing."""
        rows = len(PLANES)
        return Normalization(((0.0,) * channels,) * rows, ((1.0,) * channels,) * rows)

    @staticmethod
    def of(latents: LatentSplit) -> "Normalization":
        """That of some windows, evenly spread over a split.

        Raises:
            UserError: a shard is damaged.
        """
        count = min(len(latents), _WINDOWS)
        rows = [k * len(latents) // count for k in range(count)]
        planes = unroll(latents.rollouts(rows).float(), latents.size)
        means = [planes[plane].mean((0, 2, 3)) for plane in PLANES]
        spreads = [planes[plane].std((0, 2, 3)).clamp(min=1e-3) for plane in PLANES]
        return Normalization(*(tuple(tuple(row.tolist()) for row in each) for each in (means, spreads)))

    def apply(self, rollout: Float[Tensor, "B C H W"], size: LatentSize) -> Float[Tensor, "B C H W"]:
        """Latents at unit scale; padding is zero."""
        mean, spread = self._maps(rollout, size)
        return (rollout - mean) / spread

    def undo(self, rollout: Float[Tensor, "B C H W"], size: LatentSize) -> Float[Tensor, "B C H W"]:
        """Latents at the autoencoder's scale."""
        mean, spread = self._maps(rollout, size)
        return rollout * spread + mean

    def _maps(self, like: Tensor, size: LatentSize) -> tuple[Tensor, Tensor]:
        ids = plane_ids(size).to(like.device)
        mean = torch.tensor(((0.0,) * like.shape[1], *self.mean)).to(like)
        spread = torch.tensor(((1.0,) * like.shape[1], *self.spread)).to(like)
        return mean[ids].movedim(-1, 0), spread[ids].movedim(-1, 0)
