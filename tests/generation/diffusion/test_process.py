"""Noise and predictions: the reference's numbers, and one as the other's inverse."""

import torch

from generation.diffusion import linear_schedule, noised, predict
from generation.dit import Dit
from tests.generation.golden import GOLDEN, assert_matches, golden_inputs

SCHEDULE = linear_schedule()
LEVELS = torch.tensor([17, 803])


@torch.no_grad()
def test_numbers_of_the_reference(golden_dit: Dit) -> None:
    x, t, conditions = golden_inputs()
    said = predict(SCHEDULE, x, t, golden_dit(x, t, conditions))
    numbers = GOLDEN["diffusion"]["p_mean_variance_t_17_803"]
    assert_matches(said.mean, numbers["mean"], 5e-6)
    assert_matches(said.log_variance, numbers["log_variance"], 2e-6)
    assert_matches(said.clean, numbers["pred_xstart"], 5e-6)


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
