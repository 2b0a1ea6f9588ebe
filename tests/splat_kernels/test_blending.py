"""The blending kernel is the reference blending, forward and backward, at every instruction level."""

from collections.abc import Callable

import numpy as np
import pytest
import splat_kernels
import torch
from torch import Tensor

from gaussian_renderer.backends import reference
from tests import oracles
from tests.splat_kernels.agreement import assert_same_gradients, assert_same_images

NAMES = ("means2d", "conics", "colors", "opacities", "depths", "radii")
BACKGROUND = torch.tensor([0.2, 0.5, 0.9])


def screen_gaussians(
    count: int, width: int, height: int, *, size: float = 3.0, seed: int = 0
) -> dict[str, Tensor]:
    """Gaussians on and around an image: round ones and needles, faint and opaque, a fifth at one depth."""
    random = np.random.default_rng(seed)
    means2d = random.uniform(-10, [width + 10, height + 10], (count, 2))
    deviations = size * np.exp(random.normal(0, 0.6, (count, 1)) + random.normal(0, 0.6, (count, 2)))
    angle = random.uniform(0, np.pi, count)
    x_axis, y_axis = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    axes = np.stack([x_axis, y_axis], axis=1).transpose(2, 0, 1)
    covariances = axes @ (deviations[:, :, None] ** 2 * axes.transpose(0, 2, 1)) + 0.3 * np.eye(2)
    conics = np.linalg.inv(covariances)[:, [0, 0, 1], [0, 1, 1]]
    opacities = np.clip(random.beta(0.7, 1.1, count), 0.006, 0.9999)
    depths = random.uniform(1, 10, count)
    depths[::5] = 5
    extents = np.sqrt(2 * np.log(255 * opacities)[:, None] * covariances[:, [0, 1], [0, 1]])
    values = (means2d, conics, random.uniform(0, 1, (count, 3)), opacities, depths)
    gaussians = [torch.from_numpy(value).float() for value in values]
    return dict(zip(NAMES, [*gaussians, torch.from_numpy(np.ceil(extents)).int()], strict=True))


