"""Weights of pixels: closed form against brute force, bounds, annealing, what residuals do."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scene.staticness import Staticness, StaticnessConfig, grown

LATE = 30_000.0
SIZE = (24, 32)
DEFAULT = StaticnessConfig()


def uniform(value: float) -> torch.Tensor:
    return torch.full(SIZE, value)


def visited(
    residual: torch.Tensor, probability: float = 0.3, config: StaticnessConfig = DEFAULT
) -> Staticness:
    staticness = Staticness([uniform(probability)], None, config)
    staticness.observe(0, residual, torch.ones(SIZE))
    return staticness


@given(st.floats(0.05, 0.95), st.floats(0, 0.6), st.floats(0.05, 0.5), st.floats(0, 0.8))
@settings(max_examples=40, deadline=None)
def test_the_weights_minimise_what_the_docstring_says(
    probability: float, extra: float, tau: float, sharpness: float
) -> None:
    residual = uniform(0.1)
    residual[:12] += extra
    config = StaticnessConfig(staticness_prior=tau, staticness_sharpness=sharpness, staticness_smooth_px=1)
    weights = visited(residual, probability, config).weights(0, LATE, *SIZE)
    s = torch.linspace(1e-4, 1 - 1e-4, 4001, dtype=torch.float64)
    s0 = 1 - probability
    entropy = -(s * s.log() + (1 - s) * (1 - s).log())
    divergence = s * (s / s0).log() + (1 - s) * ((1 - s) / (1 - s0)).log()
    for row in (2, 21):
        r = float(residual[row, 0] - residual.mean())
        energy = s * r + tau * divergence + tau * sharpness * entropy
        assert float(weights[row, 3]) == pytest.approx(float(s[energy.argmin()]), abs=2e-3)


def test_before_their_time_the_weights_are_the_prediction() -> None:
    residual = torch.rand(SIZE)
    staticness = visited(residual)
    torch.testing.assert_close(staticness.weights(0, 0.0, *SIZE), uniform(0.7))
    never = visited(residual, config=StaticnessConfig(staticness=False))
    torch.testing.assert_close(never.weights(0, LATE, *SIZE), uniform(0.7))
    fresh = Staticness([uniform(0.3)], None, StaticnessConfig())
    torch.testing.assert_close(fresh.weights(0, LATE, *SIZE), uniform(0.7))


def test_the_say_of_residuals_grows() -> None:
    residual = uniform(0.05)
    residual[8:16, 8:16] = 0.8
    staticness = visited(residual)
    said = [float(staticness.weights(0, p, *SIZE)[12, 12]) for p in (4_500.0, 6_000.0, 8_000.0, LATE)]
    assert said == sorted(said, reverse=True)
    assert said[-1] < 0.05
    assert float(staticness.weights(0, LATE, *SIZE)[0, 0]) > 0.7


@given(st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_weights_are_bounded_and_fall_with_the_residual(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    probability = torch.rand(SIZE, generator=random)
    residual = torch.rand(SIZE, generator=random)
    staticness = Staticness([probability], None, StaticnessConfig())
    staticness.observe(0, residual, torch.ones(SIZE))
    weights = staticness.weights(0, LATE, *SIZE)
    assert float(weights.min()) > 0
    assert float(weights.max()) < 1


def test_masked_pixels_stay_out_for_good_at_every_size() -> None:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[10:14, 10:14] = True
    staticness = Staticness([uniform(0.0)], [mask], StaticnessConfig(mask_dilation_px=1))
    full = staticness.weights(0, 0.0, *SIZE)
    assert torch.equal(full == 0, grown(mask, 1))
    small = staticness.weights(0, 0.0, 12, 16)
    assert torch.equal(small == 0, (full == 0).view(12, 2, 16, 2).any(3).any(1))


def test_growing_a_mask() -> None:
    mask = torch.zeros(7, 9, dtype=torch.bool)
    mask[3, 4] = True
    assert int(grown(mask, 2).sum()) == 25
    assert torch.equal(grown(mask, 0), mask)


def test_a_fine_pattern_loses_less_weight_than_an_area_of_the_same_error() -> None:
    fine, area = uniform(0.05), uniform(0.05)
    fine[::4, ::4] = 0.5
    area[:6, :8] = 0.5
    assert float(fine.sum()) == pytest.approx(float(area.sum()))
    least = [float(visited(each).weights(0, LATE, *SIZE).min()) for each in (fine, area)]
    assert least[0] > least[1] + 0.2


def test_the_robust_level_lets_most_pixels_keep_their_weight() -> None:
    residual = torch.linspace(0.0, 0.2, SIZE[0] * SIZE[1]).view(SIZE)
    robust = StaticnessConfig(staticness_level="robust", staticness_smooth_px=1)
    weights = visited(residual, config=robust).weights(0, LATE, *SIZE)
    assert float((weights >= 0.7).float().mean()) == pytest.approx(0.8, abs=0.05)


def test_state_continues() -> None:
    one, other = visited(torch.rand(SIZE)), Staticness([uniform(0.3)], None, StaticnessConfig())
    other.load_state_dict(one.state_dict())
    for each in (one, other):
        each.observe(0, uniform(0.4), torch.ones(SIZE))
    assert torch.equal(one.weights(0, LATE, *SIZE), other.weights(0, LATE, *SIZE))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("staticness_prior", 0.0), ("staticness_sharpness", 1.0), ("staticness_smooth_px", 4),
        ("mask_dilation_px", -1), ("staticness_from_iter", -5),
    ],
)  # fmt: skip
def test_bad_settings_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        StaticnessConfig(**{name: value})
