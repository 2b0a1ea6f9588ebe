"""Initial Gaussians are as large as their points are apart; random points lie where the cameras look."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import project_points
from scene.cameras import Cameras
from scene.points import initial_scales, random_points_in_cube, random_points_in_view


def cloud(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))


def brute_force_scales(xyz: torch.Tensor) -> torch.Tensor:
    """All pairs, each point's own distance left out."""
    scales = []
    for row in range(len(xyz)):
        squared = sorted(
            float(((xyz[row] - xyz[other]) ** 2).sum()) for other in range(len(xyz)) if other != row
        )[:3]
        scales.append(max(sum(squared) / len(squared), 1e-7) ** 0.5)
    return torch.tensor(scales)


@given(st.integers(2, 25), st.integers(0, 99))
def test_scales_are_those_of_all_pairs(count: int, seed: int) -> None:
    xyz = cloud(count, seed)
    torch.testing.assert_close(initial_scales(xyz), brute_force_scales(xyz), rtol=1e-5, atol=1e-7)


@given(st.integers(4, 25), st.floats(0.1, 50), st.integers(0, 99))
def test_scales_grow_with_the_scene(count: int, factor: float, seed: int) -> None:
    xyz = cloud(count, seed).double()
    torch.testing.assert_close(initial_scales(xyz * factor), initial_scales(xyz) * factor)


@given(st.integers(4, 25), st.integers(0, 99))
def test_scales_follow_a_permutation(count: int, seed: int) -> None:
    xyz = cloud(count, seed)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(initial_scales(xyz[order]), initial_scales(xyz)[order])


def test_scales_of_points_that_coincide_are_not_zero() -> None:
    scales = initial_scales(torch.zeros(6, 3))
    assert scales.tolist() == pytest.approx([1e-7**0.5] * 6)


def test_scales_of_few_points() -> None:
    assert initial_scales(torch.zeros(0, 3)).shape == (0,)
    assert initial_scales(torch.ones(1, 3)).tolist() == [1]
    assert initial_scales(torch.tensor([[0.0, 0, 0], [0, 3, 4]])).tolist() == [5, 5]


def test_random_points_are_in_view(tiny_cameras: Cameras) -> None:
    cameras = Cameras(
        tiny_cameras.viewmats.float(), tiny_cameras.Ks.float(), tiny_cameras.width, tiny_cameras.height
    )
    points = random_points_in_view(cameras, 500)
    assert points.xyz.shape == (500, 3)
    seen = torch.zeros(500, dtype=torch.bool)
    for view in range(len(cameras)):
        pixels, depths = project_points(points.xyz, cameras.viewmats[view], cameras.Ks[view])
        size = torch.tensor([24, 20])
        inside = ((pixels >= -1e-3) & (pixels <= size + 1e-3)).all(dim=1) & (depths > 0)
        assert inside.sum() > 100  # every camera gets its share
        seen |= inside
    assert seen.all()


def test_random_points_are_a_function_of_the_seed(tiny_cameras: Cameras) -> None:
    first, again, other = (random_points_in_view(tiny_cameras, 10, seed).xyz for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_random_points_of_cameras_in_one_place(tiny_cameras: Cameras) -> None:
    points = random_points_in_view(tiny_cameras[[1, 1]], 50)
    assert points.xyz.isfinite().all()
    assert (points.xyz.amax(dim=0) - points.xyz.amin(dim=0) > 0.1).all()


def test_random_points_in_a_cube() -> None:
    points = random_points_in_cube(4000, 1.3, seed=3)
    assert points.xyz.abs().max() <= 1.3
    assert points.xyz.std(dim=0).tolist() == pytest.approx([2.6 / 12**0.5] * 3, rel=0.05)
    assert (points.rgb == 128).all()
