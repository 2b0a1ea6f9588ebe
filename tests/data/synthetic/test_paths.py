"""Cameras stand in the open, upright, and aim at the place."""

import numpy as np
import pytest

from data.synthetic.market_square import CENTER
from data.synthetic.parts import Shape
from data.synthetic.paths import CameraMotion, along_a_site, around_the_fountain
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


@pytest.mark.parametrize("seed", range(3))
def test_camera_operators_are_run_over_by_nothing(seed: int) -> None:
    world = square(seed, traffic=True)
    times = np.arange(0, 12, 0.6)
    for time, c2w in zip(times.tolist(), along_a_site(times, seed), strict=True):
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
    np.testing.assert_array_equal(along_a_site(times, 3)[:5], along_a_site(times[:5], 3))
    assert not np.allclose(along_a_site(times, 3), along_a_site(times, 4))


def turned_deg(poses: np.ndarray) -> np.ndarray:
    """Angles between the first and all viewing directions."""
    return np.degrees(np.arccos(np.clip(poses[:, :3, 2] @ poses[0, :3, 2], -1, 1)))


@pytest.mark.parametrize("seed", range(12))
def test_a_walk_has_parallax(seed: int) -> None:
    """In 40 frames a camera covers a tenth of the distance to what it looks at, and never leaps."""
    poses = along_a_site(np.arange(40) / 24, seed)
    steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    assert 0.7 < steps.sum() < 2.5
    assert steps.max() < 0.06
    assert turned_deg(poses).max() < 40


def test_seeds_walk_in_different_ways() -> None:
    """Some go ahead, some aside: the share of a path along the viewing direction tells which."""
    shares = []
    for seed in range(12):
        poses = along_a_site(np.arange(25) / 24, seed)
        way = poses[-1, :3, 3] - poses[0, :3, 3]
        shares.append(abs(way @ poses[0, :3, 2]) / np.linalg.norm(way))
    assert min(shares) < 0.3
    assert max(shares) > 0.9


@pytest.mark.parametrize(("camera", "turns"), [("rotate", True), ("static", False)])
def test_cameras_that_stay_where_they_are(camera: CameraMotion, turns: bool) -> None:
    for seed in range(4):
        poses = along_a_site(np.arange(40) / 24, seed, camera)
        assert np.ptp(poses[:, :3, 3], axis=0).max() == 0
        assert (turned_deg(poses).max() > 4) == turns
        if not turns:
            assert (poses == poses[0]).all()
