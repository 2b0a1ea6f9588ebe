"""Depths of all pixels from cameras that are known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from dynamic_predictor.alignment import full_depths
from dynamic_predictor.alignment.full_depths import along_rays, fit_depths
from tests.dynamic_predictor.alignment.scenes import truth, wall


def test_exact_pairs_give_exact_depths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_depths, "_VALUES", 100)  # several blocks of pixels
    scene = wall(4)
    variables = truth(scene)
    found = fit_depths(scene.pairs, scene.c2w, variables.focals, variables.pair_transforms(normalised=False))
    torch.testing.assert_close(found, scene.depths, rtol=1e-6, atol=0)


@given(st.integers(0, 500))
def test_each_depth_has_the_least_sum_of_distances(seed: int) -> None:
    random = np.random.default_rng(seed)
    ray = np.append(random.normal(size=2), 1.0)
    points = 4 * ray + random.normal(0, 0.5, (5, 3))
    weights = random.uniform(0.1, 2, 5)

    def cost(depth: float) -> float:
        return float((weights * np.linalg.norm(depth * ray - points, axis=1)).sum())

    best = minimize_scalar(cost, bounds=(0, 10), method="bounded")
    found = along_rays(
        torch.from_numpy(ray)[None], torch.from_numpy(points)[:, None], torch.from_numpy(weights)[:, None], 60
    )
    assert cost(found.item()) == pytest.approx(best.fun, rel=1e-4)


def test_squares_are_met_by_the_mean() -> None:
    rays = torch.tensor([[0.0, 0.0, 1.0]])
    points = torch.tensor([[[0.3, 0, 2.0]], [[0, 0, 5.0]]])
    assert along_rays(rays, points, torch.tensor([[1.0], [3.0]]), 1).item() == pytest.approx(4.25)


def test_without_weight_all_points_count_and_behind_the_camera_there_is_nothing() -> None:
    rays = torch.tensor([[0.0, 0.0, 1.0]])
    points = torch.tensor([[[0.0, 0, 2.0]], [[0, 0, 4.0]]])
    assert along_rays(rays, points, torch.zeros(2, 1), 1).item() == pytest.approx(3)
    assert along_rays(rays, -points, torch.ones(2, 1)).item() == 0
