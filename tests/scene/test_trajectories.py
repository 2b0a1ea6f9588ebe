"""Laws of camera paths: they stay rigid, they close, they meet their keys, they look where they should."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.errors import UserError
from scene.cameras import Cameras
from scene.trajectories import PathName, PoseCurve, focus_point, novel_path, orbit, spiral, spline

Sample = tuple[Cameras, np.ndarray, np.ndarray]
"""Cameras around a target in a world turned at random; the target; the world's up direction."""


def looking_at(
    centers: np.ndarray, target: np.ndarray, up: np.ndarray, sizes: list[tuple[int, int]]
) -> Cameras:
    """Cameras built one by one from the definition of OpenCV axes."""
    viewmats, Ks = [], []
    for center, (width, height) in zip(centers, sizes, strict=True):
        z = (target - center) / np.linalg.norm(target - center)
        y = -(up - (up @ z) * z)
        y /= np.linalg.norm(y)
        viewmat = np.eye(4)
        viewmat[:3, :3] = np.stack([np.cross(y, z), y, z])
        viewmat[:3, 3] = -viewmat[:3, :3] @ center
        viewmats.append(viewmat)
        Ks.append([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]])
    return Cameras(
        torch.tensor(np.array(viewmats)),
        torch.tensor(Ks, dtype=torch.float64),
        torch.tensor([width for width, _ in sizes]),
        torch.tensor([height for _, height in sizes]),
    )


@st.composite
def captures(draw: st.DrawFn, arc: float = 2 * np.pi) -> Sample:
    generator = np.random.default_rng(draw(st.integers(0, 2**31)))
    count = draw(st.integers(8, 30))
    angle = np.linspace(0, arc, count, endpoint=False)
    local = np.stack([np.cos(angle), np.sin(angle), np.full(count, 0.3)], 1) * generator.uniform(
        2, 3, (count, 1)
    )
    world = Rotation.random(rng=generator).as_matrix()
    target = generator.normal(size=3) * 5
    sizes = [(64, 48)] * (count - 2) + [(30, 40)] * 2
    return looking_at(local @ world.T + target, target, world[:, 2], sizes), target, world[:, 2]


def steps(path: Cameras) -> np.ndarray:
    """Distances between successive centres, the last to the first included."""
    centers = path.centers.numpy()
    return np.linalg.norm(np.roll(centers, -1, axis=0) - centers, axis=1)


@given(captures(), st.sampled_from(["orbit", "spline", "spiral"]), st.integers(1, 40))
def test_every_path_is_rigid_and_of_one_size(capture: Sample, name: PathName, frames: int) -> None:
    path = novel_path(name, capture[0], frames)
    assert len(path) == frames
    assert path.size == (64, 48)
    rotation = path.viewmats[:, :3, :3]
    identity = torch.eye(3, dtype=torch.float64).expand_as(rotation)
    assert torch.allclose(rotation @ rotation.transpose(1, 2), identity, atol=1e-9)
    assert torch.allclose(torch.linalg.det(rotation), torch.ones(frames, dtype=torch.float64))
    assert path.viewmats[:, 3].tolist() == [[0, 0, 0, 1]] * frames


@given(captures())
def test_focus_is_where_the_optical_axes_meet(capture: Sample) -> None:
    focus = focus_point(capture[0])
    assert focus is not None
    np.testing.assert_allclose(focus, capture[1], atol=1e-6)


@given(captures(), st.integers(12, 60))
def test_orbit_is_a_closed_circle_that_looks_at_the_focus(capture: Sample, frames: int) -> None:
    cameras, target, up = capture
    path = orbit(cameras, frames)
    np.testing.assert_allclose(steps(path), steps(path)[0], rtol=1e-6)  # the closing step too
    offsets = target - path.centers.numpy()
    distances = np.linalg.norm(offsets, axis=1)
    np.testing.assert_allclose(distances, distances[0], rtol=1e-6)
    np.testing.assert_allclose(path.c2w[:, :3, 2].numpy(), offsets / distances[:, None], atol=1e-6)
    assert (-(path.c2w[:, :3, 1].numpy() @ up) > 0.5).all(), "the world stands on its head"


@given(captures(arc=np.pi / 2), st.integers(12, 60))
def test_orbit_stays_on_the_side_that_was_captured(capture: Sample, frames: int) -> None:
    cameras, target, _ = capture
    path = orbit(cameras, frames)
    toward_captured = cameras.centers.mean(0).numpy() - target
    assert ((path.centers.numpy() - target) @ toward_captured > 0).all()
    assert steps(path)[-1] <= 1.01 * steps(path)[:-1].max(), "the swing jumps where it should close"


