"""`render` through the kernels is `render` through the reference. tests/splat_kernels tests the kernels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from core.sh import rgb_to_dc
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


@pytest.mark.data
def test_a_real_scene(captures: Path) -> None:
    """138,766 points of a garden as Gaussians, as training would start from them."""
    file = captures / "gsplat_garden" / "test_garden.npz"
    if not file.exists():
        pytest.skip(f"{file} is absent")
    garden = np.load(file)
    distances, _ = cKDTree(garden["means3d"]).query(garden["means3d"], k=4)
    scales = np.sqrt((distances[:, 1:] ** 2).mean(1, keepdims=True)).repeat(3, axis=1)
    count = len(scales)
    splats = Splats(
        means=torch.from_numpy(garden["means3d"]),
        quats=torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(count, 1),
        scales=torch.from_numpy(scales).float(),
        opacities=torch.full((count,), 0.5),
        sh=rgb_to_dc(torch.from_numpy(garden["colors"]) / 255)[:, None],
    )
    sizes = (torch.full((3,), int(garden[name])) for name in ("width", "height"))
    cameras = Cameras(torch.from_numpy(garden["viewmats"]), torch.from_numpy(garden["Ks"]), *sizes)
    cameras = cameras.resized(cameras.width // 4, cameras.height // 4)[1]
    native, reference = (
        render(splats, cameras, depth=True, backend=name) for name in ("native", "reference")
    )
    difference = (native.images - reference.images).abs()
    assert reference.alphas.mean() > 0.5
    assert difference.mean() < 2e-5
    assert (difference > 1e-3).double().mean() < 1e-3
    assert (native.depths - reference.depths).abs().mean() < 1e-3 * reference.depths.mean()
