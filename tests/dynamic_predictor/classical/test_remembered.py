"""Flows that are computed once, and samples of images."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from dynamic_predictor.classical.remembered import as_array, places, sampled
from tests.dynamic_predictor.classical.rooms import blank, known_flow


def test_each_pair_is_computed_once() -> None:
    asked: list[tuple[int, int]] = []
    frames = blank(3, (4, 2))
    flows = known_flow(frames, lambda one, two: torch.full((2, 4, 2), 10.0 * one + two), asked)
    for _ in range(3):
        assert flows(frames[1], frames[2]).unique().tolist() == [12.0]
        forward, backward = flows.between(1, 2), flows.between(2, 1)
        assert forward is not None
        assert backward is not None
        assert forward.max() == 12.0
        assert backward.max() == 21.0
    assert asked == [(1, 2), (2, 1)]
    assert len(flows) == 3
    assert flows.size == (4, 2)


def test_rows_outside_of_the_clip_have_no_flow() -> None:
    asked: list[tuple[int, int]] = []
    flows = known_flow(blank(2), lambda one, two: torch.zeros(64, 96, 2), asked)
    assert flows.between(0, -1) is None
    assert flows.between(1, 2) is None
    assert asked == []


def test_what_is_remembered_is_good_to_a_thousandth() -> None:
    frames = blank(2, (50, 40))
    exact = 30 * torch.randn(40, 50, 2)
    flows = known_flow(frames, lambda one, two: exact)
    torch.testing.assert_close(flows(frames[0], frames[1]), exact, rtol=1e-3, atol=1e-6)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 3))
def test_an_image_sampled_at_its_own_pixels_is_itself(height: int, width: int, channels: int) -> None:
    shape = (height, width, channels + 1) if channels else (height, width)
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    target = places(height, width)
    assert target[0, 0].tolist() == [0, 0]
    assert target[-1, -1].tolist() == [width - 1, height - 1]
    np.testing.assert_allclose(sampled(image, target).reshape(shape), image)
    assert not sampled(image, target + np.float32([width, 0])).any()  # outside


@given(st.floats(0, 6), st.floats(0, 4))
def test_samples_of_a_ramp_are_where_they_were_asked_for(x: float, y: float) -> None:
    asked = np.array([[[x, y]]], np.float32)
    np.testing.assert_allclose(sampled(places(5, 7), asked)[0, 0], [x, y], atol=0.02)  # cv2 counts in 1/32


def test_arrays_are_shares_of_white() -> None:
    frame = torch.tensor([[[0, 51, 255]]], dtype=torch.uint8)
    np.testing.assert_allclose(as_array(frame), [[[0, 0.2, 1]]], rtol=1e-6)
