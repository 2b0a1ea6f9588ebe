"""Homographies from flow, and what stands out from them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamic_predictor.classical.coarse_motion import coarse_masks, fit_homography, homography_residual
from dynamic_predictor.classical.remembered import places
from tests.dynamic_predictor.classical.rooms import (
    HEIGHT,
    WIDTH,
    blank,
    cameras_at,
    disc,
    known_flow,
    still_flow,
    turns_on_the_spot,
)

small = st.floats(-0.1, 0.1)


def flow_of(homography: np.ndarray) -> np.ndarray:
    start = places(HEIGHT, WIDTH)
    there = np.concatenate([start, np.ones((HEIGHT, WIDTH, 1))], axis=-1) @ homography.T
    return (there[..., :2] / there[..., 2:] - start).astype(np.float32)


@settings(max_examples=15)
@given(small, small, st.floats(-10, 10), st.floats(-1e-3, 1e-3))
def test_a_homography_s_flow_gives_it_back(stretch: float, shear: float, step: float, tilt: float) -> None:
    homography = np.array([[1 + stretch, shear, step], [-shear, 1, -step], [tilt, -tilt, 1]])
    flow = flow_of(homography)
    found = fit_homography(flow)
    np.testing.assert_allclose(found / found[2, 2], homography, atol=2e-3, rtol=1e-3)
    assert homography_residual(flow).max() < 0.05


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_what_does_not_follow_does_not_disturb(share: float) -> None:
    homography = np.array([[1.02, 0.01, 3.0], [-0.01, 0.98, -1.0], [1e-4, 0, 1]])
    flow = flow_of(homography)
    columns = int(share * WIDTH)
    flow[:, :columns] += (0, 7)
    residual = homography_residual(flow)
    np.testing.assert_allclose(residual[:, :columns], 7, atol=0.1)
    assert residual[:, columns:].max() < 0.1


def test_a_thing_before_a_turning_camera_stands_out() -> None:
    still, thing = still_flow(turns_on_the_spot(5)), disc((40, 30), 8)

    def flow(one: int, two: int) -> torch.Tensor:
        exact = still.between(one, two)
        assert exact is not None
        return torch.from_numpy(exact) + 3.0 * (two - one) * thing[..., None]

    masks = coarse_masks(known_flow(blank(5), flow))
    assert len(masks) == 5
    for mask in masks:
        assert mask[thing.numpy()].all()
        assert not mask[~disc((40, 30), 13).numpy()].any()


def test_where_nothing_moves_nothing_stands_out() -> None:
    for cameras in (turns_on_the_spot(3), cameras_at([(0.0, 0.0, 0.0)] * 3)):
        assert not np.any(coarse_masks(still_flow(cameras)))


def test_one_frame_alone_shows_no_motion() -> None:
    (mask,) = coarse_masks(still_flow(cameras_at([(0.0, 0.0, 0.0)])))
    assert mask.shape == (HEIGHT, WIDTH)
    assert not mask.any()