@given(captures(), st.integers(1, 8))
def test_orbit_moves_with_the_world(capture: Sample, seed: int) -> None:
    cameras, _, _ = capture
    moved_from_world = np.eye(4)
    moved_from_world[:3, :3] = Rotation.random(rng=seed).as_matrix()
    moved_from_world[:3, 3] = [1, -2, 3]
    inverse = torch.tensor(np.linalg.inv(moved_from_world))
    moved = Cameras(cameras.viewmats @ inverse, cameras.Ks, cameras.width, cameras.height)
    here, there = orbit(cameras, 9), orbit(moved, 9)
    # Where on the circle the path begins is free, so circles are compared: centre, radius and axis.
    homogeneous = (
        torch.cat([here.centers, torch.ones(9, 1, dtype=torch.float64)], 1) @ torch.tensor(moved_from_world).T
    )
    assert torch.allclose(homogeneous[:, :3].mean(0), there.centers.mean(0), atol=1e-6)
    np.testing.assert_allclose(steps(here), steps(there), rtol=1e-6)


@given(captures())
def test_curve_passes_through_its_keys(capture: Sample) -> None:
    c2w = capture[0].c2w.numpy()
    curve = PoseCurve.through(c2w)
    np.testing.assert_allclose(curve(curve.times), c2w, atol=1e-8)


@given(captures())
def test_spline_starts_and_ends_at_the_capture_and_does_not_jump(capture: Sample) -> None:
    cameras = capture[0]
    path = spline(cameras, 300)
    assert torch.allclose(path.viewmats[[0, -1]], cameras.viewmats[[0, -1]], atol=1e-8)
    assert steps(path)[:-1].max() < 4 * np.median(steps(path)[:-1])


def test_spline_takes_the_same_pose_twice() -> None:
    cameras = looking_at(
        np.array([[2.0, 0, 0], [2, 0, 0], [0, 2, 0]]), np.zeros(3), np.array([0.0, 0, 1]), [(8, 6)] * 3
    )
    assert torch.isfinite(spline(cameras, 50).viewmats).all()


@given(captures())
def test_spiral_closes_and_keeps_looking_at_the_focus(capture: Sample) -> None:
    cameras, target, _ = capture
    path = spiral(cameras, 120)
    assert steps(path)[-1] <= 1.01 * steps(path)[:-1].max()
    offsets = target - path.centers.numpy()
    ahead = np.einsum("ni,ni->n", offsets, path.c2w[:, :3, 2].numpy())
    np.testing.assert_allclose(ahead, np.linalg.norm(offsets, axis=1), rtol=1e-6)


def parallel_cameras() -> Cameras:
    viewmats = torch.eye(4, dtype=torch.float64).repeat(5, 1, 1)
    viewmats[:, 0, 3] = torch.arange(5)
    return Cameras(
        viewmats, torch.eye(3, dtype=torch.float64).repeat(5, 1, 1), torch.full((5,), 8), torch.full((5,), 6)
    )


def test_parallel_cameras_have_no_focus_and_no_orbit_but_a_spiral() -> None:
    cameras = parallel_cameras()
    assert focus_point(cameras) is None
    with pytest.raises(UserError, match="--path spline"):
        orbit(cameras, 10)
    path = spiral(cameras, 10)
    assert torch.equal(path.viewmats[:, :3, :3], cameras.viewmats[:1, :3, :3].expand(10, 3, 3))


def test_cameras_that_look_away_from_each_other_have_no_orbit() -> None:
    angle = np.linspace(0, 2 * np.pi, 9)[:-1]
    ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    cameras = looking_at(ring, np.zeros(3), np.array([0.0, 0, 1]), [(8, 6)] * 8)
    turned = cameras.viewmats.clone()
    turned[:, [0, 2]] *= -1  # half a turn about the camera's own vertical axis
    with pytest.raises(UserError, match="nothing to orbit"):
        orbit(Cameras(turned, cameras.Ks, cameras.width, cameras.height), 10)


@pytest.mark.parametrize("name", ["orbit", "spline", "spiral"])
def test_impossible_requests_are_told(name: PathName) -> None:
    cameras = parallel_cameras()
    with pytest.raises(UserError, match="--frames"):
        novel_path(name, cameras, 0)
    with pytest.raises(UserError, match="at least one view"):
        novel_path(name, cameras[[]], 5)


def test_one_camera_is_too_few_for_a_spline() -> None:
    with pytest.raises(UserError, match="--path spiral"):
        spline(parallel_cameras()[0], 5)
