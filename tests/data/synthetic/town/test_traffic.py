"""Vehicles keep apart, brake and turn as vehicles do; people stay on sidewalks."""

import numpy as np
import pytest

from data.synthetic.town.lots import sides_of
from data.synthetic.town.routes import Turn
from data.synthetic.town.streets import SIDEWALK_M, Streets, make_streets
from data.synthetic.town.traffic import DT_S, Drives, drive, park
from data.synthetic.town.walkers import walk


@pytest.fixture(scope="module")
def streets() -> Streets:
    return make_streets(np.random.default_rng(0))


@pytest.fixture(scope="module")
def drives(streets: Streets) -> Drives:
    return drive(streets, 40, 250, np.random.default_rng(1), Turn.LEFT)


def test_nobody_is_driven_into(drives: Drives) -> None:
    """Oncoming lanes are 3.5 m apart; nearer than that no two middles ever come."""
    apart = np.linalg.norm(drives.xy[:, :, None] - drives.xy[:, None], axis=-1)
    apart += 1e3 * np.eye(apart.shape[1])
    assert apart.min() > 3.3


def test_speeds_and_turns_are_those_of_vehicles(drives: Drives) -> None:
    speed = np.linalg.norm(np.diff(drives.xy, axis=0), axis=-1) / DT_S
    rate = np.abs(np.diff(np.unwrap(drives.yaw, axis=0), axis=0)) / DT_S
    assert speed.max() < 8.3
    assert 0.2 < np.median(rate[rate > 0.1]) < 0.6
    assert rate.max() < 0.65
    assert np.abs(np.diff(speed, axis=0)).max() / DT_S < 9
    assert (speed < 0.01).mean() > 0.1, "some wait"
    assert (speed > 2).mean() > 0.3, "most drive"


def test_vehicles_look_where_they_go(drives: Drives) -> None:
    steps = np.diff(drives.xy, axis=0)
    moving = np.linalg.norm(steps, axis=-1) > 0.1
    heading = np.stack([np.cos(drives.yaw), np.sin(drives.yaw)], axis=-1)[:-1]
    along = (steps * heading).sum(-1)[moving] / np.linalg.norm(steps, axis=-1)[moving]
    assert along.min() > 0.98


def test_the_recording_vehicle_does_all_four_things(streets: Streets) -> None:
    """Shares of windows of 16 frames, over several drives."""
    shares = np.zeros(4)
    for seed in range(12):
        first = Turn.LEFT if seed % 2 else Turn.RIGHT
        drives = drive(streets, 8, 120, np.random.default_rng(seed), first)
        yaw = np.unwrap(drives.yaw[:, 0])
        for start in range(len(yaw) - 15):
            turned = yaw[start + 15] - yaw[start]
            moved = np.linalg.norm(drives.xy[start + 15, 0] - drives.xy[start, 0])
            shares[2 if turned > 0.11 else 3 if turned < -0.11 else int(moved > 0.45)] += 1
    shares /= shares.sum()
    assert shares.min() > 0.12
    assert shares.max() < 0.5


def test_people_stay_on_sidewalks(streets: Streets) -> None:
    places = walk(streets, 20, 100, np.random.default_rng(3))
    sides = sides_of(streets)
    for person in range(20):
        inside = []
        for side in sides:
            along = (places[:, person] - side.start) @ side.along
            across = (places[:, person] - side.start) @ side.outward
            inside.append(
                ((along >= -1e-9) & (along <= side.length_m + 1e-9) & (across > 0)).all()
                and (across < SIDEWALK_M).all()
            )
        assert any(inside)
    steps = np.linalg.norm(np.diff(places, axis=0), axis=-1) / DT_S
    assert 0.5 < steps[steps > 0].max() <= 1.7 + 1e-6


def test_parked_cars_stand_beside_the_lanes(streets: Streets) -> None:
    cars = park(streets, np.random.default_rng(0), share=1.0)
    assert len(cars) > 20
    assert len(park(streets, np.random.default_rng(0), share=0.0)) == 0
    drives = drive(streets, 20, 100, np.random.default_rng(5), Turn.RIGHT)
    gap = np.linalg.norm(drives.xy[:, :, None] - cars[:, :2], axis=-1)
    assert gap.min() > 1.9
