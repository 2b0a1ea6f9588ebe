"""Noise of samples: each sample has a stream of its own, so that it is the same in every batch."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from core.randomness import generator


class SampleNoise:
    """Streams of noise of some samples.

    Args:
        seed: of all samples.
        indices: numbers of the samples, not negative.
        purpose: what the noise is for; other purposes have other noise.
    """

    def __init__(self, seed: int, indices: Sequence[int], purpose: str = "diffusion noise") -> None:
        self._generators = [generator(seed, purpose, index) for index in indices]

    def __len__(self) -> int:
        return len(self._generators)

    def draw(self, like: Float[Tensor, "B *shape"]) -> Float[Tensor, "B *shape"]:
        """The next noise of each sample, of unit variance; the same on all devices and in all types."""
        draws = [torch.randn(like.shape[1:], generator=each) for each in self._generators]
        return torch.stack(draws).to(like)