def draw(
    module, gaussians: dict[str, Tensor], width: int, height: int, *, extras: Tensor | None = None,
    background: Tensor | None = None, abs_gradients: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    return module.rasterize(*gaussians.values(), extras, background, width, height, abs_gradients)


def in_double(values: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.double() if value.is_floating_point() else value for name, value in values.items()}


def gradients(
    module, gaussians: dict[str, Tensor], width: int, height: int, n_extras: int
) -> dict[str, Tensor]:
    """Of a loss with random weights on everything that is drawn, with absolute screen gradients."""
    random = torch.Generator().manual_seed(1)
    dtype = gaussians["means2d"].dtype
    count = len(gaussians["means2d"])
    leaves = {name: gaussians[name].clone().requires_grad_() for name in NAMES[:4]}
    leaves["extras"] = torch.rand(count, n_extras, generator=random).to(dtype).requires_grad_()
    leaves["background"] = BACKGROUND.to(dtype, copy=True).requires_grad_()
    buffer = torch.zeros(count, 2, dtype=dtype)
    pictures = draw(
        module, gaussians | {name: leaves[name] for name in NAMES[:4]}, width, height,
        extras=leaves["extras"], background=leaves["background"], abs_gradients=buffer,
    )  # fmt: skip
    weights = [torch.randn(picture.shape, generator=random).to(dtype) for picture in pictures]
    sum((picture * weight).sum() for picture, weight in zip(pictures, weights, strict=True)).backward()
    return {name: leaf.grad for name, leaf in leaves.items()} | {"abs_gradients": buffer}


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize(("count", "width", "height", "size"), [(3000, 203, 131, 2.0), (400, 61, 47, 12.0)])
def test_forward_is_the_reference(count: int, width: int, height: int, size: float) -> None:
    gaussians, extras = screen_gaussians(count, width, height, size=size), torch.randn(count, 4)
    found = draw(splat_kernels, gaussians, width, height, extras=extras, background=BACKGROUND)
    expected = draw(
        reference, in_double(gaussians), width, height, extras=extras.double(), background=BACKGROUND.double()
    )
    for name, image, right in zip(("image", "alpha", "extras"), found, expected, strict=True):
        assert image.shape == right.shape, name
        assert_same_images(image, right)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("n_extras", [0, 1, 2, 3, 4, 5, 8, 13])
def test_gradients_are_the_reference(n_extras: int) -> None:
    gaussians = screen_gaussians(300, 75, 50, size=4.0)
    found = gradients(splat_kernels, gaussians, 75, 50, n_extras)
    expected = gradients(reference, in_double(gaussians), 75, 50, n_extras)
    # Measured: 3e-5 to 4e-4, from alphas near 0.999 and from pixels at a cut-off.
    assert_same_gradients(found, expected, tolerance=2e-3)


def test_it_is_the_oracle() -> None:
    gaussians = screen_gaussians(60, 33, 21)
    arrays = {name: value.double().numpy() for name, value in gaussians.items()}
    ellipses: list[oracles.Ellipse | None] = []
    for row in range(60):
        xx, xy, yy = arrays["conics"][row]
        covariance = np.linalg.inv([[xx, xy], [xy, yy]])
        depth, opacity = arrays["depths"][row], arrays["opacities"][row]
        ellipses.append(
            oracles.Ellipse(arrays["means2d"][row], covariance, depth, opacity, arrays["colors"][row])
        )
    expected = oracles.blend(ellipses, 33, 21, BACKGROUND.double().numpy())
    image, alpha, extras = draw(splat_kernels, gaussians, 33, 21, background=BACKGROUND)
    assert extras.shape == (21, 33, 0)
    assert_same_images(image, torch.from_numpy(expected.image))
    assert_same_images(alpha, torch.from_numpy(expected.alpha))


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (15, 16), (16, 17), (17, 33), (64, 2)])
@pytest.mark.parametrize("count", [0, 1, 200])
def test_any_image_size(size: tuple[int, int], count: int) -> None:
    gaussians = screen_gaussians(count, *size, size=4.0)
    found = draw(splat_kernels, gaussians, *size, background=BACKGROUND)
    expected = draw(reference, in_double(gaussians), *size, background=BACKGROUND.double())
    for image, right in zip(found, expected, strict=True):
        assert_same_images(image, right, flips=0.01)
    found_gradients = gradients(splat_kernels, gaussians, *size, 1)
    assert_same_gradients(
        found_gradients, gradients(reference, in_double(gaussians), *size, 1), tolerance=5e-3
    )


def test_a_corner_of_an_8k_image_is_a_small_image() -> None:
    width, height, corner = 7680, 4320, (64, 48)
    gaussians = screen_gaussians(500, *corner)
    moved = gaussians | {"means2d": gaussians["means2d"] + torch.tensor([width - 64.0, height - 48.0])}
    small, *_ = draw(splat_kernels, gaussians, *corner)
    large, alpha, _ = draw(splat_kernels, moved, width, height)
    # A mean at 7,680 px is rounded to 5e-4 px.
    assert (large[-48:, -64:] - small).abs().mean() < 1e-5
    assert (alpha[:-200] == 0).all()


@pytest.mark.parametrize("size", [(7680, 3), (2, 4320)])
def test_long_images_have_the_gradients_of_the_reference(size: tuple[int, int]) -> None:
    gaussians = screen_gaussians(300, *size, size=20.0)
    found = gradients(splat_kernels, gaussians, *size, 1)
    assert_same_gradients(found, gradients(reference, in_double(gaussians), *size, 1), tolerance=5e-3)


@pytest.fixture(scope="module")
def full_tile() -> tuple[dict[str, Tensor], tuple[Tensor, ...], dict[str, Tensor]]:
    """70,000 specks over one tile, and what the reference makes of them."""
    gaussians = screen_gaussians(70_000, 14, 13, size=0.1)
    gaussians["means2d"] = torch.rand(70_000, 2) * torch.tensor([14.0, 13.0])
    gaussians["opacities"] = torch.full((70_000,), 0.006)
    exact = in_double(gaussians)
    return gaussians, draw(reference, exact, 14, 13), gradients(reference, exact, 14, 13, 0)


