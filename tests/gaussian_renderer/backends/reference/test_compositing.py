"""The reference blending against the oracle's loops, its gradients, and the rules that end a pixel."""

import numpy as np
import pytest
import torch
from torch import Tensor

from gaussian_renderer.backends.reference import Projection, compositing, project, rasterize
from scene import Cameras, Splats
from tests import oracles
from tests.gaussian_renderer import scenes

BACKGROUND = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)


def project_scene(splats: Splats, cameras: Cameras) -> Projection:
    return project(
        splats.means, splats.quats, splats.scales, splats.opacities, splats.sh, cameras.viewmats[0],
        cameras.Ks[0], *cameras.size, splats.sh_degree, 0.01, 1e10, 0.3, False, splats.raw,
    )  # fmt: skip


def stack_of(opacities: list[float], depths: list[float] | None = None) -> dict[str, Tensor]:
    """Wide Gaussians one behind the other over the only pixel of an image, each of its own colour."""
    count = len(opacities)
    return {
        "means2d": torch.full((count, 2), 0.5, dtype=torch.float64),
        "conics": torch.tensor([[0.01, 0.0, 0.01]], dtype=torch.float64).repeat(count, 1),
        "colors": torch.rand(count, 3, dtype=torch.float64),
        "opacities": torch.tensor(opacities, dtype=torch.float64),
        "depths": torch.tensor(depths or list(range(1, count + 1)), dtype=torch.float64),
        "radii": torch.full((count, 2), 40, dtype=torch.int32),
    }


def draw_pixel(stack: dict[str, Tensor]) -> tuple[Tensor, float]:
    image, alpha, _ = rasterize(*stack.values(), None, None, 1, 1, None)
    return image[0, 0], alpha[0, 0].item()


@pytest.mark.parametrize("count", [2, 40, 150])
def test_blending_is_the_oracles(count: int) -> None:
    splats, cameras = scenes.crowd(count, size=0.4), scenes.one_camera()
    ellipses = scenes.oracle_ellipses(splats, scenes.oracle_camera(cameras))
    extras = torch.randn(count, 5, dtype=torch.float64)
    for ellipse, extra in zip(ellipses, extras.numpy(), strict=True):
        if ellipse is not None:
            ellipse.extras = extra
    expected = oracles.blend(ellipses, *cameras.size, BACKGROUND.numpy())
    image, alpha, extra_image = rasterize(
        *reordered(project_scene(splats, cameras)), extras, BACKGROUND, *cameras.size, None
    )
    np.testing.assert_allclose(image.numpy(), expected.image, atol=1e-10)
    np.testing.assert_allclose(alpha.numpy(), expected.alpha, atol=1e-10)
    np.testing.assert_allclose(extra_image.numpy(), expected.extras, atol=1e-10)


def reordered(projection: Projection) -> tuple[Tensor, ...]:
    """What `project` gives, in the order in which `rasterize` takes it."""
    means2d, conics, depths, radii, colors, opacities = projection
    return means2d, conics, colors, opacities, depths, radii


