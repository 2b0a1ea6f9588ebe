"""The projection kernel is the reference projection, forward and backward, at every instruction level."""

import pytest
import splat_kernels
import torch
from torch import Tensor

from gaussian_renderer.backends import reference
from scene import Cameras, Splats
from tests.gaussian_renderer import scenes
from tests.splat_kernels.agreement import assert_same_gradients, relative_error

NAMES = ("means2d", "conics", "depths", "radii", "colors", "opacities")


def project(module, splats: Splats, cameras: Cameras, **changes: float | bool) -> dict[str, Tensor]:
    options = {"near": 0.01, "far": 1e10, "low_pass": 0.3, "antialiased": False, "raw": splats.raw} | changes
    outputs = module.project(
        splats.means, splats.quats, splats.scales, splats.opacities, splats.sh, cameras.viewmats[0],
        cameras.Ks[0], *cameras.size, splats.sh_degree, **options,
    )  # fmt: skip
    return dict(zip(NAMES, outputs, strict=True))


def in_double(splats: Splats) -> Splats:
    parts = (splats.means, splats.quats, splats.scales, splats.opacities, splats.sh)
    return Splats(*(part.double() for part in parts), raw=splats.raw, sh_degree=splats.sh_degree)


def camera(dtype: torch.dtype) -> Cameras:
    # Rounded to float32 first: both sides must see one camera.
    cameras = scenes.one_camera(90, 70, torch.float32)
    return Cameras(cameras.viewmats.to(dtype), cameras.Ks.to(dtype), cameras.width, cameras.height)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_forward_is_the_reference(degree: int, raw: bool, antialiased: bool) -> None:
    splats = scenes.crowd(2001, degree=degree, dtype=torch.float32)
    splats = splats if raw else splats.activated()
    options = {"antialiased": antialiased, "near": 1.0, "far": 9.0}
    found = project(splat_kernels, splats, camera(torch.float32), **options)
    expected = project(reference, in_double(splats), camera(torch.float64), **options)
    visible = (expected["radii"] > 0).all(-1)
    assert 300 < visible.sum() < 1800
    assert ((found["radii"] > 0).all(-1) != visible).sum() <= 2, "rounding decides for next to none"
    both = visible & (found["radii"] > 0).all(-1)
    assert (found["radii"] - expected["radii"])[both].abs().max() <= 1
    # Measured: conics 2e-5 and opacities 3e-6 when raw (the kernel's exp), everything else below 5e-7.
    for name in ("means2d", "conics", "depths", "colors", "opacities"):
        tolerance = 5e-5 if raw and name in ("conics", "opacities") else 2e-6
        assert relative_error(found[name][both], expected[name][both]) < tolerance, name
        assert (found[name][(found["radii"] == 0).all(-1)] == 0).all(), f"invisible rows of {name} are zero"


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_gradients_are_the_reference(degree: int, raw: bool, antialiased: bool) -> None:
    splats = scenes.crowd(501, degree=degree, dtype=torch.float32)
    splats = splats if raw else splats.activated()
    weights = {name: torch.randn(501, width).squeeze(-1) for name, width in
               {"means2d": 2, "conics": 3, "depths": 1, "colors": 3, "opacities": 1}.items()}  # fmt: skip
    results = []
    for module, dtype in ((splat_kernels, torch.float32), (reference, torch.float64)):
        fresh, leaves = scenes.with_gradients(splats if dtype == torch.float32 else in_double(splats))
        cameras = camera(dtype)
        leaves["viewmat"] = cameras.viewmats.requires_grad_()
        out = project(module, fresh, cameras, antialiased=antialiased, near=0.5)
        sum((out[name] * weight).sum() for name, weight in weights.items()).backward()
        results.append({name: leaf.grad for name, leaf in leaves.items()})
    assert_same_gradients(*results, tolerance=1e-4)


