"""Latents at unit scale: what a diffusion's chain, which ends in unit noise, expects of its data.

DynamicCity leaves them as they are and trusts the autoencoder's divergence term; short trainings and small
weights of that term do not deserve the trust.

Planes of time change little from frame to frame, and all that moves is in this little. As frames they are
drawn out of the noise as a still scene, and what moves would be decided last, when it has to suit the rest.
As frequencies along time, each at unit scale, it is decided with the rest.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from generation.latents import LatentSplit
from generation.rollout import PLANES, TEMPORAL, LatentSize, plane_ids, unroll

_WINDOWS = 512
"""Windows that are looked at."""
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class Normalization:
    """Mean and spread of the latents, by plane and channel.

    Args:
        mean: a row for each plane in the order of `PLANES`, a number for each channel.
        spread: standard deviations likewise.
        time_spread: where planes of time are frequencies, their standard deviations after that: a table for
            each plane in the order of `TEMPORAL`, with a row for each frequency, the lowest first, and a
            number for each channel. Empty = they are frames.
    """

    mean: tuple[tuple[float, ...], ...]
    spread: tuple[tuple[float, ...], ...]
    time_spread: tuple[tuple[tuple[float, ...], ...], ...] = ()

    @staticmethod
    def none(channels: int) -> "Normalization":
        """That which changes nothing."""
        rows = len(PLANES)
        return Normalization(((0.0,) * channels,) * rows, ((1.0,) * channels,) * rows)

    @staticmethod
    def of(latents: LatentSplit, time_frequencies: bool = False) -> "Normalization":
        """That of some windows, evenly spread over a split.

        Args:
            latents: the split.
            time_frequencies: whether planes of time become frequencies.

        Raises:
            UserError: a shard is damaged.
        """
        count = min(len(latents), _WINDOWS)
        rows = [k * len(latents) // count for k in range(count)]
        rollouts = latents.rollouts(rows).float()
        planes = unroll(rollouts, latents.size)
        means = [planes[plane].mean((0, 2, 3)) for plane in PLANES]
        spreads = [planes[plane].std((0, 2, 3)).clamp(min=_LEAST_SPREAD) for plane in PLANES]
        by_plane = Normalization(*(tuple(tuple(row.tolist()) for row in each) for each in (means, spreads)))
        if not time_frequencies:
            return by_plane
        planes = unroll(by_plane.apply(rollouts, latents.size), latents.size)
        tables = [
            # About zero: the mean of a plane is gone, and frequencies above the first have none to speak of.
            _to_frequencies(planes[plane]).square().mean((0, 3)).sqrt().clamp(min=_LEAST_SPREAD)
            for plane in TEMPORAL
        ]
        told = tuple(tuple(tuple(row) for row in table.mT.tolist()) for table in tables)
        return Normalization(by_plane.mean, by_plane.spread, told)

    @property
    def joins_frames(self) -> bool:
        """Whether each number of a plane of time tells of all frames at once."""
        return bool(self.time_spread)

    def apply(self, rollout: Float[Tensor, "B C H W"], size: LatentSize) -> Float[Tensor, "B C H W"]:
        """Latents at unit scale; padding stays as it is."""
        mean, spread = self._maps(rollout, size)
        scaled = (rollout - mean) / spread
        with _full_precision(rollout):
            for plane, table in self._time_planes(scaled, size):
                plane.copy_(_to_frequencies(plane) / table)
        return scaled

    def undo(self, rollout: Float[Tensor, "B C H W"], size: LatentSize) -> Float[Tensor, "B C H W"]:
        """Latents at the autoencoder's scale."""
        mean, spread = self._maps(rollout, size)
        frames = rollout.clone()
        with _full_precision(rollout):
            for plane, table in self._time_planes(frames, size):
                plane.copy_(_to_frames(plane * table))
        return frames * spread + mean

    def _time_planes(self, rollout: Tensor, size: LatentSize) -> list[tuple[Tensor, Tensor]]:
        """Views of the planes that are to be, or are, frequencies, with their spreads [C, t, 1]."""
        if not self.joins_frames:
            return []
        planes = unroll(rollout, size)
        return [
            (planes[name], torch.tensor(table).to(rollout).mT[..., None])
            for name, table in zip(TEMPORAL, self.time_spread, strict=True)
        ]

    def _maps(self, like: Tensor, size: LatentSize) -> tuple[Tensor, Tensor]:
        ids = plane_ids(size).to(like.device)
        mean = torch.tensor(((0.0,) * like.shape[1], *self.mean)).to(like)
        spread = torch.tensor(((1.0,) * like.shape[1], *self.spread)).to(like)
        return mean[ids].movedim(-1, 0), spread[ids].movedim(-1, 0)


def _full_precision(like: Tensor) -> torch.autocast:
    """Sums of frames in half precision would lose the small frequencies."""
    return torch.autocast(like.device.type, enabled=False)


def _to_frequencies(plane: Float[Tensor, "B C t n"]) -> Float[Tensor, "B C t n"]:
    """A plane of time with frequencies in place of frames: an orthonormal DCT-II."""
    return _waves(plane) @ plane


def _to_frames(plane: Float[Tensor, "B C t n"]) -> Float[Tensor, "B C t n"]:
    """The inverse of `_to_frequencies`."""
    return _waves(plane).mT @ plane


def _waves(plane: Float[Tensor, "B C t n"]) -> Float[Tensor, "t t"]:
    """Rows are cosines, the constant first."""
    count = plane.shape[-2]
    places = torch.arange(count, dtype=torch.float64)
    waves = torch.cos(math.pi / count * places[:, None] * (places + 0.5)) * math.sqrt(2 / count)
    waves[0] /= math.sqrt(2)
    return waves.to(plane)
