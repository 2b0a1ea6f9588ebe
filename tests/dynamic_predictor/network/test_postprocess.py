"""Raw channels to points and ranges: known values, laws, stored numbers."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dynamic_predictor.network.postprocess import DepthMode, RangeRule, points

FLOATS = st.floats(-20, 20)


def one(x: float, y: float, z: float, mode: DepthMode) -> torch.Tensor:
    return points(torch.tensor([x, y, z], dtype=torch.float64).reshape(1, 3, 1, 1), mode).flatten()


def test_values_by_hand() -> None:
    torch.testing.assert_close(
        one(0.3, 0.4, 0, "exp"), torch.tensor([0.3892328, 0.5189770, 0.0], dtype=torch.float64)
    )
    assert one(0, 0, 0, "exp").tolist() == [0, 0, 0]
    assert float(RangeRule().apply(torch.zeros(()))) == 2
    assert float(RangeRule("sigmoid", 0.0, 1.0).apply(torch.zeros(()))) == 0.5


@given(FLOATS, FLOATS, FLOATS)
def test_directions_stay_and_distances_are_those_of_the_mode(x: float, y: float, z: float) -> None:
    raw = torch.tensor([x, y, z], dtype=torch.float64)
    norm = float(raw.norm())
    if norm < 1e-6:
        return
    for mode, distance in (("exp", math.expm1(norm)), ("linear", norm), ("square", norm**2)):
        found = one(x, y, z, mode)
        torch.testing.assert_close(found / distance, raw / norm)


@given(FLOATS, st.floats(0, 3), st.floats(0.1, 9))
def test_values_stay_in_their_range(raw: float, low: float, extent: float) -> None:
    for mode in ("exp", "sigmoid"):
        value = float(RangeRule(mode, low, low + extent).apply(torch.tensor(raw, dtype=torch.float64)))
        assert low <= value <= low + extent + 1e-12


@pytest.mark.parametrize("mode", ["exp", "linear", "square"])
def test_points_of_the_original(golden: Path, mode: DepthMode) -> None:
    with np.load(golden / "das3r" / "postprocess.npz") as stored:
        raw = torch.from_numpy(stored["raw"])
        tolerance = 1e-12 if raw.dtype == torch.float64 else 1e-6
        np.testing.assert_allclose(
            points(raw[:, :3], mode), stored[f"pts3d_{mode}"], rtol=tolerance, atol=1e-12
        )


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("conf_exp_1_inf", RangeRule("exp", 1.0, math.inf)),
        ("conf_exp_0_inf", RangeRule("exp", 0.0, math.inf)),
        ("conf_exp_1_10", RangeRule("exp", 1.0, 10.0)),
        ("conf_sigmoid_0_1", RangeRule("sigmoid", 0.0, 1.0)),
        ("conf_sigmoid_2_5", RangeRule("sigmoid", 2.0, 5.0)),
        ("mask_of_channel3", RangeRule("sigmoid", 0.0, 1.0)),
    ],
)
def test_ranges_of_the_original(golden: Path, name: str, rule: RangeRule) -> None:
    with np.load(golden / "das3r" / "postprocess.npz") as stored:
        found = rule.apply(torch.from_numpy(stored["raw"])[:, 3])
        np.testing.assert_allclose(found.numpy(), stored[name].reshape(found.shape), rtol=1e-6)