@pytest.mark.parametrize(("tile", "chunk"), [(5, 7), (64, 1)])
def test_tiles_and_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch, tile: int, chunk: int) -> None:
    splats, cameras = scenes.crowd(150, size=0.4), scenes.one_camera()
    projection = reordered(project_scene(splats, cameras))
    whole = rasterize(*projection, None, BACKGROUND, *cameras.size, None)
    monkeypatch.setattr(compositing, "TILE_SIZE", tile)
    monkeypatch.setattr(compositing, "CHUNK_SIZE", chunk)
    for expected, found in zip(
        whole, rasterize(*projection, None, BACKGROUND, *cameras.size, None), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_gradients_are_those_of_finite_differences(tiny_splats: Splats, tiny_cameras: Cameras) -> None:
    means2d, conics, colors, opacities, depths, radii = reordered(project_scene(tiny_splats, tiny_cameras[0]))

    def differentiable(*inputs: Tensor) -> tuple[Tensor, ...]:
        means2d, conics, colors, opacities, extras, background = inputs
        return rasterize(means2d, conics, colors, opacities, depths, radii, extras, background, 24, 20, None)

    leaves = (means2d, conics, colors, opacities, torch.randn(8, 2, dtype=torch.float64), BACKGROUND)
    inputs = tuple(leaf.detach().clone().requires_grad_() for leaf in leaves)
    assert torch.autograd.gradcheck(differentiable, inputs, fast_mode=True)


def test_gradients_go_through_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    splats, cameras = scenes.crowd(60, size=0.4), scenes.one_camera()

    def gradients() -> dict[str, Tensor]:
        fresh, leaves = scenes.with_gradients(splats)
        image, alpha, _ = rasterize(
            *reordered(project_scene(fresh, cameras)), None, BACKGROUND, *cameras.size, None
        )
        (image.square().sum() + alpha.square().sum()).backward()
        return {name: leaf.grad for name, leaf in leaves.items()}

    whole = gradients()
    monkeypatch.setattr(compositing, "TILE_SIZE", 8)
    monkeypatch.setattr(compositing, "CHUNK_SIZE", 3)
    for name, gradient in gradients().items():
        torch.testing.assert_close(gradient, whole[name], rtol=1e-9, atol=1e-11, msg=name)


def test_absolute_gradients_are_summed_pixel_by_pixel() -> None:
    splats, cameras = scenes.crowd(30, size=0.4), scenes.one_camera(9, 8)
    means2d, *others = reordered(project_scene(splats, cameras))
    weights = torch.randn(8, 9, 3, dtype=torch.float64)
    means2d = means2d.detach().requires_grad_()
    expected = torch.zeros_like(means2d)
    image, alpha, _ = rasterize(means2d, *others, None, None, 9, 8, None)
    for loss_of_pixel in ((weights * image).sum(-1) + alpha.square()).flatten():
        expected += torch.autograd.grad(loss_of_pixel, means2d, retain_graph=True)[0].abs()

    buffer = torch.zeros_like(means2d)
    image, alpha, _ = rasterize(means2d, *others, None, None, 9, 8, buffer)
    ((weights * image).sum() + alpha.square().sum()).backward()
    torch.testing.assert_close(buffer, expected)
    assert (buffer >= means2d.grad.abs() - 1e-12).all()
    assert (buffer > 2 * means2d.grad.abs()).any(), (
        "nothing cancelled: the test would pass without the absolute values"
    )


def test_alpha_saturates_and_then_has_no_gradient() -> None:
    stack = stack_of([0.9995])
    stack["opacities"].requires_grad_()
    image, alpha, _ = rasterize(*stack.values(), None, None, 1, 1, None)
    assert alpha.item() == pytest.approx(0.999)
    image.sum().backward()
    assert stack["opacities"].grad.item() == 0


def test_what_is_fainter_than_a_grey_level_is_skipped() -> None:
    assert draw_pixel(stack_of([1 / 255 - 1e-9]))[1] == 0
    assert draw_pixel(stack_of([1 / 255 + 1e-9]))[1] == pytest.approx(1 / 255)


def test_a_pixel_ends_without_the_gaussian_that_would_end_it() -> None:
    stack = stack_of([0.98, 0.98, 0.9, 0.5])
    color, alpha = draw_pixel(stack)
    # 4e-4 is left after two; the third would leave 4e-5; the fourth would not, but the pixel has ended.
    assert alpha == pytest.approx(1 - 4e-4)
    torch.testing.assert_close(color, 0.98 * stack["colors"][0] + 0.02 * 0.98 * stack["colors"][1])


def test_equal_depths_are_drawn_by_index() -> None:
    stack = stack_of([0.5, 0.25, 0.5], depths=[2.0, 1.0, 2.0])
    color, _ = draw_pixel(stack)
    c0, c1, c2 = stack["colors"]
    torch.testing.assert_close(color, 0.25 * c1 + 0.75 * 0.5 * c0 + 0.75 * 0.5 * 0.5 * c2)


def test_radius_zero_means_not_drawn() -> None:
    stack = stack_of([0.5, 0.5])
    stack["radii"][0] = 0
    torch.testing.assert_close(draw_pixel(stack)[0], 0.5 * stack["colors"][1])


def test_an_empty_image_has_zero_gradients() -> None:
    stack = stack_of([0.5])
    stack["means2d"] += 1000
    leaves = [stack[name].requires_grad_() for name in ("means2d", "conics", "colors", "opacities")]
    background = BACKGROUND.clone().requires_grad_()
    image, alpha, extras = rasterize(*stack.values(), None, background, 3, 2, None)
    assert (alpha == 0).all()
    assert extras.shape == (2, 3, 0)
    (image.sum() + alpha.sum()).backward()
    assert all(bool((leaf.grad == 0).all()) for leaf in leaves)
    torch.testing.assert_close(background.grad, torch.full((3,), 6.0, dtype=torch.float64))


def test_one_chunk_runs_where_its_input_is() -> None:
    def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.empty(*shape, dtype=dtype, device="meta")

    state = compositing._blend_chunk(
        empty(6, 4), empty(6), empty(6, dtype=torch.bool), empty(6, 2), empty(3, dtype=torch.long),
        empty(3, 2), empty(3, 3), empty(3), empty(3, 4), None,
    )  # fmt: skip
    assert [(part.shape, part.device.type) for part in state] == [
        ((6, 4), "meta"),
        ((6,), "meta"),
        ((6,), "meta"),
    ]
    assert compositing.pixel_centers(0, 3, 0, 2, like=empty(1)).device.type == "meta"
