"""A sample's noise is its own."""

import torch

from generation.diffusion import SampleNoise


def test_noise_belongs_to_the_sample() -> None:
    batch, alone = SampleNoise(3, [5, 2, 9]), SampleNoise(3, [2])
    for _ in range(3):
        together = batch.draw(torch.zeros(3, 2, 4, 4))
        assert torch.equal(together[1:2], alone.draw(torch.zeros(1, 2, 4, 4)))
        assert not torch.equal(together[0], together[1])


def test_seeds_and_purposes_differ_types_do_not() -> None:
    like = torch.zeros(1, 2, 4, 4)
    first = SampleNoise(3, [0]).draw(like)
    assert not torch.equal(first, SampleNoise(4, [0]).draw(like))
    assert not torch.equal(first, SampleNoise(3, [0], "known cells").draw(like))
    assert torch.equal(first.double(), SampleNoise(3, [0]).draw(like.double()))


def test_moments() -> None:
    draws = SampleNoise(0, [0, 1]).draw(torch.zeros(2, 8, 64, 64))
    assert abs(float(draws.mean())) < 0.01
    assert abs(float(draws.std()) - 1) < 0.01
