"""Errors of depth: sums written out, the fit against linear programming, and laws."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from evaluation.depth_metrics import DepthErrors, depth_errors, fit_scale_shift, mean

SEEDS = st.integers(0, 99)


def depths(count: int, seed: int, noise: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """A prediction in another unit, with a shift, noise and some gross outliers; and the truth."""
    random = np.random.default_rng(seed)
    truth = random.uniform(1, 20, count)
    predicted = (truth * np.exp(random.normal(0, noise, count)) - 0.4) / 3
    predicted[random.uniform(size=count) < 0.1] *= 5
    return predicted, truth


def deviation(fit: tuple[float, float], predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(fit[0] * predicted + fit[1] - truth).mean())


def fit_by_linear_programming(predicted: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Least sum of e with -e <= scale * predicted + shift - truth <= e."""
    count = len(truth)
    line = np.stack([predicted, np.ones(count)], 1)
    above = np.hstack([line, -np.eye(count)])
    below = np.hstack([-line, -np.eye(count)])
    cost = np.concatenate([[0, 0], np.ones(count)])
    bounds = [(None, None)] * 2 + [(0, None)] * count
    result = linprog(cost, np.vstack([above, below]), np.concatenate([truth, -truth]), bounds=bounds)
    return float(result.x[0]), float(result.x[1])


@pytest.mark.parametrize("count", [2, 3, 4, 7, 50, 161])
@pytest.mark.parametrize("seed", range(3))
def test_the_fit_is_the_least_of_all(count: int, seed: int) -> None:
    predicted, truth = depths(count, seed)
    if seed == 2:
        predicted, truth = predicted.round(), truth.round()  # many equal ones
    best = deviation(fit_by_linear_programming(predicted, truth), predicted, truth)
    assert deviation(fit_scale_shift(predicted, truth), predicted, truth) <= best + 1e-9


@given(st.integers(3, 60), st.floats(0.01, 50), st.floats(-20, 20), SEEDS)
def test_scale_and_shift_are_undone(count: int, scale: float, shift: float, seed: int) -> None:
    _, truth = depths(count, seed)
    errors = depth_errors((truth - shift) / scale, truth)
    assert errors is not None
    assert errors.abs_rel == pytest.approx(0, abs=1e-6)
    assert errors.delta1 == 1
    scaled = depth_errors(truth / scale, truth, "median")
    assert scaled is not None
    assert scaled.rmse == pytest.approx(0, abs=1e-9)


def test_a_third_of_outliers_does_not_move_the_fit() -> None:
    _, truth = depths(90, seed=3)
    predicted = (truth + 2) / 4
    truth[::3] += 100
    assert fit_scale_shift(predicted, truth) == pytest.approx((4, -2), abs=1e-6)


def test_sums_written_out() -> None:
    truth, ours = [1.0, 2.0, 4.0, 10.0, 3.0], [1.1, 1.5, 8.0, 9.0, 3.0]
    errors = depth_errors(np.array(ours), np.array(truth), "median")
    pairs = list(zip(ours, truth, strict=True))  # medians are equal, so nothing is scaled
    assert errors is not None
    assert errors.abs_rel == pytest.approx(sum(abs(o - t) / t for o, t in pairs) / 5)
    assert errors.sq_rel == pytest.approx(sum((o - t) ** 2 / t for o, t in pairs) / 5)
    assert errors.rmse == pytest.approx(math.sqrt(sum((o - t) ** 2 for o, t in pairs) / 5))
    assert errors.log_rmse == pytest.approx(math.sqrt(sum(math.log(o / t) ** 2 for o, t in pairs) / 5))
    assert (errors.delta1, errors.delta2, errors.delta3) == (3 / 5, 4 / 5, 4 / 5)
    assert errors.pixels == 5


def test_what_does_not_count() -> None:
    predicted = np.array([1.0, 2.0, 3.0, np.nan, 5.0, 400.0])
    truth = np.array([1.0, 2.0, 0.0, 4.0, np.inf, 70.0])
    errors = depth_errors(predicted, truth, "median", farthest=70.0)
    assert errors is not None
    assert (errors.pixels, errors.rmse) == (2, 0)
    assert errors.coverage == pytest.approx(2 / 3), "a pixel with a true depth has no predicted one"
    assert depth_errors(predicted[2:], truth[2:], farthest=70.0) is None
    near = depth_errors(np.array([1.0, 1.0, 1e6]), np.array([1.0, 1.0, 60.0]), "median", farthest=70.0)
    assert near is not None
    assert near.rmse == pytest.approx(10 / math.sqrt(3)), "fitted depths are cut at 70"


@given(SEEDS)
def test_pictures_without_depth_have_errors_that_are_numbers(seed: int) -> None:
    _, truth = depths(12, seed)
    for flat in (np.zeros(12), np.full(12, 3.0), -truth):
        for alignment in ("scale-shift", "median"):
            errors = depth_errors(flat, truth, alignment)
            assert errors is not None
            assert all(math.isfinite(value) for value in dataclasses.astuple(errors))


def test_every_pixel_counts_the_same_in_the_mean() -> None:
    few, many = (
        DepthErrors(error, 1.0, 1.0, 1.0, delta, 0.5, 1.0, pixels, coverage)
        for error, delta, pixels, coverage in ((0.4, 0.2, 100, 1.0), (0.1, 0.8, 300, 0.75))
    )
    both = mean([few, many])
    assert both.abs_rel == pytest.approx(0.175)
    assert both.delta1 == pytest.approx(0.65)
    assert both.pixels == 400
    assert both.coverage == pytest.approx(400 / 500)
