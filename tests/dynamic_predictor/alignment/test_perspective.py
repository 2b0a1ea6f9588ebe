"""Cameras from points."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.geometry import invert_se3, quat_to_rotation, transform_points
from dynamic_predictor.alignment.perspective import pose_from_points
from dynamic_predictor.alignment.pointmaps import pixel_grid

HEIGHT, WIDTH, FOCAL = 20, 30, 25.0


def seen(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """World points, their pixels, and the camera."""
    random = torch.Generator().manual_seed(seed)
    pixels = pixel_grid(HEIGHT, WIDTH, dtype=torch.float64)
    depths = 2 + torch.rand(len(pixels), 1, generator=random, dtype=torch.float64)
    c2w = torch.eye(4, dtype=torch.float64)
    c2w[:3, :3] = quat_to_rotation(torch.randn(4, generator=random, dtype=torch.float64))
    c2w[:3, 3] = torch.randn(3, generator=random, dtype=torch.float64)
    in_camera = torch.cat([pixels / FOCAL * depths, depths], dim=1)
    return transform_points(c2w, in_camera), pixels, c2w


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_the_camera_is_found(seed: int) -> None:
    points, pixels, c2w = seen(seed)
    found = pose_from_points(points, pixels, FOCAL, WIDTH)
    assert found is not None
    assert found.inliers == len(points)
    torch.testing.assert_close(found.c2w, c2w, rtol=0, atol=1e-6)


def test_outliers_are_left_out_and_twice_gives_the_same() -> None:
    points, pixels, c2w = seen(0)
    points[::5] += torch.randn(points[::5].shape, dtype=torch.float64)
    found, again = (pose_from_points(points, pixels, FOCAL, WIDTH, iterations=100) for _ in range(2))
    assert found is not None
    assert again is not None
    assert torch.equal(found.c2w, again.c2w)
    torch.testing.assert_close(found.c2w, c2w, rtol=0, atol=0.3)


def test_a_focal_length_that_is_not_known_is_found_roughly() -> None:
    points, pixels, _ = seen(1)
    found = pose_from_points(points, pixels, None, WIDTH)
    assert found is not None
    assert found.focal == pytest.approx(FOCAL, rel=0.3)


def test_too_few_points_give_no_camera() -> None:
    points, pixels, _ = seen(2)
    assert pose_from_points(points[:3], pixels[:3], FOCAL, WIDTH) is None


def test_points_at_one_place_give_no_camera_or_a_finite_one() -> None:
    _, pixels, _ = seen(3)
    found = pose_from_points(torch.zeros(len(pixels), 3), pixels.float(), FOCAL, WIDTH)
    assert found is None or bool(found.c2w.isfinite().all())


def test_the_inverse_projects_points_to_their_pixels() -> None:
    points, pixels, _ = seen(4)
    found = pose_from_points(points, pixels, FOCAL, WIDTH)
    assert found is not None
    in_camera = transform_points(invert_se3(found.c2w), points)
    torch.testing.assert_close(FOCAL * in_camera[:, :2] / in_camera[:, 2:], pixels, rtol=0, atol=1e-4)
