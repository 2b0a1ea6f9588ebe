"""Cameras: projection, its inverse, and windows that hold all of a part."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.synthetic.poses import inverse, look_at, pose
from data.synthetic.views import Pinhole, Scanner, pinhole_matrix
from data.synthetic.world import World


def view(seed: int) -> Pinhole:
    rng = np.random.default_rng(seed)
    eye = rng.normal(size=3) * 2
    K = pinhole_matrix(48, 36, 60.0) + np.array([[0, 0, 3.0], [0, 4.0, -2.0], [0, 0, 0]])
    return Pinhole(look_at(eye, rng.normal(size=3), roll=float(rng.uniform(-90, 90))), K, 48, 36)


@given(seed=st.integers(0, 1000))
def test_projection_undoes_unprojection(seed: int) -> None:
    camera, rng = view(seed), np.random.default_rng(seed)
    pixels, depths = rng.uniform(0, 48, (20, 2)), rng.uniform(0.1, 50, 20)
    points = camera.c2w[:3, 3] + camera.directions(pixels) * depths[:, None]
    back, z = camera.project(points)
    np.testing.assert_allclose(back, pixels, atol=1e-8)
    np.testing.assert_allclose(z, depths)


@given(seed=st.integers(0, 1000))
def test_windows_hold_whatever_projects_into_the_image(seed: int, world: World) -> None:
    """Eyes among the parts, so that some boxes reach behind them."""
    camera, snapshot, rng = view(seed), world.at(0.0), np.random.default_rng(seed)
    windows, nearest = camera.windows(snapshot.corners())
    for part in range(len(snapshot)):
        local = rng.uniform(-1, 1, (400, 3)) * snapshot.half_extents[part]
        transform = snapshot.world_from_part[part]
        pixels, z = camera.project(local @ transform[:3, :3].T + transform[:3, 3])
        seen = (z > 0.06) & (pixels > 0).all(1) & (pixels < (48, 36)).all(1)
        top, bottom, left, right = windows[part]
        column, row = np.floor(pixels[seen]).T
        assert ((left <= column) & (column < right) & (top <= row) & (row < bottom)).all()
        assert (z[z > 0] >= nearest[part] - 1e-9).all()


def test_a_finer_image_is_of_the_same_view() -> None:
    camera = view(1)
    points = camera.c2w[:3, 3] + camera.directions(np.array([[10.0, 20.0]])) * 3
    np.testing.assert_allclose(camera.scaled(3).project(points)[0], [[30.0, 60.0]])


def scanner(seed: int) -> Scanner:
    rng = np.random.default_rng(seed)
    x, y, z = rng.normal(size=3).tolist()
    place = pose((x, y, z), yaw=float(rng.uniform(-180, 180)), roll=float(rng.uniform(-20, 20)))
    return Scanner(place, np.sort(rng.uniform(-1.2, 1.2, 24))[::-1].copy(), 50)


@given(seed=st.integers(0, 1000))
def test_a_lidars_windows_hold_whatever_its_rays_can_meet(seed: int, world: World) -> None:
    """Scanners among the parts, so that some boxes are all around them, above, or across the seam behind."""
    lidar, snapshot, rng = scanner(seed), world.at(0.0), np.random.default_rng(seed)
    windows, nearest = lidar.windows(snapshot.corners())
    scanner_from_world = inverse(lidar.world_from_scanner)
    for part in range(len(snapshot)):
        local = rng.uniform(-1, 1, (400, 3)) * snapshot.half_extents[part]
        transform = scanner_from_world @ snapshot.world_from_part[part]
        points = local @ transform[:3, :3].T + transform[:3, 3]
        column = (np.pi - np.arctan2(points[:, 1], points[:, 0])) * lidar.width / (2 * np.pi)
        rise = np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1]))
        above, below = (
            (lidar.inclinations[:, None] > rise).sum(0),
            (lidar.inclinations[:, None] >= rise).sum(0),
        )
        top, bottom, left, right = windows[part]
        assert (np.linalg.norm(points, axis=1) >= nearest[part] - 1e-9).all()
        assert ((column >= left - 0.5) & (column <= right + 0.5)).all()
        # Every beam between the lowest and the highest point is in the window.
        assert top <= above.min()
        assert bottom >= below.max()
