"""Loops close, things keep their shape, wheels do not slip."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.synthetic.motions import (
    bobbing,
    circle,
    one_stop,
    paced,
    rolling_ball,
    rounded_loop,
    steady,
    stop_and_go,
    swing,
    there_and_back,
    travel,
    turning_wheel,
)
from tests.data.synthetic.squares import square

SQUARE = rounded_loop([(10.0, 0.0), (10.0, 6.0), (0.0, 6.0), (0.0, 0.0)], 1.0)


def test_rounded_loop_has_the_length_of_its_sides_and_arcs() -> None:
    assert SQUARE.lengths[-1] == pytest.approx(2 * (8 + 4) + 2 * np.pi, rel=1e-3)
    assert circle((1.0, 2.0), 3.0).lengths[-1] == pytest.approx(6 * np.pi, rel=1e-3)


@given(distance=st.floats(-50, 50))
def test_a_round_more_changes_nothing(distance: float) -> None:
    here, there = SQUARE.at(distance), SQUARE.at(distance + SQUARE.lengths[-1])
    np.testing.assert_allclose(here, there, atol=1e-6)


@given(distance=st.floats(0, 50))
def test_heading_is_the_direction_of_travel(distance: float) -> None:
    x, y, heading = SQUARE.at(distance)
    ahead = SQUARE.at(distance + 0.01)
    course = np.degrees(np.arctan2(ahead[1] - y, ahead[0] - x))
    assert abs((course - heading + 180) % 360 - 180) < 6


@given(time=st.floats(0, 30))
def test_every_body_stays_rigid(time: float) -> None:
    poses = square(0, traffic=True).poses(time)
    rotations = poses[:, :3, :3]
    np.testing.assert_allclose(
        rotations @ rotations.swapaxes(1, 2), np.tile(np.eye(3), (len(poses), 1, 1)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1)


def test_wheels_do_not_slip() -> None:
    """On the straight the point of a wheel that touches the ground rests."""
    radius, speed, step = 0.3, 5.0, 1e-5
    car = travel(SQUARE, speed, start_m=4.0)
    wheel = turning_wheel((0.7, 1.0, radius), radius, speed)
    transform = car(0.2) @ wheel(0.2)
    touching = np.linalg.inv(transform) @ np.append(transform[:2, 3], [0.0, 1.0])
    velocity = ((car(0.2 + step) @ wheel(0.2 + step) - transform) @ touching) / step
    np.testing.assert_allclose(velocity[:3], 0, atol=2e-3)


def test_a_ball_does_not_slip() -> None:
    radius, step = 0.2, 1e-5
    ball = rolling_ball(SQUARE, radius, 2.0, start_m=4.0)
    transform = ball(0.1)
    touching = np.linalg.inv(transform) @ np.append(transform[:2, 3], [0.0, 1.0])
    np.testing.assert_allclose(((ball(0.1 + step) - transform) @ touching / step)[:3], 0, atol=2e-3)


def test_a_limb_swings_forward_about_its_joint() -> None:
    """Forward is -y; the joint itself stays."""
    thigh = swing((0.1, 0.0, 0.9), 30, 2.0)
    foot = np.array([0.0, 0.0, -0.4, 1.0])
    assert (thigh(0.5) @ foot)[1] == pytest.approx(-0.4 * np.sin(np.radians(30)))
    assert (thigh(1.5) @ foot)[1] == pytest.approx(0.4 * np.sin(np.radians(30)))
    np.testing.assert_allclose(thigh(0.7)[:3, 3], (0.1, 0.0, 0.9))


def test_bobbing_only_lifts() -> None:
    base = travel(SQUARE, 1.0)
    change = bobbing(base, 0.05, 0.8)(0.3) - base(0.3)
    assert change[2, 3] == pytest.approx(0.05 * np.cos(2 * np.pi * 0.3 / 0.8))
    change[2, 3] = 0
    np.testing.assert_allclose(change, 0, atol=1e-12)


@given(
    times=st.tuples(st.floats(0, 20), st.floats(0, 20)),
    go=st.floats(0.4, 2.0),
    stand=st.floats(0.1, 2.0),
    start=st.floats(0, 1),
)
def test_a_pace_never_turns_back_nor_hurries(
    times: tuple[float, float], go: float, stand: float, start: float
) -> None:
    pace, (earlier, later) = stop_and_go(go, stand, start), sorted(times)
    assert -1e-9 <= pace(later) - pace(earlier) <= later - earlier + 1e-9


@given(go=st.floats(0.4, 2.0), stand=st.floats(0.1, 2.0), rounds=st.integers(0, 5))
def test_stop_and_go_stands_and_then_goes(go: float, stand: float, rounds: int) -> None:
    """It stands from the end of each way to the beginning of the next, and each way is the same."""
    pace, begin = stop_and_go(go, stand), rounds * (go + stand)
    assert pace(begin + go + 0.01 * stand) == pytest.approx(pace(begin + go + 0.99 * stand))
    assert pace(begin + go + stand) - pace(begin) == pytest.approx(go - 0.15, abs=1e-3)
    assert pace(begin + go / 2 + 0.02) - pace(begin + go / 2 - 0.02) == pytest.approx(0.04, abs=1e-3)


def test_a_paced_motion_is_where_its_pace_says() -> None:
    motion, pace = travel(SQUARE, 1.0), stop_and_go(0.7, 0.5, 0.1)
    np.testing.assert_array_equal(paced(motion, pace)(1.3), motion(pace(1.3)))
    np.testing.assert_array_equal(paced(motion, steady)(1.3), motion(1.3))


@given(brake=st.floats(0, 3), stand=st.floats(0.01, 3), ramp=st.floats(0.05, 2))
def test_one_stop_takes_the_time_that_it_stands_and_half_of_both_ramps(
    brake: float, stand: float, ramp: float
) -> None:
    pace, times = one_stop(brake, stand, ramp), np.linspace(-1, 12, 600)
    passed = np.array([pace(time) for time in times.tolist()])
    speeds = np.diff(passed) / np.diff(times)
    assert -1e-9 < speeds.min() <= speeds.max() < 1 + 1e-9
    assert np.abs(np.diff(speeds)).max() < (times[1] - times[0]) / ramp + 1e-9
    assert pace(brake) == brake
    assert pace(brake + ramp) == pytest.approx(pace(brake + ramp + stand))
    assert pace(20.0) == pytest.approx(20.0 - stand - ramp)


def test_there_and_back_comes_home() -> None:
    line = there_and_back(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]))
    for distance, x, heading in ((0.5, 0.5, 0.0), (1.7, 1.7, 0.0), (2.5, 1.5, 180.0), (4.5, 0.5, 0.0)):
        assert line.at(distance) == pytest.approx((x, 0.0, heading))
