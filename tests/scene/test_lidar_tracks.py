"""Velocities of regions from the sweeps around them, and which regions are one thing."""

import numpy as np
import pytest

from scene.lidar_tracks import Region, Tracking, track_regions

_TRACKING = Tracking(top_speed_m_s=20.0, least_speed_m_s=0.5, least_frames=3)
_TIMES = np.array([0.0, 0.1, 0.25, 0.35, 0.45])  # not even: a velocity is per second, not per sweep


def _shape(seed: int, corner: tuple[float, float]) -> np.ndarray:
    """A rear and a side of a car, sampled anew in every sweep."""
    random = np.random.default_rng(seed)
    rear = np.stack([np.zeros(80), random.uniform(0, 1.8, 80), random.uniform(0.3, 1.4, 80)], axis=1)
    side = np.stack([random.uniform(0, 4, 120), np.zeros(120), random.uniform(0.3, 1.4, 120)], axis=1)
    return np.concatenate([rear, side]) + np.array([*corner, 0.0])


@pytest.mark.parametrize("velocity", [(7.0, 0.0), (-3.0, 12.0), (0.0, -1.4)])
def test_velocity_of_a_thing_among_others(velocity: tuple[float, float]) -> None:
    moves = [_shape(row, (10 + velocity[0] * t, 3 + velocity[1] * t)) for row, t in enumerate(_TIMES)]
    stands = [_shape(row + 10, (30.0, -6.0)) for row in range(len(_TIMES))]
    regions = [[Region(a), Region(b)] for a, b in zip(moves, stands, strict=True)]
    suspects = [np.concatenate(each) for each in zip(moves, stands, strict=True)]
    followed = track_regions(regions, suspects, [np.zeros((0, 3))] * 5, _TIMES, _TRACKING)
    assert [len(each) for each in followed] == [1] * 5
    assert len({each[0].track for each in followed}) == 1
    errors = [np.linalg.norm(each[0].velocity - velocity) for each in followed]
    assert np.median(errors) < 0.4


def test_a_thing_is_followed_to_where_nothing_speaks_of_its_motion() -> None:
    moves = [_shape(row, (10 - 8 * t, 3.0)) for row, t in enumerate(_TIMES)]
    regions = [[], *([Region(each)] for each in moves[1:])]
    solid = [moves[0], *[np.zeros((0, 3))] * 4]
    suspects = [np.zeros((0, 3)), *moves[1:]]
    followed = track_regions(regions, suspects, solid, _TIMES, _TRACKING)
    assert followed[0][0].track == followed[1][0].track
    assert len(followed[0][0].xyz) > 150


def test_noise_that_goes_nowhere_is_no_thing() -> None:
    random = np.random.default_rng(0)
    leaves = [random.uniform(0, 3, (60, 3)) for _ in _TIMES]
    regions = [[Region(each)] for each in leaves]
    followed = track_regions(regions, leaves, [np.zeros((0, 3))] * 5, _TIMES, _TRACKING)
    assert followed == [[]] * 5
