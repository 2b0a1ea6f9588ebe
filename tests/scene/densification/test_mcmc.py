"""Relocation keeps what is seen; growth stops at the cap; noise moves the faint ones only."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import quat_to_rotation
from core.schedules import Schedule
from scene.densification import MCMCConfig, MCMCDensification
from scene.densification.mcmc import MAX_COPIES, divided, draw_rows
from tests.scene.densification.tables import make_optimizer

UNSCALED = Schedule(30_000, scaled=False)


@given(st.floats(0.01, 0.99), st.integers(1, MAX_COPIES))
def test_copies_cover_their_centre_as_one_did(opacity: float, copies: int) -> None:
    new, _ = divided(torch.tensor([opacity], dtype=torch.float64), torch.tensor([copies]))
    assert 1 - (1 - float(new)) ** copies == pytest.approx(opacity, rel=1e-9)


@given(st.floats(0.01, 0.99), st.integers(1, MAX_COPIES))
def test_copies_cover_as_much_in_all_as_one_did(opacity: float, copies: int) -> None:
    """The integral, along a line through the centre, of what n coincident copies cover."""
    new, factor = divided(torch.tensor([opacity], dtype=torch.float64), torch.tensor([copies]))
    x = np.linspace(-12, 12, 4001)
    before = opacity * np.exp(-(x**2) / 2)
    after = 1 - (1 - float(new) * np.exp(-((x / float(factor)) ** 2) / 2)) ** copies
    assert np.trapezoid(after, x) == pytest.approx(np.trapezoid(before, x), rel=1e-5)


def test_one_copy_is_the_gaussian_itself_and_too_many_count_as_the_most() -> None:
    opacities = torch.tensor([0.2, 0.9])
    same, factors = divided(opacities, torch.tensor([1, 1]))
    torch.testing.assert_close(same, opacities)
    assert factors.tolist() == [1, 1]
    for one, other in zip(
        divided(opacities, torch.tensor([51, 51])), divided(opacities, torch.tensor([80, 900])), strict=True
    ):
        assert torch.equal(one, other)


def test_dead_ones_move_onto_live_ones() -> None:
    optimizer = make_optimizer(6, opacity=0.5)
    with torch.no_grad():
        optimizer.parameters["logit_opacities"][:3] = torch.logit(torch.tensor(0.004))
    densification = MCMCDensification(MCMCConfig(noise_lr=0.0), max_gaussians=6)
    densification.refine(optimizer, UNSCALED, 600, means_lr=1.0)
    positions = optimizer.parameters["means"].detach()[:, 0]
    assert set(positions[:3].tolist()) <= {3.0, 4.0, 5.0}
    opacities, scales = (optimizer.parameters[name].detach() for name in ("logit_opacities", "log_scales"))
    for position in (3.0, 4.0, 5.0):
        group = positions == position
        count = int(group.sum())
        # Everyone in a group is alike, and together they are what the one was.
        expected = 1 - (1 - 0.5) ** (1 / count)
        torch.testing.assert_close(
            opacities[group].sigmoid(), torch.full((count,), expected), rtol=1e-5, atol=0
        )
        assert (scales[group] == scales[group][0]).all()
        if count > 1:
            assert optimizer.exp_avg["means"][group].abs().max() == 0


@given(st.integers(1, 60), st.integers(1, 80))
def test_growth_stops_at_the_cap(count: int, cap: int) -> None:
    optimizer = make_optimizer(count)
    MCMCDensification(MCMCConfig(), max_gaussians=cap).refine(optimizer, UNSCALED, 600, means_lr=0.0)
    assert len(optimizer.parameters["means"]) == max(count, min(cap, math.ceil(1.05 * count)))


@pytest.mark.parametrize(
    ("step", "fires"), [(500, False), (600, True), (650, False), (24_900, True), (25_000, False)]
)
def test_rounds_happen_when_the_recipe_says(step: int, fires: bool) -> None:
    optimizer = make_optimizer(20)
    MCMCDensification(MCMCConfig(), max_gaussians=100).refine(optimizer, UNSCALED, step, means_lr=0.0)
    assert (len(optimizer.parameters["means"]) == 21) == fires


def test_noise_moves_faint_ones_in_their_own_shape() -> None:
    count = 3000
    optimizer = make_optimizer(2 * count, opacity=0.9)
    with torch.no_grad():
        optimizer.parameters["means"].zero_()
        optimizer.parameters["logit_opacities"][count:] = torch.logit(torch.tensor(0.005))
        optimizer.parameters["quats"].copy_(torch.tensor([0.8, 0.1, -0.5, 0.2]))
        optimizer.parameters["log_scales"].copy_(torch.tensor([0.3, 0.2, 0.1]).log())
    MCMCDensification(MCMCConfig()).refine(optimizer, UNSCALED, 601, means_lr=1e-5)
    means = optimizer.parameters["means"].detach()
    assert means[:count].abs().max() == 0
    # At the threshold the gate is a half: 0.5 * 5e5 * 1e-5 = 2.5 times the covariance.
    local = means[count:] @ quat_to_rotation(torch.tensor([0.8, 0.1, -0.5, 0.2]))
    expected = 2.5 * torch.tensor([0.09, 0.04, 0.01])
    torch.testing.assert_close(local.std(0), expected, rtol=0.1, atol=0)


def test_draws_are_a_function_of_seed_and_step() -> None:
    def positions(seed: int, step: int) -> torch.Tensor:
        optimizer = make_optimizer(50, opacity=0.01)
        MCMCDensification(MCMCConfig(), max_gaussians=90, seed=seed).refine(
            optimizer, UNSCALED, step, means_lr=1e-5
        )
        return optimizer.parameters["means"].detach()

    assert torch.equal(positions(0, 600), positions(0, 600))
    assert not torch.equal(positions(0, 600), positions(1, 600))
    assert not torch.equal(positions(0, 600), positions(0, 700))


def test_rows_are_drawn_by_weight() -> None:
    weights = torch.tensor([0.0, 1.0, 3.0, 0.0])
    drawn = torch.bincount(draw_rows(weights, 20_000, torch.Generator().manual_seed(0)), minlength=4)
    assert drawn[0] == drawn[3] == 0
    assert float(drawn[2] / drawn[1]) == pytest.approx(3, rel=0.06)


def test_the_regularisers() -> None:
    optimizer = make_optimizer(5, scale=0.2, opacity=0.3)
    term = MCMCDensification(MCMCConfig()).regularization(optimizer.parameters)
    assert term is not None
    assert float(term.detach()) == pytest.approx(0.01 * 0.3 + 0.01 * 0.2)
    term.backward()
    assert optimizer.parameters["logit_opacities"].grad is not None


def test_broken_ones_are_removed() -> None:
    optimizer = make_optimizer(5)
    with torch.no_grad():
        optimizer.parameters["means"][2] = float("nan")
    MCMCDensification(MCMCConfig(), max_gaussians=1).refine(optimizer, UNSCALED, 600, means_lr=0.0)
    assert optimizer.parameters["means"].detach()[:, 0].tolist() == [0, 1, 3, 4]
