"""The ground under sweeps, and places that rays went through."""

import numpy as np
import pytest
import torch

from scene.lidar_space import Ground, range_images, seen_through
from tests.scene.street_scenes import GROUND, LIDAR, MOVING, cast_rays, moving_center


@pytest.fixture(scope="module")
def sweep() -> tuple[np.ndarray, np.ndarray]:
    xyz, what = cast_rays(moving_center(0.0))
    return xyz.numpy(), what.numpy()


def test_heights_over_a_slope_with_a_car_and_a_mirrored_return() -> None:
    x, y = (each.reshape(-1) for each in np.meshgrid(np.arange(0, 30, 0.1), np.arange(0, 20, 0.1)))
    road = np.stack([x, y, 0.05 * x], axis=1).astype(np.float32)
    on_roof = (x > 10) & (x < 14) & (y > 8) & (y < 10)
    road[on_roof, 2] += 1.5
    ghosts = np.tile(np.array([[20.2, 5.2, -4.0]], np.float32), (20, 1))
    heights = Ground.of([road, ghosts]).above(road)
    assert np.abs(heights[~on_roof]).max() < 0.15
    assert heights[on_roof].min() > 1.2


def test_nothing_is_known_of_the_ground_where_no_return_is() -> None:
    far = np.array([[500.0, 0.0, 0.0]], np.float32)
    assert np.isneginf(Ground.of([np.zeros((4, 3), np.float32)]).above(far)).all()
    assert np.isneginf(Ground.of([]).above(far)).all()


def test_places_before_at_and_behind_what_a_sweep_saw(sweep: tuple[np.ndarray, np.ndarray]) -> None:
    xyz, what = sweep
    origins = np.tile(LIDAR.numpy(), (len(xyz), 1))
    images = range_images(xyz, origins, what != GROUND)
    car = xyz[what == MOVING]
    inner = car[(np.abs(car[:, 0] - 8) < 1.5) & (np.abs(car[:, 2] - 0.75) < 0.4)]
    assert len(inner) > 50
    eye = LIDAR.numpy()
    for factor, expected in ((0.8, (True, False)), (1.0, (False, True)), (1.3, (False, False))):
        free, taken = seen_through(images, eye + factor * (inner - eye), 0.3, 0.01)
        assert (free.mean() > 0.9, taken.mean() > 0.9) == expected
        assert not (free & taken).any()


def test_a_sweep_never_sees_through_its_own_returns(sweep: tuple[np.ndarray, np.ndarray]) -> None:
    xyz, what = sweep
    standing = what != GROUND
    images = range_images(xyz, np.tile(LIDAR.numpy(), (len(xyz), 1)), standing)
    free, _ = seen_through(images, xyz[standing], 0.3, 0.01)
    assert not free.any()


def test_lidars_are_told_apart_and_the_way_of_the_car_is_not_another_lidar() -> None:
    turn = np.linspace(0, 2 * np.pi, 2880, endpoint=False)
    rays = np.stack([10 * np.cos(turn), 10 * np.sin(turn), np.full_like(turn, 0.5)], axis=1)
    roof = np.stack([turn / np.pi, 0 * turn, 0 * turn + 2], axis=1)  # 2 m on the way of one turn
    bumper = roof + np.array([4.0, 0.0, -1.5])
    xyz, origins = np.concatenate([roof + rays, bumper + rays]), np.concatenate([roof, bumper])
    images = range_images(xyz, origins, np.ones(len(xyz), bool))
    assert len(images) == 2
    ranges, nearest, farthest = images[0].look(roof + 0.5 * rays)
    assert torch.from_numpy(np.abs(ranges - np.hypot(5, 0.25))).quantile(0.95) < 0.1
    assert np.abs(nearest - np.hypot(10, 0.5)).max() < 1e-4
    assert np.abs(farthest - np.hypot(10, 0.5)).max() < 1e-4
