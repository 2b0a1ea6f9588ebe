"""Solvers of the probability flow against its closed form for Gaussian data."""

import math
from itertools import pairwise

import pytest
import torch

from generation.diffusion import SamplingConfig
from generation.diffusion.sampling import chain, make_sampler
from tests.generation.diffusion.oracles import SCHEDULE, gaussian_denoiser, ode_solution

MEAN, DEVIATION = 0.7, 0.4


def last_error(config: SamplingConfig) -> float:
    """How far a deterministic sampler is from the probability flow at the last level before clean data."""
    levels = chain(config, SCHEDULE)
    sampler, denoise = make_sampler(config, levels), gaussian_denoiser(MEAN, DEVIATION)
    start = x = torch.linspace(-2, 2, 16).double().view(1, 1, 4, 4)
    for level in range(len(levels), 1, -1):
        output = denoise(x, levels.timesteps[level - 1].view(1))
        x = sampler.step(x, level, output, lambda: torch.full_like(start, torch.nan))
    return float((x - ode_solution(start, MEAN, DEVIATION, 1)).abs().max())


@pytest.mark.parametrize(
    ("name", "spacing", "first", "order"),
    [("ddim", "time", 16, 1), ("ddim", "snr", 16, 1), ("dpm++", "time", 64, 2), ("dpm++", "snr", 16, 2)],
)
def test_solvers_converge_at_their_order(name: str, spacing: str, first: int, order: int) -> None:
    """Twice the steps leave half the error, or a quarter; levels are whole steps, so nearly."""
    errors = [
        last_error(SamplingConfig(name, steps=steps, spacing=spacing))
        for steps in (first, 2 * first, 4 * first)
    ]
    rates = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    assert min(rates) > 0.9 * order
    assert errors[-1] < (0.05 if order == 1 else 0.004)
