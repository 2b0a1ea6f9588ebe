"""Cameras stand in the open, upright, and aim at the place."""

import numpy as np
import pytest

from data.synthetic.market_square import CENTER
from data.synthetic.parts import Shape
from data.synthetic.paths import around_the_fountain, watching_the_street
from data.synthetic.world import Snapshot
from tests.data.synthetic.squares import square
from tests.data.synthetic.test_intersections import excess


def clearance(snapshot: Snapshot, point: np.ndarray) -> float:
    """The least distance in metres to parts' boxes; where a box holds the point, its part's shape counts."""
    local = (
        np.einsum("pij,j->pi", snapshot.part_from_world[:, :3, :3], point)
        + snapshot.part_from_world[:, :3, 3]
    )
    outside = np.maximum(np.abs(local) - snapshot.half_extents, 0)
    distance = np.linalg.norm(outside, axis=1)
    for part in np.flatnonzero(distance == 0):
        size = tuple(snapshot.sizes[part].astype(float))
        distance[part] = excess(Shape(int(snapshot.shapes[part])), size, local[part : part + 1])[0]
    return float(distance.min())


@pytest.mark.parametrize("seed", range(3))
def test_photographers_touch_nothing(seed: int) -> None:
    snapshot = square(seed).at(0.0)
    for c2w in around_the_fountain(60, seed):
        assert clearance(snapshot, c2w[:3, 3]) > 0.15


@pytest.mark.parametrize("seed", range(2))
def test_camera_operators_are_run_over_by_nothing(seed: int) -> None:
    world = square(seed, traffic=True)
    times = np.arange(0, 16, 0.8)
    for time, c2w in zip(times.tolist(), watching_the_street(times, seed), strict=True):
        assert clearance(world.at(time), c2w[:3, 3]) > 0.15


def test_poses_are_upright_and_aim_at_the_middle() -> None:
    poses = around_the_fountain(40, 0)
    np.testing.assert_allclose(np.linalg.det(poses[:, :3, :3]), 1)
    assert (poses[:, 2, 1] < -0.9).all()  # the image's down is the world's down
    toward = np.array([*CENTER, 1.0]) - poses[:, :3, 3]
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    assert ((toward * poses[:, :3, 2]).sum(1) > 0.95).all()


@pytest.mark.parametrize("frames", [1, 4, 50, 120])
def test_neighbours_are_near(frames: int) -> None:
    poses = around_the_fountain(frames, 2)
    steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    assert len(poses) == frames
    assert (steps < 1.9).all()


def test_the_walk_rises_and_falls_and_closes() -> None:
    poses = around_the_fountain(200, 1)
    steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0, append=poses[:1, :3, 3]), axis=1)
    assert steps.max() < 0.6
    assert np.ptp(poses[:, 2, 3]) > 0.6


def test_video_poses_depend_on_time_not_on_the_number_of_frames() -> None:
    times = np.arange(20) / 24
    np.testing.assert_array_equal(watching_the_street(times, 3)[:5], watching_the_street(times[:5], 3))
    assert not np.allclose(watching_the_street(times, 3), watching_the_street(times, 4))
