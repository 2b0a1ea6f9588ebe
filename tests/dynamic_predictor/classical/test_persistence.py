"""Votes along the paths of pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamic_predictor.classical.persistence import along_paths, between_motions
from dynamic_predictor.classical.remembered import RememberedFlow
from tests.dynamic_predictor.classical.rooms import blank, known_flow, still_flow, walk

SIZE = (12, 8)


def pan(count: int, step: float) -> RememberedFlow:
    """Everything goes to the right by whole or broken pixels a frame."""

    def flow(one: int, two: int) -> torch.Tensor:
        return torch.tensor([step * (two - one), 0.0]).expand(SIZE[1], SIZE[0], 2)

    return known_flow(blank(count, SIZE), flow)


def votes_of(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, SIZE[1], SIZE[0]), dtype=np.float32)


@settings(max_examples=20)
@given(st.floats(0, 1, width=32), st.integers(1, 6), st.floats(-3, 3))
def test_constant_votes_stay(vote: float, count: int, step: float) -> None:
    votes = np.full((count, SIZE[1], SIZE[0]), vote, np.float32)
    np.testing.assert_allclose(along_paths(votes, pan(count, step)), votes, atol=1e-5)


def test_constant_votes_stay_whatever_the_paths() -> None:
    flows = still_flow(walk(5))
    votes = np.full((5, flows.size[1], flows.size[0]), 0.7, np.float32)
    np.testing.assert_allclose(along_paths(votes, flows), votes, atol=1e-5)


def test_weights_fall_by_three_tenths_a_frame() -> None:
    votes = votes_of(5)
    weights = 0.7 ** np.abs(np.arange(5)[:, None] - np.arange(5))
    expected = np.einsum("nm,mhw->nhw", weights, votes) / weights.sum(1)[:, None, None]
    np.testing.assert_allclose(along_paths(votes, pan(5, 0.0)), expected, rtol=1e-5)


def test_votes_travel_with_the_flow() -> None:
    votes = np.zeros((3, SIZE[1], SIZE[0]), np.float32)
    votes[1, 4, 5] = 1
    travelled = along_paths(votes, pan(3, 2.0))
    for row, column in ((0, 3), (2, 7)):
        expected = 0.7 / (1 + 0.7 + 0.49)
        np.testing.assert_allclose(travelled[row, 4, column], expected, rtol=1e-5)
        assert np.count_nonzero(travelled[row]) == 1


def test_a_path_ends_where_the_flow_back_denies_it() -> None:
    flows = known_flow(blank(4, SIZE), lambda one, two: torch.full((SIZE[1], SIZE[0], 2), 3.0))
    votes = votes_of(4)
    np.testing.assert_allclose(along_paths(votes, flows), votes, rtol=1e-6)


def test_past_and_future_weigh_alike() -> None:
    votes = votes_of(4)
    forwards = along_paths(votes, pan(4, 1.0))
    backwards = along_paths(votes[::-1].copy(), pan(4, -1.0))
    np.testing.assert_allclose(backwards[::-1], forwards, rtol=1e-5)


def test_one_frame_is_left_as_it_is() -> None:
    votes = votes_of(1)
    np.testing.assert_allclose(along_paths(votes, pan(1, 0.0)), votes)


def moving_in(*rows: int, count: int) -> np.ndarray:
    moving = np.zeros((count, SIZE[1], SIZE[0]), bool)
    moving[list(rows), 4, 5] = True
    return moving


def test_a_rest_between_two_motions_is_found() -> None:
    resting = between_motions(moving_in(1, 6, count=8), pan(8, 0.0))
    assert resting[1:7, 4, 5].all()
    assert resting.sum() == 6


@pytest.mark.parametrize("row", [0, 4])
def test_motion_before_or_after_alone_is_no_rest(row: int) -> None:
    moving = moving_in(row, count=5)
    np.testing.assert_array_equal(between_motions(moving, pan(5, 0.0)), moving)


def test_a_long_rest_is_forgotten_in_its_middle() -> None:
    resting = between_motions(moving_in(0, 44, count=45), pan(45, 0.0))[:, 4, 5]
    np.testing.assert_array_equal(np.flatnonzero(resting), [0, *range(10, 35), 44])
