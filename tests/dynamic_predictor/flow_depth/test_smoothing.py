"""Edge-aware smoothing: laws of the weighted least squares."""

import numpy as np
import pytest

from dynamic_predictor.flow_depth.smoothing import smooth

FLAT = np.full((9, 14, 3), 90, np.uint8)


def test_a_constant_stays_and_fills_every_hole() -> None:
    random = np.random.default_rng(0)
    weights = (random.random((9, 14)) < 0.1) * random.random((9, 14))
    guide = random.integers(0, 256, (9, 14, 3), dtype=np.uint8)
    values, support = smooth(np.where(weights > 0, 3.0, -99.0), weights, guide, 100.0)
    np.testing.assert_allclose(values[support > 1e-9], 3.0)
    np.testing.assert_allclose(support.sum(), weights.sum())


def test_values_stay_in_range_and_no_smoothness_changes_nothing() -> None:
    random = np.random.default_rng(1)
    noisy, weights = random.random((9, 14)), 0.1 + random.random((9, 14))
    values, _ = smooth(noisy, weights, FLAT, 50.0)
    assert noisy.min() < values.min() <= values.max() < noisy.max()
    assert values.std() < 0.3 * noisy.std()
    same, support = smooth(noisy, weights, FLAT, 0.0)
    np.testing.assert_allclose(same, noisy)
    np.testing.assert_allclose(support, weights)


def test_nothing_crosses_a_strong_edge() -> None:
    guide, truth = FLAT.copy(), np.zeros((9, 14))
    guide[:, 7:] = 250
    truth[:, 7:] = 1.0
    weights = np.zeros((9, 14))
    weights[4, 2] = weights[4, 11] = 1.0
    values, support = smooth(truth, weights, guide, 1000.0)
    assert support.min() > 1e-4
    np.testing.assert_allclose(values, truth, atol=1e-6)


@pytest.mark.parametrize("smoothness", [0.5, 20.0])
def test_a_row_is_the_solution_of_its_dense_system(smoothness: float) -> None:
    random = np.random.default_rng(2)
    values, guide = random.random((1, 12)), random.integers(0, 30, (1, 12, 3), dtype=np.uint8)
    ties = np.exp(-np.linalg.norm(np.diff(guide[0].astype(float), axis=0), axis=1) / 6.0)
    expected = values[0]
    for strength in 1.5 * smoothness * 4.0 ** np.array([2, 1, 0]) / 63:
        laplacian = np.zeros((12, 12))
        for left, tie in enumerate(strength * ties):
            laplacian[left : left + 2, left : left + 2] += tie * np.array([[1, -1], [-1, 1]])
        expected = np.linalg.solve(np.eye(12) + laplacian, expected)
    found, _ = smooth(values, np.ones((1, 12)), guide, smoothness)
    np.testing.assert_allclose(found[0], expected)


def test_rows_and_columns_are_alike() -> None:
    values, guide = np.zeros((13, 13)), np.full((13, 13, 3), 7, np.uint8)
    values[6, 6] = 1.0
    found, _ = smooth(values, np.ones((13, 13)), guide, 3.0)
    np.testing.assert_allclose(found, found.T, atol=1e-12)