@pytest.mark.usefixtures("level")
def test_more_gaussians_in_one_tile_than_sixteen_bits_count(
    full_tile: tuple[dict[str, Tensor], tuple[Tensor, ...], dict[str, Tensor]],
) -> None:
    gaussians, expected, expected_gradients = full_tile
    assert 0.3 < expected[1].mean() < 0.99, "light reaches the last Gaussians"
    found = draw(splat_kernels, gaussians, 14, 13)
    torch.testing.assert_close(found[0].double(), expected[0], rtol=0, atol=5e-3)
    assert_same_gradients(gradients(splat_kernels, gaussians, 14, 13, 0), expected_gradients, tolerance=2e-2)


def test_a_hundred_thousand_gaussians() -> None:
    gaussians = screen_gaussians(100_000, 160, 100, size=1.5)
    found = draw(splat_kernels, gaussians, 160, 100)
    expected = draw(reference, in_double(gaussians), 160, 100)
    assert_same_images(found[0], expected[0], flips=5e-3)


def test_same_input_same_bits_on_any_number_of_threads(
    level: str, set_threads: Callable[[int], None]
) -> None:
    gaussians, extras = screen_gaussians(2000, 203, 131), torch.randn(2000, 2)

    def everything() -> list[Tensor]:
        pictures = draw(splat_kernels, gaussians, 203, 131, extras=extras, background=BACKGROUND)
        return [*pictures, *gradients(splat_kernels, gaussians, 203, 131, 2).values()]

    set_threads(1)
    first = everything()
    for threads in (1, 2, 3, 7):
        set_threads(threads)
        for a, b in zip(first, everything(), strict=True):
            assert torch.equal(a, b), f"{level} with {threads} threads"


def test_equal_depths_are_drawn_by_index() -> None:
    count = 40
    gaussians = {
        "means2d": torch.full((count, 2), 4.0), "conics": torch.tensor([[0.01, 0.0, 0.01]]).repeat(count, 1),
        "colors": torch.rand(count, 3), "opacities": torch.full((count,), 0.1),
        "depths": torch.full((count,), 3.0), "radii": torch.full((count, 2), 30, dtype=torch.int32),
    }  # fmt: skip
    found, *_ = draw(splat_kernels, gaussians, 8, 8)
    expected, *_ = draw(reference, in_double(gaussians), 8, 8)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)


@pytest.mark.usefixtures("level")
def test_radius_zero_means_not_drawn() -> None:
    gaussians = screen_gaussians(100, 40, 30)
    gaussians["radii"][::2] = 0
    found = draw(splat_kernels, gaussians, 40, 30)
    expected = draw(splat_kernels, {name: value[1::2] for name, value in gaussians.items()}, 40, 30)
    assert torch.equal(found[0], expected[0])
    for name, gradient in gradients(splat_kernels, gaussians, 40, 30, 1).items():
        assert name == "background" or (gradient[::2] == 0).all(), name


@pytest.mark.usefixtures("level")
def test_saturated_alpha_has_no_gradient() -> None:
    gaussians = screen_gaussians(1, 1, 1)
    gaussians["means2d"] = torch.full((1, 2), 0.5)
    gaussians["opacities"] = torch.tensor([0.9995], requires_grad=True)
    image, alpha, _ = draw(splat_kernels, gaussians, 1, 1)
    assert alpha.item() == pytest.approx(0.999)
    image.sum().backward()
    assert gaussians["opacities"].grad.item() == 0


@pytest.mark.usefixtures("level")
def test_extreme_gaussians_give_finite_values_and_gradients() -> None:
    gaussians = screen_gaussians(64, 50, 40)
    gaussians["conics"][0] = torch.tensor([1e-12, 0.0, 1e-12])
    gaussians["conics"][1] = torch.tensor([3.3, 0.0, 1e-10])
    gaussians["conics"][2] = torch.tensor([1.6, 1.5999, 1.6])
    gaussians["opacities"][3] = 1.0
    gaussians["opacities"][4] = 1 / 255
    gaussians["opacities"][5] = 1e-20
    gaussians["means2d"][6] = 1e9
    gaussians["depths"][7] = 1e9
    gaussians["depths"][8] = 1e-30
    assert all(bool(picture.isfinite().all()) for picture in draw(splat_kernels, gaussians, 50, 40))
    for name, gradient in gradients(splat_kernels, gaussians, 50, 40, 1).items():
        assert gradient.isfinite().all(), name


def test_an_empty_image_has_zero_gradients() -> None:
    gaussians = screen_gaussians(20, 30, 20)
    gaussians["means2d"] += 1000
    for name, gradient in gradients(splat_kernels, gaussians, 30, 20, 2).items():
        assert name == "background" or (gradient == 0).all(), name


