"""`render` through the kernels is `render` through the reference. tests/splat_kernels tests the kernels."""

import pytest
import torch

from gaussian_renderer import RenderOutput, render
from scene import Cameras, Splats
from tests.gaussian_renderer import scenes


def single(splats: Splats, cameras: Cameras) -> tuple[Splats, Cameras]:
    parts = (splats.means, splats.quats, splats.scales, splats.opacities, splats.sh)
    features = torch.rand(len(splats), 2)
    return Splats(*(part.float() for part in parts), features=features, raw=splats.raw), Cameras(
        cameras.viewmats.float(), cameras.Ks.float(), cameras.width, cameras.height
    )


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("raw", [False, True])
def test_native_is_the_reference(
    tiny_splats: Splats, tiny_cameras: Cameras, raw: bool, antialiased: bool
) -> None:
    splats, cameras = single(tiny_splats if raw else tiny_splats.activated(), tiny_cameras)
    background = torch.tensor([0.1, 0.6, 0.3])
    results: list[tuple[RenderOutput, dict[str, torch.Tensor]]] = []
    for backend in ("native", "reference"):
        fresh, leaves = scenes.with_gradients(splats)
        leaves["background"] = background.clone().requires_grad_()
        leaves["viewmats"] = cameras.viewmats.clone().requires_grad_()
        moved = Cameras(leaves["viewmats"], cameras.Ks, cameras.width, cameras.height)
        output = render(fresh, moved, background=leaves["background"], depth=True, inverse_depth=True,
                        antialiased=antialiased, abs_gradients=True, backend=backend)  # fmt: skip
        output.means2d.retain_grad()
        parts = (output.images, output.alphas, output.depths, output.inverse_depths, output.features)
        torch.manual_seed(1)
        sum((part * torch.randn_like(part)).sum() for part in parts).backward()
        gradients = {name: leaf.grad for name, leaf in leaves.items()} | {"means2d": output.means2d.grad}
        results.append((output, gradients))
    (native, native_gradients), (reference, reference_gradients) = results
    for name in ("images", "alphas", "depths", "inverse_depths", "features", "radii", "means2d"):
        torch.testing.assert_close(
            getattr(native, name), getattr(reference, name), rtol=1e-4, atol=1e-4, msg=name
        )
    torch.testing.assert_close(native.abs_gradients, reference.abs_gradients, rtol=1e-3, atol=1e-3)
    for name, expected in reference_gradients.items():
        error = (native_gradients[name] - expected).norm() / expected.norm()
        assert error < 1e-3, f"{name}: relative error {error:.1e}"
