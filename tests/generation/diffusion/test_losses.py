"""Losses and predictions: the reference's numbers, and minima where they belong."""

import math

import pytest
import torch

from generation.diffusion import diffusion_losses, linear_schedule, noised, predict
from generation.diffusion.losses import _discretized_log_likelihood, _kl
from generation.dit import Dit
from generation.rollout import LatentSize, cell_mask
from tests.generation.golden import GOLDEN, assert_matches, golden_inputs, ramp

SCHEDULE = linear_schedule()
MASK = cell_mask(LatentSize(2, 8, 8, 4))
LEVELS = torch.tensor([17, 803])


@torch.no_grad()
def test_numbers_of_the_reference(golden_dit: Dit) -> None:
    x, t, conditions = golden_inputs()
    said = predict(SCHEDULE, x, t, golden_dit(x, t, conditions))
    numbers = GOLDEN["diffusion"]["p_mean_variance_t_17_803"]
    assert_matches(said.mean, numbers["mean"], 2e-5)
    assert_matches(said.log_variance, numbers["log_variance"], 2e-6)
    assert_matches(said.clean, numbers["pred_xstart"], 2e-5)
    losses = diffusion_losses(
        lambda x, t: golden_dit(x, t, conditions), SCHEDULE, x, t, ramp((2, 16, 14, 14), 7), MASK
    )
    numbers = GOLDEN["dit"]["training_losses_t_17_803"]
    torch.testing.assert_close(losses.vlb, torch.tensor(numbers["vb"]), rtol=1e-4, atol=0)
    torch.testing.assert_close(losses.mse, torch.tensor(numbers["mse"]), rtol=2e-5, atol=0)
    torch.testing.assert_close(losses.total, torch.tensor(numbers["loss"]), rtol=2e-5, atol=0)


def test_prediction_inverts_noise() -> None:
    clean, noise = torch.randn(2, 3, 14, 14).double(), torch.randn(2, 3, 14, 14).double()
    x = noised(SCHEDULE, clean, LEVELS, noise)
    low = predict(SCHEDULE, x, LEVELS, torch.cat([noise, -torch.ones_like(noise)], 1))
    high = predict(SCHEDULE, x, LEVELS, torch.cat([noise, torch.ones_like(noise)], 1))
    torch.testing.assert_close(low.clean, clean)
    torch.testing.assert_close(low.noise, noise)
    for bound, said in ((SCHEDULE.posterior_variance, low), (SCHEDULE.betas, high)):
        torch.testing.assert_close(
            said.log_variance, bound[LEVELS].log().view(2, 1, 1, 1).expand_as(x), rtol=1e-6, atol=0
        )


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