def test_only_the_background_asks_for_a_gradient() -> None:
    background = BACKGROUND.clone().requires_grad_()
    gaussians = screen_gaussians(20, 30, 20)
    image, alpha, _ = draw(splat_kernels, gaussians, 30, 20, background=background)
    image.sum().backward()
    torch.testing.assert_close(background.grad, (1 - alpha).sum().expand(3))


def test_only_alpha_has_a_loss() -> None:
    gaussians = screen_gaussians(100, 30, 20)
    results = []
    for module, values in ((splat_kernels, gaussians), (reference, in_double(gaussians))):
        opacities = values["opacities"].clone().requires_grad_()
        draw(module, values | {"opacities": opacities}, 30, 20)[1].sum().backward()
        results.append({"opacities": opacities.grad})
    assert_same_gradients(*results, tolerance=2e-3)


def test_finite_differences() -> None:
    """Each gradient along a random direction; all Gaussians cover the image: no pixel is near a cut-off."""
    gaussians = screen_gaussians(6, 12, 9)
    gaussians["means2d"] = torch.tensor([12.0, 9.0]) * torch.rand(6, 2)
    gaussians["conics"] = torch.tensor([0.012, 0.0, 0.02]) + torch.tensor([0.004, 0.004, 0.01]) * torch.rand(
        6, 3
    )
    gaussians["opacities"] = torch.linspace(0.2, 0.7, 6)
    inputs = {name: gaussians[name] for name in NAMES[:4]} | {
        "extras": torch.rand(6, 2),
        "background": BACKGROUND,
    }
    weights = [torch.randn(9, 12, 3), torch.randn(9, 12), torch.randn(9, 12, 2)]

    def loss(values: dict[str, Tensor]) -> Tensor:
        shown = gaussians | {name: values[name] for name in NAMES[:4]}
        extras, background = values["extras"], values["background"]
        pictures = draw(splat_kernels, shown, 12, 9, extras=extras, background=background)
        return sum(
            (picture.double() * weight).sum() for picture, weight in zip(pictures, weights, strict=True)
        )

    for name, value in inputs.items():
        leaf = value.clone().requires_grad_()
        loss(inputs | {name: leaf}).backward()
        direction = torch.randn_like(value) * value.abs().mean()
        step = 1e-2
        ahead, behind = (loss(inputs | {name: value + way * step * direction}) for way in (1, -1))
        found, expected = (leaf.grad * direction).sum().double(), (ahead - behind) / (2 * step)
        scale = (leaf.grad * direction).norm().item()
        torch.testing.assert_close(found, expected.double(), rtol=1e-2, atol=1e-2 * scale, msg=name)


@pytest.mark.parametrize("n_extras", [0, 2])
def test_the_operator_is_registered_as_torch_asks(n_extras: int) -> None:
    gaussians = screen_gaussians(40, 20, 18)
    records = splat_kernels.pack_records(*gaussians.values()).requires_grad_()
    means2d, extras = gaussians["means2d"].requires_grad_(), torch.rand(40, n_extras) if n_extras else None
    arguments = (means2d, records, extras, BACKGROUND, 20, 18, None)
    # Without test_aot_dispatch_dynamic: it compares all outputs, and two of them are scratch memory.
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.splat_kernels.rasterize.default, arguments, test_utils=checks)


def test_wrong_arguments_are_named() -> None:
    gaussians = screen_gaussians(5, 20, 18)
    with pytest.raises(ValueError, match=r"background: .* \[3\] was expected, got .* \[4\]"):
        draw(splat_kernels, gaussians, 20, 18, background=torch.zeros(4))
    with pytest.raises(ValueError, match=r"extras: .* \[5, 2\] was expected, got torch.float64"):
        draw(splat_kernels, gaussians, 20, 18, extras=torch.zeros(5, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="at least 1 x 1 pixels was expected, got 20 x 0"):
        draw(splat_kernels, gaussians, 20, 0)
    with pytest.raises(ValueError, match=r"abs_gradients: .* \[5, 2\] was expected, got .* \[4, 2\]"):
        draw(splat_kernels, gaussians, 20, 18, abs_gradients=torch.zeros(4, 2))
