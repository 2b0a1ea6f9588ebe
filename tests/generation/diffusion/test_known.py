"""Known cells stay, and what is generated beside them comes to agree."""

import math
from itertools import pairwise

import pytest
import torch

from generation.diffusion import Known, SampleNoise, SamplingConfig, sample
from generation.diffusion.known import walk
from tests.generation.diffusion.oracles import correlated_denoiser, gaussian_denoiser

MEAN, DEVIATION = 0.7, 0.4


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
