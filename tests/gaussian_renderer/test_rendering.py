"""Laws of `render`, whoever draws: moved worlds, reordered Gaussians, backgrounds, depths, many cameras."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core import geometry
from gaussian_renderer import render, rendering
from scene import Cameras, Splats
from tests import oracles
from tests.gaussian_renderer import scenes

seeds = st.integers(0, 2**32 - 1)


def turned_harmonics(sh: Tensor, rotation: Tensor) -> Tensor:
    """Degree-one harmonics of a turned world: functions (-y, z, -x), so coefficients turn like vectors."""
    vectors = torch.stack([-sh[:, 3], -sh[:, 1], sh[:, 2]], dim=1)
    x, y, z = (rotation @ vectors).unbind(1)
    return torch.stack([sh[:, 0], -y, z, -x], dim=1)


@given(seeds)
@settings(max_examples=10)
def test_moving_the_world_with_its_cameras_changes_nothing(seed: int) -> None:
    splats, cameras = scenes.crowd(60, seed=seed, degree=1), scenes.one_camera()
    random = torch.Generator().manual_seed(seed)
    turn = torch.randn(4, generator=random, dtype=torch.float64)
    world = torch.eye(4, dtype=torch.float64)
    world[:3, :3] = geometry.quat_to_rotation(turn)
    world[:3, 3] = torch.randn(3, generator=random, dtype=torch.float64) * 5
    turned_quats = [oracles.quat_product(turn.numpy(), quat) for quat in splats.quats.numpy()]
    moved = dataclasses.replace(
        splats,
        means=geometry.transform_points(world, splats.means),
        quats=torch.from_numpy(np.stack(turned_quats)),
        sh=turned_harmonics(splats.sh, world[:3, :3]),
    )
    moved_cameras = dataclasses.replace(cameras, viewmats=cameras.viewmats @ geometry.invert_se3(world))
    expected, found = render(splats, cameras, depth=True), render(moved, moved_cameras, depth=True)
    torch.testing.assert_close(found.images, expected.images, rtol=0, atol=1e-8)
    torch.testing.assert_close(found.depths, expected.depths, rtol=0, atol=1e-7)


@given(st.floats(0.01, 100))
@settings(max_examples=10)
def test_a_larger_world_looks_the_same_and_is_farther_away(factor: float) -> None:
    splats, cameras = scenes.crowd(60), scenes.one_camera()
    larger = dataclasses.replace(splats, means=splats.means * factor, scales=splats.scales + np.log(factor))
    viewmats = cameras.viewmats.clone()
    viewmats[:, :3, 3] *= factor
    expected = render(splats, cameras, depth=True, inverse_depth=True, near=0.1)
    found = render(
        larger,
        dataclasses.replace(cameras, viewmats=viewmats),
        depth=True,
        inverse_depth=True,
        near=0.1 * factor,
    )
    torch.testing.assert_close(found.images, expected.images, rtol=0, atol=1e-9)
    torch.testing.assert_close(found.depths, expected.depths * factor, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found.inverse_depths, expected.inverse_depths / factor, rtol=1e-9, atol=1e-9)


@given(seeds)
@settings(max_examples=10)
def test_the_order_of_gaussians_does_not_matter(seed: int) -> None:
    splats, cameras = scenes.crowd(60), scenes.one_camera()
    order = torch.randperm(60, generator=torch.Generator().manual_seed(seed))
    expected, found = render(splats, cameras), render(splats.select(order), cameras)
    torch.testing.assert_close(found.images, expected.images, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.radii, expected.radii[:, order])


@pytest.mark.parametrize("raw", [False, True])
def test_every_gradient_is_that_of_finite_differences(
    tiny_splats: Splats, tiny_cameras: Cameras, raw: bool
) -> None:
    start = tiny_splats if raw else tiny_splats.activated()
    start = dataclasses.replace(start, features=torch.randn(8, 2, dtype=torch.float64))
    _, leaves = scenes.with_gradients(start)
    leaves["viewmats"] = tiny_cameras.viewmats[:2].clone().requires_grad_()
    leaves["background"] = torch.rand(3, dtype=torch.float64, requires_grad=True)

    def differentiable(*inputs: Tensor) -> tuple[Tensor, ...]:
        values = dict(zip(leaves, inputs, strict=True))
        cameras = dataclasses.replace(tiny_cameras[:2], viewmats=values.pop("viewmats"))
        background = values.pop("background")
        out = render(
            Splats(**values, raw=raw), cameras, background=background, depth=True, inverse_depth=True
        )
        return out.images, out.alphas, out.depths, out.inverse_depths, out.features

    assert torch.autograd.gradcheck(differentiable, tuple(leaves.values()), fast_mode=True)


def test_the_background_shows_where_nothing_covers_it() -> None:
    splats, cameras = scenes.crowd(10), scenes.one_camera()
    background = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    black, over = render(splats, cameras), render(splats, cameras, background=background)
    assert (black.alphas == 0).any()
    torch.testing.assert_close(over.images, black.images + (1 - black.alphas[..., None]) * background)


def test_depths_are_those_of_what_is_seen() -> None:
    cameras = scenes.one_camera()
    in_camera = torch.tensor([[0.0, 0.0, 2.5]], dtype=torch.float64)
    splats = dataclasses.replace(
        scenes.crowd(1),
        means=geometry.transform_points(cameras.c2w[0], in_camera),
        scales=torch.full((1, 3), -2.0, dtype=torch.float64),
        opacities=torch.zeros(1, dtype=torch.float64),
    )
    out = render(splats, cameras, depth=True, inverse_depth=True)
    covered = out.alphas > 0
    assert covered.any()
    assert not covered.all()
    assert out.alphas.max() < 0.6
    torch.testing.assert_close(out.depths[covered], torch.full_like(out.depths[covered], 2.5))
    torch.testing.assert_close(out.inverse_depths[covered], torch.full_like(out.depths[covered], 0.4))
    assert (out.depths[~covered] == 0).all()
    assert (out.inverse_depths[~covered] == 0).all()


def test_a_point_is_as_wide_as_the_low_pass() -> None:
    cameras = scenes.one_camera()
    on_axis = torch.tensor([[0.5, 0.5, 1.0]], dtype=torch.float64) @ torch.linalg.inv(cameras.Ks[0]).T
    point = dataclasses.replace(
        scenes.crowd(1),
        means=geometry.transform_points(
            cameras.c2w[0], 3 * (on_axis + torch.tensor([8.0, 6.0, 0.0]) / cameras.Ks[0].diagonal())
        ),
        scales=torch.full((1, 3), -20.0, dtype=torch.float64),
        opacities=torch.full((1,), 2.0, dtype=torch.float64),
    )
    alphas = render(point, cameras).alphas[0]
    assert alphas[6, 8] == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item(), rel=1e-6)
    assert alphas[6, 9] / alphas[6, 8] == pytest.approx(np.exp(-0.5 / 0.3))
    assert alphas[7, 8] / alphas[6, 8] == pytest.approx(np.exp(-0.5 / 0.3))


def test_features_are_blended_like_colour() -> None:
    splats, cameras = scenes.crowd(40), scenes.one_camera()
    gray = dataclasses.replace(
        splats, sh=splats.sh[:, :1] * 0, sh_degree=0, features=torch.full((40, 2), 0.5).double()
    )
    out = render(gray, cameras)
    torch.testing.assert_close(out.features, out.images[..., :2])


def test_only_the_asked_degree_is_seen() -> None:
    splats, cameras = scenes.crowd(40), scenes.one_camera()
    low = dataclasses.replace(splats, sh_degree=1)
    torch.testing.assert_close(
        render(low, cameras).images, render(dataclasses.replace(low, sh=low.sh[:, :4]), cameras).images
    )


def test_many_cameras_are_each_alone(tiny_splats: Splats, tiny_cameras: Cameras) -> None:
    splats = dataclasses.replace(tiny_splats, features=torch.rand(8, 3, dtype=torch.float64))
    together = render(splats, tiny_cameras, depth=True, inverse_depth=True, abs_gradients=True)
    for c in range(len(tiny_cameras)):
        alone = render(splats, tiny_cameras[c], depth=True, inverse_depth=True, abs_gradients=True)
        for name in (
            "images",
            "alphas",
            "depths",
            "inverse_depths",
            "features",
            "radii",
            "means2d",
            "abs_gradients",
        ):
            assert torch.equal(getattr(together, name)[c], getattr(alone, name)[0]), name


def test_screen_gradients_can_be_read(tiny_splats: Splats, tiny_cameras: Cameras) -> None:
    splats, _ = scenes.with_gradients(tiny_splats)
    out = render(splats, tiny_cameras, abs_gradients=True)
    out.means2d.retain_grad()
    out.images.square().sum().backward()
    assert out.means2d.grad.shape == out.abs_gradients.shape == (3, 8, 2)
    assert (out.means2d.grad.abs().sum((0, 2)) > 0).all()
    assert (out.abs_gradients >= out.means2d.grad.abs() - 1e-12).all()


def test_what_is_not_asked_for_is_absent() -> None:
    out = render(scenes.crowd(3), scenes.one_camera())
    assert (out.depths, out.inverse_depths, out.features, out.abs_gradients) == (None,) * 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 50), (37, 3)])
@pytest.mark.parametrize("count", [0, 1, 30])
def test_any_number_of_gaussians_on_any_image(
    count: int, width: int, height: int, dtype: torch.dtype
) -> None:
    splats, leaves = scenes.with_gradients(scenes.crowd(count, size=0.4, dtype=dtype))
    background = torch.ones(3, dtype=dtype)
    out = render(
        splats, scenes.one_camera(width, height, dtype), background=background, depth=True, inverse_depth=True
    )
    assert out.images.shape == (1, height, width, 3)
    assert out.depths.shape == out.alphas.shape == (1, height, width)
    assert out.images.dtype == dtype
    (out.images.sum() + out.depths.sum() + out.inverse_depths.sum()).backward()
    assert all(bool(leaf.grad.isfinite().all()) for leaf in leaves.values())
    if count == 0:
        assert (out.images == 1).all()


def test_no_gradient_on_the_way_is_undefined() -> None:
    splats, _ = scenes.with_gradients(scenes.crowd(60, dtype=torch.float32))
    with torch.autograd.set_detect_anomaly(True):
        for backend in ("native", "reference"):
            out = render(splats, scenes.one_camera(dtype=torch.float32), inverse_depth=True, backend=backend)
            assert (out.radii == 0).any()
            out.inverse_depths.sum().backward()


def test_gaussians_in_front_of_near_or_behind_far_are_not_drawn(
    tiny_splats: Splats, tiny_cameras: Cameras
) -> None:
    depths = geometry.transform_points(tiny_cameras.viewmats[1], tiny_splats.means)[:, 2]
    out = render(tiny_splats, tiny_cameras[1], near=3.6, far=4.4)
    seen = (depths > 3.6) & (depths < 4.4)
    assert 0 < seen.sum() < 8
    torch.testing.assert_close((out.radii[0] > 0).all(-1), seen)


def test_cameras_of_several_sizes_are_refused(tiny_splats: Splats, tiny_cameras: Cameras) -> None:
    cameras = dataclasses.replace(tiny_cameras, width=torch.tensor([24, 24, 25]))
    with pytest.raises(ValueError, match="cameras of one size"):
        render(tiny_splats, cameras)


def test_cameras_elsewhere_are_refused(tiny_splats: Splats, tiny_cameras: Cameras) -> None:
    with pytest.raises(ValueError, match="cameras are on cpu, Gaussians on meta"):
        render(tiny_splats.to("meta"), tiny_cameras)


def test_what_render_itself_computes_runs_where_its_input_is() -> None:
    # The halves of the reference have such tests of their own; between them, lists of Gaussians need values.
    features, depths = torch.empty(5, 2, device="meta"), torch.empty(3, 5, device="meta")
    radii = torch.empty(3, 5, 2, dtype=torch.int32, device="meta")
    extras = rendering._extra_channels(features, depths, radii, depth=True, inverse_depth=True)
    sums, alphas = torch.empty(3, 6, 7, extras.shape[-1], device="meta"), torch.empty(3, 6, 7, device="meta")
    images = rendering._read_extras(sums, alphas, features, depth=True, inverse_depth=True)
    assert [tuple(image.shape) for image in images] == [(3, 6, 7, 2), (3, 6, 7), (3, 6, 7)]
    assert {part.device.type for part in (extras, *images)} == {"meta"}
