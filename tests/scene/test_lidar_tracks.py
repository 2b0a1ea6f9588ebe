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


def test_a_thing_is_followed_while_it_brakes_and_rests() -> None:
    times = np.arange(12) * 0.1
    along = np.concatenate([4.0 * times[:6], 2.0 + 0.2 * np.arange(1, 3), np.full(4, 2.4)])
    moves = [_shape(row, (10 + x, 3.0)) for row, x in enumerate(along)]
    nothing = np.zeros((0, 3))
    regions = [[Region(each)] if row < 6 else [] for row, each in enumerate(moves)]
    suspects = [each if row < 6 else nothing for row, each in enumerate(moves)]
    solid = [nothing if row < 6 else each for row, each in enumerate(moves)]
    followed = track_regions(regions, suspects, solid, times, _TRACKING)
    assert {each.track for found in followed for each in found} == {followed[0][0].track}
    assert [len(found) for found in followed] == [1] * 12
    speeds = [float(np.linalg.norm(found[0].velocity)) for found in followed]
    assert min(speeds[:4]) > 3
    assert max(speeds[-3:]) < 0.6


def test_a_thing_that_is_gone_is_not_followed_to_what_stands_elsewhere() -> None:
    moves = [_shape(row, (10 + 6 * t, 3.0)) for row, t in enumerate(_TIMES)]
    wall = np.stack(np.meshgrid(np.linspace(8, 16, 60), [7.0], np.linspace(0.3, 1.4, 8)), -1).reshape(-1, 3)
    regions = [[Region(each)] if row < 4 else [] for row, each in enumerate(moves)]
    suspects = [each if row < 4 else np.zeros((0, 3)) for row, each in enumerate(moves)]
    followed = track_regions(regions, suspects, [wall] * 5, _TIMES, _TRACKING)
    assert followed[4] == []


def test_noise_that_goes_nowhere_is_no_thing() -> None:
    random = np.random.default_rng(0)
    leaves = [random.uniform(0, 3, (60, 3)) for _ in _TIMES]
    regions = [[Region(each)] for each in leaves]
    followed = track_regions(regions, leaves, [np.zeros((0, 3))] * 5, _TIMES, _TRACKING)
    assert followed == [[]] * 5
