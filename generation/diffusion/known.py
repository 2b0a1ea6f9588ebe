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


def with_known(
    x: Float[Tensor, "B D H W"], known: Known, schedule: Schedule, level: int, noise: SampleNoise
) -> Float[Tensor, "B D H W"]:
    """Rollouts with their known cells replaced by the data at the same level of noise.

    Args:
        x: rollouts at `level`.
        known: the data and their cells.
        schedule: the chain.
        level: of noise; at level 0, which is clean, the cells are exactly the data.
        noise: streams of the samples, apart from those of the sampler. It is drawn anew each time, also where
            the sampler adds none: one noise all along leaves what is generated too free (the deviation of a
            Gaussian cell beside a known one with correlation 0.9, 0.44, came out as 0.51 and not 0.46).
    """
    data = known.rollout.to(x)
    if level > 0:
        kept = schedule.kept(level)
        data = math.sqrt(kept) * data + math.sqrt(1 - kept) * noise.draw(x)
    return torch.where(known.mask.to(x.device), data, x)


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
