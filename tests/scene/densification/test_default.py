"""Clone, split, prune, reset: who is chosen, what the children are, and what never happens."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.optimizers import RowAdam
from core.schedules import Schedule
from scene.densification import DefaultConfig, DefaultDensification
from tests.scene.densification.tables import make_optimizer

CONFIG = DefaultConfig(densify_grad_threshold=2e-4)
UNSCALED = Schedule(30_000, scaled=False)
WIDTH, HEIGHT = 40, 30


def observe(densification: DefaultDensification, norms: list[float], views: int = 3) -> None:
    """Views in which each Gaussian has a gradient of the given norm, in units of half the image."""
    gradients = torch.zeros(len(norms), 2)
    gradients[:, 1] = torch.tensor(norms) / (HEIGHT / 2)
    radii = torch.full((len(norms), 2), 5, dtype=torch.int32)
    for _ in range(views):
        densification.observe(gradients, radii, WIDTH, HEIGHT)


def refined(
    optimizer: RowAdam, norms: list[float], step: int = 600, extent: float = 100.0, **options: int
) -> DefaultDensification:
    densification = DefaultDensification(CONFIG, extent=extent, **options)
    observe(densification, norms)
    densification.refine(optimizer, UNSCALED, step, means_lr=0.0)
    return densification


@given(st.integers(1, 60_000))
def test_the_threshold_of_a_short_run_is_higher(iterations: int) -> None:
    densification = DefaultDensification(CONFIG, extent=1.0)
    threshold = densification.threshold(Schedule(iterations))
    assert threshold >= densification.threshold(Schedule(2 * iterations)) >= CONFIG.densify_grad_threshold
    assert densification.threshold(Schedule(iterations, scaled=False)) == CONFIG.densify_grad_threshold
    assert densification.threshold(Schedule(30_000)) == CONFIG.densify_grad_threshold


def test_small_gaussians_with_a_large_gradient_are_cloned() -> None:
    optimizer = make_optimizer(4, scale=0.5)
    refined(optimizer, [1e-4, 3e-4, 1.9e-4, 2.1e-4])
    positions = optimizer.parameters["means"].detach()[:, 0].tolist()
    assert positions == [0, 1, 2, 3, 1, 3]
    assert torch.equal(optimizer.parameters["sh"][1], optimizer.parameters["sh"][4])
    # The originals keep their moments, the clones start without.
    assert optimizer.exp_avg["means"][:, 0].tolist() == [1, 1, 1, 1, 0, 0]


def test_large_ones_are_split_into_two_smaller_ones_nearby() -> None:
    optimizer = make_optimizer(3, scale=2.0)
    refined(optimizer, [0.0, 1e-3, 0.0])
    parameters = {name: table.detach() for name, table in optimizer.parameters.items()}
    assert len(parameters["means"]) == 4
    assert parameters["means"][:2, 0].tolist() == [0, 2]  # the parent is gone
    torch.testing.assert_close(parameters["log_scales"][2:].exp(), torch.full((2, 3), 2.0 / 1.6))
    assert (parameters["means"][2:] - torch.tensor([1.0, 0.0, 0.0])).norm(dim=1).max() < 4 * 2.0
    assert not torch.equal(parameters["means"][2], parameters["means"][3])
    assert optimizer.exp_avg["sh"][2:].abs().max() == 0


def test_children_of_a_split_are_spread_like_their_parent() -> None:
    optimizer = make_optimizer(1, scale=2.0)
    count = 4000
    with torch.no_grad():
        optimizer.parameters["log_scales"].copy_(torch.tensor([[3.0, 2.0, 1.5]]).log())
    many = {
        name: table.detach().repeat(count, *[1] * (table.dim() - 1)).requires_grad_()
        for name, table in optimizer.parameters.items()
    }
    optimizer = RowAdam(many, splits={"sh": 3})
    refined(optimizer, [1.0] * count)
    offsets = optimizer.parameters["means"].detach() - torch.tensor([0.0, 0.0, 0.0])
    assert len(offsets) == 2 * count
    variances = torch.linalg.eigvalsh(offsets.T.cov()).flip(0).sqrt()
    # 8000 draws: a standard deviation is known to 1 %.
    torch.testing.assert_close(variances, torch.tensor([3.0, 2.0, 1.5]), rtol=0.05, atol=0)


def test_the_gradient_is_a_mean_over_the_views_that_see_it() -> None:
    optimizer = make_optimizer(2, scale=0.5)
    densification = DefaultDensification(CONFIG, extent=100.0)
    gradients = torch.tensor([[3e-4, 0.0], [3e-4, 0.0]]) / (WIDTH / 2)
    seen = torch.tensor([[2, 2], [2, 2]], dtype=torch.int32)
    densification.observe(gradients, seen, WIDTH, HEIGHT)
    # The first is seen again without a gradient; the second is not seen.
    densification.observe(
        torch.zeros(2, 2), seen * torch.tensor([[1], [0]], dtype=torch.int32), WIDTH, HEIGHT
    )
    densification.refine(optimizer, UNSCALED, 600, means_lr=0.0)
    assert optimizer.parameters["means"].detach()[:, 0].tolist() == [0, 1, 1]


def test_faint_and_broken_ones_are_removed() -> None:
    optimizer = make_optimizer(4)
    with torch.no_grad():
        optimizer.parameters["logit_opacities"][1] = torch.logit(torch.tensor(0.004))
        optimizer.parameters["sh"][2, 3, 1] = float("nan")
    refined(optimizer, [0.0] * 4)
    assert optimizer.parameters["means"].detach()[:, 0].tolist() == [0, 3]


@pytest.mark.parametrize(("step", "left"), [(3000, 2), (3100, 1)])
def test_huge_ones_are_removed_once_resets_have_begun(step: int, left: int) -> None:
    optimizer = make_optimizer(2)
    with torch.no_grad():
        optimizer.parameters["log_scales"][1] = torch.log(torch.tensor(11.0))
    refined(optimizer, [0.0, 0.0], step=step)
    assert len(optimizer.parameters["means"]) == left


@pytest.mark.parametrize(
    ("step", "fires"), [(500, False), (600, True), (650, False), (14_900, True), (15_000, False)]
)
def test_rounds_happen_when_the_recipe_says(step: int, fires: bool) -> None:
    optimizer = make_optimizer(2, scale=0.5)
    refined(optimizer, [1.0, 1.0], step=step)
    assert (len(optimizer.parameters["means"]) == 4) == fires


def test_a_reset_cuts_opacities_and_their_moments_only() -> None:
    optimizer = make_optimizer(3, opacity=0.7)
    with torch.no_grad():
        optimizer.parameters["logit_opacities"][2] = torch.logit(torch.tensor(0.006))
    refined(optimizer, [0.0] * 3, step=3000)
    torch.testing.assert_close(
        optimizer.parameters["logit_opacities"].detach().sigmoid(), torch.tensor([0.01, 0.01, 0.006])
    )
    assert optimizer.exp_avg["logit_opacities"].abs().max() == 0
    assert optimizer.exp_avg["means"].min() == 1


@given(st.lists(st.floats(0, 1e-3), min_size=1, max_size=12), st.integers(1, 20), st.sampled_from([0.5, 2.0]))
def test_the_cap_holds_and_the_largest_gradients_win(norms: list[float], cap: int, scale: float) -> None:
    optimizer = make_optimizer(len(norms), scale=scale)
    refined(optimizer, norms, max_gaussians=cap)
    count = len(optimizer.parameters["means"])
    assert count <= max(cap, len(norms))
    wanted = sum(float(torch.tensor(norm)) >= 2e-4 + 1e-9 for norm in norms)
    if len(norms) + wanted <= cap:
        assert count >= len(norms) + wanted


def test_the_cap_takes_the_largest() -> None:
    optimizer = make_optimizer(4, scale=0.5)
    refined(optimizer, [3e-4, 9e-4, 5e-4, 7e-4], max_gaussians=6)
    assert sorted(optimizer.parameters["means"].detach()[4:, 0].tolist()) == [1, 3]


def test_one_gaussian_is_always_left() -> None:
    optimizer = make_optimizer(3, opacity=0.001)
    refined(optimizer, [0.0] * 3)
    assert len(optimizer.parameters["means"]) == 1


def test_radii_are_kept_when_asked_for() -> None:
    optimizer = make_optimizer(3)
    densification = DefaultDensification(DefaultConfig(prune_radius_px=20), extent=100.0)
    for radius in (30, 10):
        radii = torch.tensor([[5, 5], [radius, 3], [20, 20]], dtype=torch.int32)
        densification.observe(torch.zeros(3, 2), radii, WIDTH, HEIGHT)
    densification.refine(optimizer, UNSCALED, 3100, means_lr=0.0)
    assert optimizer.parameters["means"].detach()[:, 0].tolist() == [0, 2]


def test_a_restored_state_decides_alike() -> None:
    one = DefaultDensification(CONFIG, extent=100.0, seed=3)
    observe(one, [1e-3, 0.0, 1e-3])
    other = DefaultDensification(CONFIG, extent=100.0, seed=3)
    other.load_state_dict(one.state_dict())
    results = []
    for densification in (one, other):
        optimizer = make_optimizer(3, scale=2.0)
        densification.refine(optimizer, UNSCALED, 600, means_lr=0.0)
        results.append(optimizer.parameters["means"].detach())
    assert torch.equal(*results)


def test_gradients_are_wanted_while_the_number_changes() -> None:
    densification = DefaultDensification(CONFIG, extent=1.0)
    assert densification.wants_gradients(UNSCALED, 14_999)
    assert not densification.wants_gradients(UNSCALED, 15_000)
    assert not densification.wants_gradients(Schedule(100), 50)
    assert densification.regularization({}) is None
