"""Samplers against Gaussian data, whose best denoiser and whose probability flow have closed forms."""

import pytest
import torch

from core.errors import UserError
from generation.diffusion import Known, SampleNoise, SamplingConfig, sample
from tests.generation.diffusion.oracles import (
    gaussian_denoiser,
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