def test_degree_below_what_is_stored() -> None:
    splats = scenes.crowd(100, dtype=torch.float32)
    low = Splats(
        splats.means, splats.quats, splats.scales, splats.opacities, splats.sh, raw=True, sh_degree=1
    )
    low.sh.requires_grad_()
    found = project(splat_kernels, low, camera(torch.float32))["colors"]
    expected = project(reference, low, camera(torch.float32))["colors"]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    found.sum().backward()
    assert (low.sh.grad[:, :4] != 0).any()
    assert (low.sh.grad[:, 4:] == 0).all()


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 1023, 1025])
def test_any_number_of_gaussians(count: int) -> None:
    splats, leaves = scenes.with_gradients(scenes.crowd(count, dtype=torch.float32))
    found = project(splat_kernels, splats, camera(torch.float32))
    expected = project(reference, splats, camera(torch.float32))
    for name in NAMES:
        rounding = 1 if name == "radii" else 2e-4
        torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=rounding, msg=name)
    sum(found[name].sum() for name in NAMES if name != "radii").backward()
    assert all(leaf.grad.shape == leaf.shape for leaf in leaves.values())


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("antialiased", [False, True])
def test_extreme_gaussians_give_finite_values_and_gradients(antialiased: bool) -> None:
    cameras = camera(torch.float32)
    splats, leaves = scenes.with_gradients(scenes.crowd(32, dtype=torch.float32))
    with torch.no_grad():
        leaves["means"].copy_(torch.randn(32, 3) * 0.3)
        leaves["means"][0] = cameras.centers[0]
        leaves["means"][1] = cameras.centers[0] - 2 * cameras.viewmats[0, 2, :3]
        leaves["means"][2] = 1e15
        leaves["means"][3] = cameras.centers[0] + 0.011 * cameras.viewmats[0, 2, :3]
        leaves["scales"][4] = 200.0  # exp overflows
        leaves["scales"][5] = -200.0
        leaves["scales"][6] = torch.tensor([30.0, -200.0, -200.0])
        leaves["scales"][7] = torch.tensor([2.0, -12.0, -12.0])
        leaves["scales"][8] = 10.0
        leaves["opacities"][9] = 500.0
        leaves["opacities"][10] = -500.0
        leaves["quats"][11] = 0.0
        leaves["quats"][12] = 1e-30
        leaves["quats"][13] = 1e15
    found = project(splat_kernels, splats, cameras, antialiased=antialiased)
    assert all(bool(values.isfinite().all()) for values in found.values())
    assert (found["radii"] >= 0).all()
    sum(found[name].sum() for name in NAMES if name != "radii").backward()
    for name, leaf in leaves.items():
        assert leaf.grad.isfinite().all(), f"{name}: {torch.nonzero(~leaf.grad.isfinite())}"


def test_finite_differences(tiny_splats: Splats, tiny_cameras: Cameras) -> None:
    """Each gradient along a random direction, on a scene that is away from every cut-off."""
    parts = (tiny_splats.means, tiny_splats.quats, tiny_splats.scales, tiny_splats.opacities, tiny_splats.sh)
    inputs = [part.float() for part in (*parts, tiny_cameras.viewmats[0])]
    options = (tiny_cameras.Ks[0].float(), 24, 20, 3, 0.01, 1e10, 0.3, True, True)
    shapes = {"means2d": 2, "conics": 3, "depths": 1, "colors": 3, "opacities": 1}
    weights = {name: torch.randn(8, width).squeeze(-1) for name, width in shapes.items()}

    def loss(values: list[Tensor]) -> Tensor:
        out = dict(zip(NAMES, splat_kernels.project(*values, *options), strict=True))
        return sum((out[name].double() * weight).sum() for name, weight in weights.items())

    for i in range(len(inputs)):
        direction = torch.randn_like(inputs[i])
        if i == 5:
            direction[3] = 0
        step = 2e-3 / direction.norm()
        ahead, behind = list(inputs), list(inputs)
        ahead[i], behind[i] = inputs[i] + step * direction, inputs[i] - step * direction
        expected = (loss(ahead) - loss(behind)) / (2 * step)
        leaf = inputs[i].clone().requires_grad_()
        loss([*inputs[:i], leaf, *inputs[i + 1 :]]).backward()
        found = (leaf.grad * direction).sum()
        torch.testing.assert_close(found.double(), expected, rtol=1e-2, atol=1e-2 * leaf.grad.norm().item())


def test_opcheck(tiny_splats: Splats, tiny_cameras: Cameras) -> None:
    parts = (tiny_splats.means, tiny_splats.quats, tiny_splats.scales, tiny_splats.opacities, tiny_splats.sh)
    leaves = [part.float().requires_grad_() for part in (*parts, tiny_cameras.viewmats[0])]
    options = (tiny_cameras.Ks[0].float(), 24, 20, 3, 0.01, 1e10, 0.3, False, True)
    torch.library.opcheck(torch.ops.splat_kernels.project.default, (*leaves, *options))


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"means": torch.zeros(5, 3, dtype=torch.float64)}, "means: a torch.float32 CPU tensor of shape"),
        ({"quats": torch.zeros(5, 3)}, "quats: .* shape \\[5, 4\\] was expected, got .* \\[5, 3\\]"),
        ({"scales": torch.zeros(4, 3)}, "scales: "),
        ({"sh": torch.zeros(5, 8, 3)}, "got \\[5, 8, 3\\] for degree 2"),
        ({"width": 0}, "at least 1 x 1 pixels was expected, got 0 x 4"),
        ({"sh_degree": 4}, "for degree 4"),
    ],
)
def test_wrong_arguments_are_named(broken: dict[str, object], words: str) -> None:
    arguments = {
        "means": torch.zeros(5, 3), "quats": torch.ones(5, 4), "scales": torch.zeros(5, 3),
        "opacities": torch.zeros(5), "sh": torch.zeros(5, 9, 3), "viewmat": torch.eye(4), "K": torch.eye(3),
        "width": 6, "height": 4, "sh_degree": 2,
    } | broken  # fmt: skip
    with pytest.raises(ValueError, match=words):
        splat_kernels.project(**arguments)
