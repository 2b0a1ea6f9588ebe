"""Cells whose data are known while the rest is generated, and the way up and down that lets them agree.

Source: Lugmayr et al., "RePaint: Inpainting Using Denoising Diffusion Probabilistic Models", CVPR 2022.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from generation.diffusion.noise import SampleNoise
from generation.diffusion.schedule import Schedule


@dataclass(frozen=True)
class Known:
    """What is known of the rollouts.

    Args:
        rollout: the data, of each of R samples or, with R = 1, of all; values elsewhere are not looked at.
        mask: cells that are known, of each of M samples or of all.
    """

    rollout: Float[Tensor, "R D H W"]
    mask: Bool[Tensor, "M 1 H W"]

    def put(
        self, x: Float[Tensor, "B D H W"], kept: float, noise: Float[Tensor, "B D H W"] | None
    ) -> Float[Tensor, "B D H W"]:
        """Rollouts with the known cells replaced by the data at its level of noise.

        Args:
            x: rollouts at some level.
            kept: what is left of the data's variance at that level, in (0, 1].
            noise: of unit variance; None where the level is clean.
        """
        data = self.rollout.to(x)
        if noise is not None:
            data = math.sqrt(kept) * data + math.sqrt(1 - kept) * noise
        return torch.where(self.mask.to(x.device), data, x)


class KnownCells:
    """`Known` along a chain: noise for each level, drawn anew or kept.

    Steps that add noise meet known cells with new noise at each level, as RePaint has it. A solver of the
    ordinary differential equation follows one path; known cells follow theirs, with the same noise all along.

    Args:
        known: the data and their cells.
        schedule: the chain.
        noise: streams of the samples, apart from those of the sampler.
        stochastic: whether the sampler's steps add noise.
    """

    def __init__(self, known: Known, schedule: Schedule, noise: SampleNoise, stochastic: bool) -> None:
        self._known, self._schedule, self._streams = known, schedule, noise
        self._stochastic = stochastic
        self._noise: Tensor | None = None

    def put(self, x: Float[Tensor, "B D H W"], level: int) -> Float[Tensor, "B D H W"]:
        """Rollouts at a level with their known cells replaced; exactly the data at level 0."""
        if level == 0:
            return self._known.put(x, 1.0, None)
        if self._stochastic or self._noise is None:
            self._noise = self._streams.draw(x)
        return self._known.put(x, self._schedule.kept(level), self._noise)


def renoised(
    schedule: Schedule, x: Float[Tensor, "B D H W"], level: int, noise: Float[Tensor, "B D H W"]
) -> Float[Tensor, "B D H W"]:
    """Rollouts one level up, from `level` to `level` + 1."""
    ratio = schedule.kept(level + 1) / schedule.kept(level)
    return math.sqrt(ratio) * x + math.sqrt(1 - ratio) * noise


def walk(levels: int, jump: int, repeats: int) -> Iterator[tuple[int, int]]:
    """Steps from the noisiest level to the clean one, as pairs (from, to).

    Every `jump` levels the way goes `jump` levels up again, so that each stretch is walked `repeats` times:
    what was generated and what is known then agree better.

    Args:
        levels: of the chain.
        jump: length of a way up, 1 or more.
        repeats: how often a stretch is walked; 1 = straight down.
    """
    left = dict.fromkeys(range(1, levels - jump + 1, jump), repeats - 1)
    level = levels
    while level > 0:
        yield level, level - 1
        level -= 1
        if left.get(level, 0) > 0:
            left[level] -= 1
            for _ in range(jump):
                yield level, level + 1
                level += 1
