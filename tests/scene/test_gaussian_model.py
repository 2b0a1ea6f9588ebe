"""The static model: initial values, and round trips."""

from pathlib import Path

import pytest
import torch

from core import sh
from scene import PointCloud, Splats
from scene.gaussian_model import NAMES, StaticGaussians, camera_extent


def grid() -> PointCloud:
    """A 4 x 4 x 4 grid with a spacing of 0.5."""
    axis = 0.5 * torch.arange(4.0)
    xyz = torch.cartesian_prod(axis, axis, axis)
    random = torch.Generator().manual_seed(2)
    return PointCloud(xyz, torch.randint(0, 256, (64, 3), generator=random, dtype=torch.uint8))


def test_points_become_round_gaussians_of_their_spacing_and_colour() -> None:
    points = grid()
    splats = StaticGaussians.from_points(points, sh_degree=2, opacity=0.1, scale=0.5).splats().activated()
    assert torch.equal(splats.means, points.xyz)
    torch.testing.assert_close(splats.scales, torch.full((64, 3), 0.25))
    torch.testing.assert_close(splats.opacities, torch.full((64,), 0.1))
    torch.testing.assert_close(splats.sh[:, 0] * sh.C0 + 0.5, points.rgb / 255, rtol=0, atol=1e-6)
    assert splats.sh.shape == (64, 9, 3)
    assert splats.sh[:, 1:].abs().max() == 0


def test_gaussians_survive_a_file(tmp_path: Path) -> None:
    model = StaticGaussians.from_points(grid())
    with torch.no_grad():
        for table in model.parameters.values():
            table.add_(torch.randn(table.shape))
    model.save_ply(tmp_path / "point_cloud.ply")
    again = StaticGaussians.load_ply(tmp_path / "point_cloud.ply")
    for name in NAMES:
        assert torch.equal(again.parameters[name], model.parameters[name])
        assert again.parameters[name].requires_grad


def test_a_state_of_another_size_is_taken_over() -> None:
    one, other = StaticGaussians.from_points(grid()), StaticGaussians.from_points(PointCloud(*_first(3)))
    other.load_state_dict(one.state_dict())
    assert len(other) == 64
    with torch.no_grad():
        other.parameters["means"].add_(1)
    assert torch.equal(one.parameters["means"], grid().xyz)


def _first(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    points = grid()
    return points.xyz[:count], points.rgb[:count]


def test_splats_carry_gradients_and_the_degree_in_use() -> None:
    model = StaticGaussians.from_points(grid())
    splats = model.splats(time=0.5, sh_degree=1)
    assert splats.raw
    assert splats.sh_degree == 1
    splats.scales.sum().backward()
    assert torch.equal(model.parameters["log_scales"].grad, torch.ones(64, 3))


@pytest.mark.parametrize("raw", [False, True])
def test_a_model_of_splats_gives_them_back(tiny_splats: Splats, raw: bool) -> None:
    splats = tiny_splats if raw else tiny_splats.activated()
    back = StaticGaussians.from_splats(splats).splats().activated()
    for name in ("means", "quats", "scales", "opacities", "sh"):
        torch.testing.assert_close(getattr(back, name), getattr(tiny_splats.activated(), name))


def test_the_extent_of_cameras() -> None:
    centers = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, -2.0, 0.0]])
    assert camera_extent(centers) == pytest.approx(2.2)
    assert camera_extent(centers + 5) == pytest.approx(2.2)
    assert camera_extent(centers[:1]) == 1.0


def test_sizes_of_points_may_be_given() -> None:
    cloud = PointCloud(torch.rand(5, 3), torch.zeros(5, 3, dtype=torch.uint8))
    sizes = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])
    model = StaticGaussians.from_points(cloud, scale=2.0, sizes=sizes)
    torch.testing.assert_close(model.splats().activated().scales.detach(), 2 * sizes[:, None].expand(-1, 3))
