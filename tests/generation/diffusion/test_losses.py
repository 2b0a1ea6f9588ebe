"""Losses and predictions: the reference's numbers, and minima where they belong."""

import math

import pytest
import torch

from generation.diffusion import diffusion_losses, linear_schedule, noised
from generation.diffusion.losses import _discretized_log_likelihood, _kl
from generation.dit import Dit
from generation.rollout import LatentSize, cell_mask
from tests.generation.golden import GOLDEN, golden_inputs, ramp

SCHEDULE = linear_schedule()
MASK = cell_mask(LatentSize(2, 8, 8, 4))
LEVELS = torch.tensor([17, 803])


@torch.no_grad()
def test_numbers_of_the_reference(golden_dit: Dit) -> None:
    x, t, conditions = golden_inputs()
    losses = diffusion_losses(
        lambda x, t: golden_dit(x, t, conditions), SCHEDULE, x, t, ramp((2, 16, 14, 14), 7), MASK
    )
    numbers = GOLDEN["dit"]["training_losses_t_17_803"]
    torch.testing.assert_close(losses.vlb, torch.tensor(numbers["vb"]), rtol=5e-6, atol=0)
    torch.testing.assert_close(losses.mse, torch.tensor(numbers["mse"]), rtol=5e-6, atol=0)
    torch.testing.assert_close(losses.total, torch.tensor(numbers["loss"]), rtol=5e-6, atol=0)


def test_the_truth_costs_nothing_and_padding_is_free() -> None:
    clean, noise = torch.randn(2, 3, 14, 14), torch.randn(2, 3, 14, 14)
    truth = torch.cat([noise, -torch.ones_like(noise)], 1)
    losses = diffusion_losses(lambda *_: truth, SCHEDULE, clean, LEVELS, noise, MASK)
    torch.testing.assert_close(losses.total, torch.zeros(2), rtol=0, atol=1e-5)
    wrong = torch.where(MASK, truth, truth + 5)
    losses = diffusion_losses(lambda *_: wrong, SCHEDULE, clean, LEVELS, noise, MASK)
    torch.testing.assert_close(losses.mse, torch.zeros(2), rtol=0, atol=1e-6)
    wrong = torch.cat([noise + 2, -torch.ones_like(noise)], 1)
    losses = diffusion_losses(lambda *_: wrong, SCHEDULE, clean, LEVELS, noise, MASK)
    torch.testing.assert_close(losses.mse, torch.full((2,), 4.0), rtol=1e-5, atol=0)


def test_the_bound_teaches_the_variance_only() -> None:
    output = torch.randn(2, 6, 14, 14, requires_grad=True)
    clean, noise = torch.randn(2, 3, 14, 14), torch.randn(2, 3, 14, 14)
    for levels in (LEVELS, torch.zeros(2, dtype=torch.int64)):
        vlb = diffusion_losses(lambda *_: output, SCHEDULE, clean, levels, noise, MASK).vlb
        (gradient,) = torch.autograd.grad(vlb.sum(), output)
        assert not gradient[:, :3].any()
        assert gradient[:, 3:].any()


def test_the_divergence_is_that_of_torch() -> None:
    mean, log_variance, other_mean, other_log_variance = torch.randn(4, 50).double()
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log_variance / 2).exp()),
        torch.distributions.Normal(other_mean, (other_log_variance / 2).exp()),
    )
    torch.testing.assert_close(_kl(mean, log_variance, other_mean, other_log_variance), expected)


@pytest.mark.parametrize("mean", [-0.9, 0.0, 0.31, 1.2])
def test_bins_hold_all_the_mass(mean: float) -> None:
    """256 bins from -1 to 1, the outer two open; tails below the smallest logarithm are lost."""
    places = torch.linspace(-1, 1, 256).double()
    log_scale = torch.full_like(places, math.log(0.1))
    likelihood = _discretized_log_likelihood(places, torch.full_like(places, mean), log_scale).exp()
    torch.testing.assert_close(likelihood.sum(), torch.tensor(1.0).double(), rtol=0, atol=1e-6)


def test_the_error_of_the_velocity() -> None:
    """An estimate of the noise implies one of the data, and both one of the velocity."""
    clean, noise, estimate = torch.randn(3, 2, 3, 14, 14).double()
    kept = SCHEDULE.alphas_cumprod[LEVELS].view(2, 1, 1, 1)
    x = noised(SCHEDULE, clean, LEVELS, noise)

    def velocity(of_noise: torch.Tensor) -> torch.Tensor:
        of_data = (x - (1 - kept).sqrt() * of_noise) / kept.sqrt()
        return kept.sqrt() * of_noise - (1 - kept).sqrt() * of_data

    output, everywhere = torch.cat([estimate, estimate], 1), torch.ones_like(MASK)
    losses = diffusion_losses(lambda *_: output, SCHEDULE, clean, LEVELS, noise, everywhere, of_velocity=True)
    expected = (velocity(noise) - velocity(estimate)).square().mean((1, 2, 3))
    torch.testing.assert_close(losses.mse, expected)
