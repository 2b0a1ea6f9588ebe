"""The reference projection: the oracle's loops, gradients, Gaussians that break careless formulas."""

import numpy as np
import pytest
import torch
from torch import Tensor

from core import geometry
from gaussian_renderer.backends.reference import Projection, project
from scene import Cameras, Splats
from tests.gaussian_renderer import scenes


def project_scene(splats: Splats, cameras: Cameras, **changes: float | bool) -> Projection:
    options = {"near": 0.01, "far": 1e10, "low_pass": 0.3, "antialiased": False, "raw": splats.raw} | changes
    return project(
        splats.means, splats.quats, splats.scales, splats.opacities, splats.sh, cameras.viewmats[0],
        cameras.Ks[0], *cameras.size, splats.sh_degree, **options,
    )  # fmt: skip


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_projection_is_the_oracles(degree: int, antialiased: bool) -> None:
    splats, cameras = scenes.crowd(200, degree=degree), scenes.one_camera()
    # Specks: antialiasing lowers their opacities as far as it may, to 0.005 of what they were.
    splats.scales[::9], splats.opacities[::9] = -9.0, 4.0
    found = project_scene(splats, cameras, antialiased=antialiased, near=1.0, far=8.0)
    camera = scenes.oracle_camera(cameras, antialiased=antialiased, near=1.0, far=8.0)
    expected = scenes.oracle_ellipses(splats, camera)
    visible = np.array([ellipse is not None for ellipse in expected])
    assert 20 < visible.sum() < 180, "the scene tests neither seeing nor not seeing"
    np.testing.assert_array_equal((found.radii > 0).all(-1).numpy(), visible)
    for row in np.flatnonzero(visible):
        ellipse = expected[row]
        np.testing.assert_allclose(found.means2d[row].numpy(), ellipse.mean, rtol=1e-10, atol=1e-10)
        conic = np.linalg.inv(ellipse.covariance)[[0, 0, 1], [0, 1, 1]]
        np.testing.assert_allclose(found.conics[row].numpy(), conic, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(found.depths[row].item(), ellipse.depth, rtol=1e-12)
        np.testing.assert_allclose(found.opacities[row].item(), ellipse.opacity, rtol=1e-9)
        np.testing.assert_allclose(found.colors[row].numpy(), ellipse.color, atol=1e-12)
        np.testing.assert_array_equal(found.radii[row].numpy(), np.ceil(ellipse.half_extents))
    for values in found:
        assert (values[~visible] == 0).all(), "invisible rows are zero"


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("raw", [False, True])
def test_gradients_are_those_of_finite_differences(
    tiny_splats: Splats, tiny_cameras: Cameras, raw: bool, antialiased: bool
) -> None:
    splats = tiny_splats if raw else tiny_splats.activated()

    def differentiable(
        means: Tensor, quats: Tensor, scales: Tensor, opacities: Tensor, sh: Tensor, viewmat: Tensor
    ):
        options = (24, 20, 3, 0.01, 1e10, 0.3, antialiased, raw)
        out = project(means, quats, scales, opacities, sh, viewmat, tiny_cameras.Ks[0], *options)
        return out.means2d, out.conics, out.depths, out.colors, out.opacities

    leaves = (
        splats.means,
        splats.quats,
        splats.scales,
        splats.opacities,
        splats.sh,
        tiny_cameras.viewmats[0],
    )
    inputs = tuple(leaf.detach().clone().requires_grad_() for leaf in leaves)
    assert torch.autograd.gradcheck(differentiable, inputs, fast_mode=True)


def test_the_jacobian_stops_growing_outside_the_image() -> None:
    # Two equal Gaussians at one depth, both beyond the margin on the right: one ellipse, no pull sideways.
    splats, cameras = scenes.crowd(2, degree=0), scenes.one_camera()
    in_camera = torch.tensor([[2.6, 0.1, 4.0], [3.2, 0.1, 4.0]], dtype=torch.float64)
    means = geometry.transform_points(cameras.c2w[0], in_camera).requires_grad_()
    splats = Splats(
        means, splats.quats[:1].repeat(2, 1), torch.ones(2, 3).double(), torch.ones(2).double(), splats.sh
    )
    out = project_scene(splats, cameras)
    assert (out.radii > 0).all()
    torch.testing.assert_close(out.conics[0], out.conics[1])
    out.conics[:, 0].sum().backward()
    right = cameras.viewmats[0, 0, :3]
    torch.testing.assert_close(means.grad @ right, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-15)


def test_no_gradient_reaches_the_intrinsics() -> None:
    splats, cameras = scenes.crowd(5), scenes.one_camera()
    cameras.Ks.requires_grad_()
    splats.means.requires_grad_()
    project_scene(splats, cameras).means2d.sum().backward()
    assert cameras.Ks.grad is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_gaussians_give_finite_values_and_gradients(dtype: torch.dtype) -> None:
    cameras = scenes.one_camera(dtype=dtype)
    splats, leaves = scenes.with_gradients(scenes.crowd(12, dtype=dtype))
    with torch.no_grad():
        leaves["means"][0] = cameras.centers[0]
        leaves["means"][1] = cameras.centers[0] - 2 * cameras.viewmats[0, 2, :3]
        leaves["means"][2] = 1e15
        leaves["scales"][3] = 200.0  # exp overflows
        leaves["scales"][4] = -200.0
        leaves["scales"][5] = torch.tensor([30.0, -200.0, -200.0])
        leaves["opacities"][6] = 500.0
        leaves["opacities"][7] = -500.0
        leaves["quats"][8] = 0.0
        leaves["quats"][9] = 1e-30
        leaves["means"][3:10] = torch.randn(7, 3) * 0.3
    out = project_scene(splats, cameras, antialiased=True)
    assert all(bool(values.isfinite().all()) for values in out)
    assert not (out.radii[:4] > 0).any()
    sum(
        values.sum() for values in (out.means2d, out.conics, out.depths, out.colors, out.opacities)
    ).backward()
    for name, leaf in leaves.items():
        assert leaf.grad.isfinite().all(), name


def test_no_gaussian_is_no_error() -> None:
    out = project_scene(scenes.crowd(0), scenes.one_camera())
    assert [len(values) for values in out] == [0] * 6


def test_it_runs_where_its_input_is() -> None:
    splats, cameras = scenes.crowd(5).to("meta"), scenes.one_camera().to("meta")
    for values in project_scene(splats, cameras, antialiased=True):
        assert values.device.type == "meta"
