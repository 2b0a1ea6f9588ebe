"""Samplers against Gaussian data, whose best denoiser and whose probability flow have closed forms."""

import math
from itertools import pairwise

import pytest
import torch

from core.errors import UserError
from generation.diffusion import Known, SampleNoise, SamplingConfig, sample
from generation.diffusion.known import walk
from generation.diffusion.sampling import chain, make_sampler
from tests.generation.diffusion.oracles import (
    SCHEDULE,
    correlated_denoiser,
    gaussian_denoiser,
    ode_solution,
)

MEAN, DEVIATION = 0.7, 0.4
NUMBERS = 40_000


@pytest.mark.parametrize(
    "config",
    [
        SamplingConfig("ddpm", steps=250),
        SamplingConfig("ddim", steps=250),
        SamplingConfig("ddim", steps=250, eta=1.0),
        SamplingConfig("dpm++", steps=100, spacing="time"),
        SamplingConfig("dpm++", steps=20, spacing="snr"),
    ],
    ids=str,
)
def test_samples_have_the_datas_mean_and_deviation(config: SamplingConfig) -> None:
    like = torch.zeros(2, 1, 100, NUMBERS // 200)
    drawn = sample(gaussian_denoiser(MEAN, DEVIATION), like, SampleNoise(0, [0, 1]), config)
    assert abs(float(drawn.mean()) - MEAN) < 0.015
    assert abs(float(drawn.std()) / DEVIATION - 1) < 0.03


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


def test_solvers_agree() -> None:
    like, denoise = torch.zeros(1, 1, 8, 8).double(), gaussian_denoiser(MEAN, DEVIATION)
    ends = [
        sample(denoise, like, SampleNoise(1, [0]), SamplingConfig(name, steps=steps))
        for name, steps in (("ddim", 1000), ("dpm++", 100))
    ]
    torch.testing.assert_close(*ends, rtol=0, atol=5e-3)


@pytest.mark.parametrize("name", ["ddpm", "ddim", "dpm++"])
def test_a_sample_is_the_same_in_every_batch(name: str) -> None:
    config, denoise = SamplingConfig(name, steps=10, eta=0.5), gaussian_denoiser(MEAN, DEVIATION)
    known = Known(torch.ones(1, 2, 6, 6), torch.eye(6, dtype=torch.bool)[None, None])

    def draw(indices: list[int]) -> torch.Tensor:
        like = torch.zeros(len(indices), 2, 6, 6)
        streams = SampleNoise(7, indices), SampleNoise(7, indices, "known cells")
        return sample(denoise, like, streams[0], config, known=known, known_noise=streams[1])

    assert torch.equal(draw([4, 0, 2])[1:2], draw([0]))
    assert not torch.equal(draw([0]), draw([1]))


@pytest.mark.parametrize("name", ["ddpm", "ddim", "dpm++"])
@pytest.mark.parametrize("repeats", [1, 2])
def test_known_cells_are_kept_exactly(name: str, repeats: int) -> None:
    data, mask = torch.randn(2, 2, 6, 6), torch.rand(2, 1, 6, 6) < 0.5
    drawn = sample(
        gaussian_denoiser(MEAN, DEVIATION), torch.zeros(2, 2, 6, 6), SampleNoise(0, [0, 1]),
        SamplingConfig(name, steps=10, jump=3, repeats=repeats),
        known=Known(data, mask), known_noise=SampleNoise(0, [0, 1], "known cells"),
    )  # fmt: skip
    mask = mask.expand_as(data)
    assert torch.equal(drawn[mask], data[mask])
    assert not torch.isclose(drawn[~mask], data[~mask]).any()


def conditional_moments(config: SamplingConfig, correlation: float, value: float) -> tuple[float, float]:
    """Mean and deviation of the second of two cells where the first is known."""
    pairs = torch.zeros(1, 1, 2000, 2)
    drawn = sample(
        correlated_denoiser(correlation), pairs, SampleNoise(0, [0]), config,
        known=Known(torch.full_like(pairs, value), torch.tensor([True, False]).expand(1, 1, 2000, 2)),
        known_noise=SampleNoise(0, [0], "known cells"),
    )  # fmt: skip
    return float(drawn[..., 1].mean()), float(drawn[..., 1].std())


@pytest.mark.parametrize("name", ["ddpm", "ddim", "dpm++"])
def test_ways_up_bring_what_is_generated_nearer_to_what_is_known(name: str) -> None:
    """The second of two Gaussian numbers has mean correlation * value where the first is known."""
    correlation, value = 0.9, 1.5
    plain, _ = conditional_moments(SamplingConfig(name, steps=40), correlation, value)
    better, narrower = conditional_moments(
        SamplingConfig(name, steps=40, jump=5, repeats=8), correlation, value
    )
    mean, spread = correlation * value, math.sqrt(1 - correlation**2)
    assert abs(better - mean) < 0.15 < abs(plain - mean)
    assert abs(narrower - spread) < 0.1


def test_a_walk_ends_and_goes_over_each_stretch_as_often_as_asked() -> None:
    assert list(walk(4, 2, 1)) == [(4, 3), (3, 2), (2, 1), (1, 0)]
    for levels, jump, repeats in ((10, 3, 3), (5, 5, 2), (7, 1, 4), (3, 9, 2)):
        path = list(walk(levels, jump, repeats))
        assert path[0][0] == levels
        assert path[-1] == (1, 0)
        assert all(before[1] == after[0] for before, after in pairwise(path))
        assert all(abs(start - end) == 1 for start, end in path)
        ups = sum(end > start for start, end in path)
        assert ups == (repeats - 1) * jump * len(range(1, levels - jump + 1, jump))


def test_settings_that_make_no_sense() -> None:
    for wrong in ({"jump": 0}, {"repeats": 0}, {"eta": 1.5}):
        with pytest.raises(UserError, match="expected"):
            SamplingConfig(**wrong)
    with pytest.raises(UserError, match="steps"):
        sample(
            gaussian_denoiser(0, 1), torch.zeros(1, 1, 2, 2), SampleNoise(0, [0]), SamplingConfig(steps=2000)
        )
    with pytest.raises(ValueError, match="streams"):
        sample(gaussian_denoiser(0, 1), torch.zeros(2, 1, 2, 2), SampleNoise(0, [0]), SamplingConfig())
