"""Chains of noise: the numbers of the reference, and what any chain keeps to."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from generation.diffusion.schedule import evenly_spaced, evenly_spaced_in_snr, linear_schedule
from tests.generation.golden import GOLDEN

NUMBERS = GOLDEN["diffusion"]
SCHEDULE = linear_schedule()
PLACES = torch.tensor([0, 1, 500, 999])


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("betas", SCHEDULE.betas),
        ("alphas_cumprod", SCHEDULE.alphas_cumprod),
        ("posterior_log_variance_clipped", SCHEDULE.posterior_log_variance),
    ],
)
def test_numbers(name: str, ours: torch.Tensor) -> None:
    torch.testing.assert_close(ours[PLACES], torch.tensor(NUMBERS[name]).double(), rtol=2e-6, atol=0)


def test_numbers_of_250_steps() -> None:
    short = evenly_spaced(SCHEDULE, 250)
    head, tail = NUMBERS["respaced_250_timestep_map_head_tail"]
    assert short.timesteps[:6].tolist() == head
    assert short.timesteps[-6:].tolist() == tail
    head, tail = NUMBERS["respaced_250_betas_head_tail"]
    torch.testing.assert_close(short.betas[:3], torch.tensor(head).double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(short.betas[-3:], torch.tensor(tail).double(), rtol=1e-6, atol=0)


@given(st.integers(1, 1000), st.sampled_from([evenly_spaced, evenly_spaced_in_snr]))
def test_short_chains_keep_the_levels(steps: int, spaced: object) -> None:
    short = spaced(SCHEDULE, steps)
    assert len(short) == steps
    assert (short.timesteps.diff() > 0).all()
    assert short.timesteps[-1] == 999
    assert steps == 1 or short.timesteps[0] == 0
    assert torch.equal(short.alphas_cumprod, SCHEDULE.alphas_cumprod[short.timesteps])
    torch.testing.assert_close((1 - short.betas).cumprod(0), short.alphas_cumprod)
    assert (short.betas > 0).all()
    assert (short.posterior_log_variance.exp() <= short.betas + 1e-12).all() or steps == 1


def test_posteriors_join_two_steps() -> None:
    """Bayes: q(x_{t-1} | x_t, x_0) times q(x_t | x_0) has the marginal q(x_{t-1} | x_0)."""
    kept, before = SCHEDULE.alphas_cumprod, SCHEDULE.previous_alphas_cumprod
    of_clean, of_noisy = SCHEDULE.posterior_weights
    torch.testing.assert_close(of_clean + of_noisy * kept.sqrt(), before.sqrt())
    torch.testing.assert_close(of_noisy**2 * (1 - kept) + SCHEDULE.posterior_variance, 1 - before)


def test_equal_distances_in_snr() -> None:
    short = evenly_spaced_in_snr(SCHEDULE, 8)
    steps = (short.alphas_cumprod / (1 - short.alphas_cumprod)).log().diff()
    torch.testing.assert_close(steps, steps.mean().expand(7), rtol=0.1, atol=0)


@pytest.mark.parametrize("steps", [0, 1001])
@pytest.mark.parametrize("spaced", [evenly_spaced, evenly_spaced_in_snr])
def test_too_few_or_many_steps(steps: int, spaced: object) -> None:
    with pytest.raises(UserError, match=f"between 1 and 1000 steps were expected, got {steps}"):
        spaced(SCHEDULE, steps)
