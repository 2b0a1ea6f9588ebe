"""Gaussians being fitted: what a step sees, what it changes, and that its state continues."""

import copy
import math
from dataclasses import replace

import pytest
import torch

from core.schedules import Schedule, ScheduleConfig
from gaussian_renderer import render
from scene.densification import DensificationConfig, MCMCConfig
from scene.gaussian_model import StaticGaussians
from tests.training.captures import ring, truth
from tests.training.test_static import assert_equal_states
from training.gaussian_fit import GaussianFit, ModelConfig, OptimizerConfig, Recipe, RenderConfig
from training.static import StaticConfig

BASE = StaticConfig(schedule=ScheduleConfig(iterations=50), model=ModelConfig(sh_degree=0))
SCHEDULE = Schedule.of(BASE.schedule)


def fit(config: StaticConfig = BASE) -> GaussianFit:
    return GaussianFit(config, StaticGaussians.from_splats(truth()), extent=4.0)


def step(gaussians: GaussianFit, number: int, scale: float = 1.0) -> None:
    gaussians.optimizer.zero_grad()
    output = gaussians.draw(ring(6)[number % 6], SCHEDULE, number)
    gaussians.regularized(output.images.square().mean()).backward()
    gaussians.advance(output, SCHEDULE, number, scale)


def test_a_static_configuration_is_a_recipe() -> None:
    assert isinstance(BASE, Recipe)


def test_steps_lower_the_loss_and_a_state_continues() -> None:
    one, other = fit(), fit()
    before = one.view(ring(6)[1]).square().mean()
    for number in range(1, 11):
        step(one, number)
    assert one.view(ring(6)[1]).square().mean() < before
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    for number in range(11, 15):
        step(one, number)
        step(other, number)
    assert_equal_states(one.state_dict(), other.state_dict())


def test_a_rate_of_zero_changes_nothing() -> None:
    gaussians = fit(replace(BASE, densification=DensificationConfig(strategy="none")))
    before = copy.deepcopy(gaussians.model.state_dict())
    step(gaussians, 1, scale=0.0)
    assert_equal_states(gaussians.model.state_dict(), before)


def test_what_no_camera_sees_stays() -> None:
    gaussians = fit()
    far = torch.tensor([0.0, -50.0, 0.0])
    with torch.no_grad():
        gaussians.model.parameters["means"][0] = far
    others = gaussians.model.parameters["means"][1:].detach().clone()
    for number in (1, 2):
        step(gaussians, number)
    assert torch.equal(gaussians.model.parameters["means"][0].detach(), far)
    assert (gaussians.model.parameters["means"][1:] != others).any()


def test_a_judged_image_is_the_rendering_clamped() -> None:
    gaussians = fit(replace(BASE, render=RenderConfig(white_background=True)))
    drawn = render(truth(), ring(6)[2], background=torch.ones(3)).images[0].clamp(0, 1)
    torch.testing.assert_close(gaussians.view(ring(6)[2]), drawn, atol=1e-5, rtol=0)


def test_own_terms_of_a_densification_join_the_loss() -> None:
    loss = torch.tensor(1.0)
    assert fit().regularized(loss) is loss
    with_terms = fit(
        replace(BASE, densification=DensificationConfig(strategy="mcmc", mcmc=MCMCConfig(opacity_reg=0.5)))
    )
    assert with_terms.regularized(loss).item() > 1


@pytest.mark.parametrize(
    ("position", "halvings"), [(0.0, 3), (2_999.0, 3), (3_000.0, 2), (8_999.0, 1), (9_000.0, 0), (3e4, 0)]
)
def test_the_resolution_doubles_at_equal_intervals(position: float, halvings: int) -> None:
    config = replace(BASE, render=RenderConfig(coarse_to_fine=3, coarse_to_fine_until=9_000))
    assert fit(config).halvings(position) == halvings
    assert fit(replace(BASE, render=RenderConfig(coarse_to_fine=0))).halvings(position) == 0


@pytest.mark.parametrize("name", ["feature_lr", "position_lr_init", "opacity_lr", "rotation_lr"])
@pytest.mark.parametrize("rate", [-1.0, math.inf, math.nan])
def test_rates_that_cannot_be_are_refused(name: str, rate: float) -> None:
    with pytest.raises(ValueError, match=f"{name}: a number from 0 on was expected"):
        OptimizerConfig(**{name: rate})
