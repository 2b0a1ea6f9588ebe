"""Focal lengths of pointmaps."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dynamic_predictor.alignment.focal import clipped_focal, focal_median, focal_weiszfeld
from dynamic_predictor.alignment.pointmaps import pixel_grid

HEIGHT, WIDTH = 12, 16


def pointmap(focal: float, seed: int) -> tuple[Tensor, Tensor]:
    pixels = pixel_grid(HEIGHT, WIDTH, dtype=torch.float64)
    random = torch.Generator().manual_seed(seed)
    depths = 1 + torch.rand(len(pixels), 1, generator=random, dtype=torch.float64)
    return torch.cat([pixels / focal, torch.ones_like(depths)], dim=1) * depths, pixels


@given(st.floats(5, 500), st.integers(0, 1000))
def test_the_focal_length_of_a_pinhole_is_found(focal: float, seed: int) -> None:
    points, pixels = pointmap(focal, seed)
    assert focal_weiszfeld(points, pixels).item() == pytest.approx(focal, rel=1e-9)
    assert focal_median(points, pixels).item() == pytest.approx(focal, rel=1e-9)


def test_a_tenth_of_outliers_moves_it_little_and_without_weight_not_at_all() -> None:
    points, pixels = pointmap(20.0, 0)
    points[::10, :2] *= 2.5
    weights = torch.ones(len(points), dtype=torch.float64)
    weights[::10] = 0
    assert focal_weiszfeld(points, pixels).item() == pytest.approx(20, rel=0.03)
    assert focal_weiszfeld(points, pixels, weights).item() == pytest.approx(20, rel=1e-9)


def test_a_point_without_depth_has_no_say() -> None:
    points, pixels = pointmap(20.0, 0)
    points[3], points[4] = torch.tensor([0.0, 0, 0]), torch.tensor([1.0, 1, 0])
    assert focal_weiszfeld(points, pixels).item() == pytest.approx(20, rel=1e-2)


def test_clipping() -> None:
    usual = 100 / (2 * math.tan(math.radians(30)))
    focals = torch.tensor([1.0, usual, 1e6, math.nan])
    clipped = clipped_focal(focals, (50, 100), 0.5, 3.5)
    torch.testing.assert_close(clipped, torch.tensor([0.5 * usual, usual, 3.5 * usual, usual]))


@pytest.mark.parametrize("name", ["clean", "noisy", "outlier"])
@pytest.mark.parametrize("kind", ["weiszfeld", "median"])
@pytest.mark.parametrize(
    ("dtype", "ending", "tolerance"), [("float64", "f64", 1e-9), ("float32", "f32", 1e-4)]
)
def test_published_numbers(
    golden: Path, name: str, kind: str, dtype: str, ending: str, tolerance: float
) -> None:
    numbers = np.load(golden / "das3r" / "focal_registration.npz")
    kinds = {"weiszfeld": focal_weiszfeld, "median": focal_median}
    points = torch.from_numpy(numbers[f"pm_{name}"]).reshape(-1, 3).to(getattr(torch, dtype))
    found = kinds[kind](points, pixel_grid(24, 32, center=0.0, dtype=points.dtype))
    assert found.item() == pytest.approx(float(numbers[f"focal_{name}_{kind}_{ending}"]), abs=tolerance)


def test_published_numbers_at_the_edges(golden: Path) -> None:
    numbers = np.load(golden / "das3r" / "focal_registration.npz")
    grid = pixel_grid(24, 32, center=0.0, dtype=torch.float64)
    without_depth = focal_weiszfeld(torch.from_numpy(numbers["pm_zero_depth"]).reshape(-1, 3), grid)
    assert without_depth.item() == pytest.approx(float(numbers["focal_zero_depth_weiszfeld_f64"]), abs=1e-9)
    far = torch.from_numpy(numbers["pm_clean"]).reshape(-1, 3) * torch.tensor([1.0, 1.0, 8.0])
    clipped = clipped_focal(focal_weiszfeld(far, grid), (24, 32), 0.5, 3.5)
    key = next(key for key in numbers.files if key.startswith("focal_clip"))
    assert clipped.item() == pytest.approx(float(numbers[key]), abs=1e-9)
