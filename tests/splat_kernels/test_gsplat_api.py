"""`rasterization` means what it means in gsplat 1.5.3, argument by argument."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import splat_kernels
import torch
from splat_kernels.gsplat_api import rasterization
from torch import Tensor

from gaussian_renderer.backends import reference
from tests.gaussian_renderer import scenes

# gsplat 1.5.3, gsplat/rendering.py: names and defaults in order.
SIGNATURE = {
    "means": ..., "quats": ..., "scales": ..., "opacities": ..., "colors": ..., "viewmats": ..., "Ks": ...,
    "width": ..., "height": ..., "near_plane": 0.01, "far_plane": 1e10, "radius_clip": 0.0, "eps2d": 0.3,
    "sh_degree": None, "packed": True, "tile_size": 16, "backgrounds": None, "render_mode": "RGB",
    "sparse_grad": False, "absgrad": False, "rasterize_mode": "classic", "channel_chunk": 32,
    "distributed": False, "camera_model": "pinhole", "segmented": False, "covars": None, "with_ut": False,
    "with_eval3d": False, "radial_coeffs": None, "tangential_coeffs": None, "thin_prism_coeffs": None,
    "ftheta_coeffs": None, "rolling_shutter": None, "viewmats_rs": None,
}  # fmt: skip
META = {
    "batch_ids", "camera_ids", "gaussian_ids", "radii", "means2d", "depths", "conics", "opacities",
    "tile_width", "tile_height", "tile_size", "tiles_per_gauss", "width", "height", "n_batches", "n_cameras",
}  # fmt: skip
N, C, WIDTH, HEIGHT = 120, 2, 37, 29


@pytest.fixture
def scene() -> dict[str, Any]:
    """Gaussians of degree 2 and two cameras, as gsplat takes them."""
    splats = scenes.crowd(N, degree=2, size=0.2, dtype=torch.float32).activated()
    first = scenes.one_camera(WIDTH, HEIGHT, torch.float32)
    viewmats = first.viewmats.repeat(C, 1, 1)
    viewmats[1, :3, 3] += torch.tensor([0.5, 0.2, 0.4])
    return {
        "means": splats.means, "quats": splats.quats * 1.7, "scales": splats.scales,
        "opacities": splats.opacities, "colors": splats.sh, "viewmats": viewmats,
        "Ks": first.Ks.repeat(C, 1, 1), "width": WIDTH, "height": HEIGHT, "sh_degree": 2,
    }  # fmt: skip


def expected_images(
    scene: dict[str, Any], camera: int = 0, *, near: float = 0.01, far: float = 1e10, low_pass: float = 0.3,
    antialiased: bool = False, channels: Tensor | None = None, keep: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """What the reference draws: colours, alphas [H, W] and sums of weight times depth [H, W]."""
    degree = scene["sh_degree"]
    sh = scene["colors"] if degree is not None else torch.zeros(N, 1, 3)
    projection = reference.project(
        scene["means"], scene["quats"], scene["scales"], scene["opacities"], sh, scene["viewmats"][camera],
        scene["Ks"][camera], WIDTH, HEIGHT, degree or 0, near, far, low_pass, antialiased, False,
    )  # fmt: skip
    means2d, conics, depths, radii, colors, opacities = projection
    if keep is not None:
        radii = torch.where(keep(radii)[:, None], radii, 0)
    extras = depths[:, None] if channels is None else torch.cat([channels, depths[:, None]], dim=1)
    image, alpha, sums = reference.rasterize(
        means2d, conics, colors, opacities, depths, radii, extras, None, WIDTH, HEIGHT, None
    )
    return (image if channels is None else sums[..., :-1]), alpha, sums[..., -1]


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_signature_is_gsplats() -> None:
    assert splat_kernels.rasterization is rasterization
    parameters = inspect.signature(rasterization).parameters
    found = {n: ... if p.default is inspect.Parameter.empty else p.default for n, p in parameters.items()}
    assert list(found.items()) == list(SIGNATURE.items())


@pytest.mark.parametrize("packed", [False, True])
def test_spherical_harmonics_of_all_cameras(scene: dict[str, Any], packed: bool) -> None:
    colors, alphas, meta = rasterization(**scene, packed=packed)
    assert colors.shape == (C, HEIGHT, WIDTH, 3)
    assert alphas.shape == (C, HEIGHT, WIDTH, 1)
    assert set(meta) == META
    for camera in range(C):
        image, alpha, _ = expected_images(scene, camera)
        close(colors[camera], image)
        close(alphas[camera, ..., 0], alpha)


def test_spherical_harmonics_of_each_camera(scene: dict[str, Any]) -> None:
    each = torch.stack([scene["colors"], -scene["colors"]])
    colors, _, _ = rasterization(**scene | {"colors": each})
    for camera in range(C):
        close(colors[camera], expected_images(scene | {"colors": each[camera]}, camera)[0])


def test_a_lower_degree(scene: dict[str, Any]) -> None:
    close(rasterization(**scene | {"sh_degree": 1})[0][0], expected_images(scene | {"sh_degree": 1})[0])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 40])
def test_channels_of_all_cameras(scene: dict[str, Any], count: int, packed: bool) -> None:
    channels, backgrounds = torch.randn(N, count), torch.rand(C, count)
    scene |= {"colors": channels, "sh_degree": None}
    colors, alphas, _ = rasterization(**scene, backgrounds=backgrounds, packed=packed)
    assert colors.shape == (C, HEIGHT, WIDTH, count)
    image, alpha, _ = expected_images(scene, 1, channels=channels)
    close(alphas[1, ..., 0], alpha)
    close(colors[1], image + (1 - alpha[..., None]) * backgrounds[1])


@pytest.mark.parametrize("packed", [False, True])
def test_channels_of_each_camera(scene: dict[str, Any], packed: bool) -> None:
    channels = torch.randn(C, N, 5)
    colors, _, _ = rasterization(**scene | {"colors": channels, "sh_degree": None}, packed=packed)
    for camera in range(C):
        close(
            colors[camera], expected_images(scene | {"sh_degree": None}, camera, channels=channels[camera])[0]
        )


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "D", "ED", "RGB+D", "RGB+ED"])
def test_render_mode(scene: dict[str, Any], mode: str, packed: bool) -> None:
    backgrounds = torch.rand(C, 3)
    found, alphas, _ = rasterization(**scene, render_mode=mode, backgrounds=backgrounds, packed=packed)
    image, alpha, depth = expected_images(scene)
    parts = []
    if "RGB" in mode:
        parts.append(image + (1 - alpha[..., None]) * backgrounds[0])
    if "D" in mode:
        parts.append((depth / alpha.clamp(min=1e-10) if "ED" in mode else depth)[..., None])
    close(found[0], torch.cat(parts, dim=-1))
    close(alphas[0, ..., 0], alpha)


def test_planes(scene: dict[str, Any]) -> None:
    found, *_ = rasterization(**scene, near_plane=3.5, far_plane=5.0)
    close(found[0], expected_images(scene, near=3.5, far=5.0)[0])


def test_eps2d(scene: dict[str, Any]) -> None:
    close(rasterization(**scene, eps2d=2.0)[0][0], expected_images(scene, low_pass=2.0)[0])


def test_rasterize_mode(scene: dict[str, Any]) -> None:
    found, _, _ = rasterization(**scene, rasterize_mode="antialiased")
    expected = expected_images(scene, antialiased=True)[0]
    close(found[0], expected)
    assert (found[0] - rasterization(**scene)[0][0]).abs().max() > 0.01


@pytest.mark.parametrize("packed", [False, True])
def test_radius_clip(scene: dict[str, Any], packed: bool) -> None:
    found, _, meta = rasterization(**scene, radius_clip=7.0, packed=packed)
    close(found[0], expected_images(scene, keep=lambda radii: (radii > 7).any(-1))[0])
    visible = meta["radii"][(meta["radii"] > 0).all(-1)]
    assert len(visible)
    assert (visible.max(-1).values > 7).all()


def test_unpacked_meta(scene: dict[str, Any]) -> None:
    _, _, meta = rasterization(**scene, packed=False)
    shapes = {
        "radii": (C, N, 2),
        "means2d": (C, N, 2),
        "depths": (C, N),
        "conics": (C, N, 3),
        "opacities": (C, N),
    }
    assert {name: tuple(meta[name].shape) for name in shapes} == shapes
    assert meta["radii"].dtype == torch.int32
    assert (meta["batch_ids"], meta["camera_ids"], meta["gaussian_ids"]) == (None, None, None)
    sizes = {"width": WIDTH, "height": HEIGHT, "tile_size": 16, "tile_width": 3, "tile_height": 2,
             "n_batches": 1, "n_cameras": C}  # fmt: skip
    assert {name: meta[name] for name in sizes} == sizes


def test_packed_meta_holds_the_visible_rows(scene: dict[str, Any]) -> None:
    _, _, packed = rasterization(**scene, packed=True)
    _, _, dense = rasterization(**scene, packed=False)
    visible = (dense["radii"] > 0).all(-1)
    assert 0 < visible.sum() < C * N
    cameras, gaussians = torch.nonzero(visible, as_tuple=True)
    assert torch.equal(packed["camera_ids"], cameras)
    assert torch.equal(packed["gaussian_ids"], gaussians)
    assert (packed["batch_ids"] == 0).all()
    for name in ("radii", "means2d", "depths", "conics", "opacities", "tiles_per_gauss"):
        assert torch.equal(packed[name], dense[name][visible]), name


@pytest.mark.parametrize("tile_size", [16, 8])
def test_tile_size_is_what_meta_counts_in(scene: dict[str, Any], tile_size: int) -> None:
    colors, _, meta = rasterization(**scene, tile_size=tile_size, packed=False)
    assert torch.equal(colors, rasterization(**scene)[0])
    assert (meta["tile_width"], meta["tile_height"]) == (-(-WIDTH // tile_size), -(-HEIGHT // tile_size))
    row = int((meta["radii"][0] > 0).all(-1).nonzero()[3])
    (x, y), (rx, ry) = meta["means2d"][0, row].tolist(), meta["radii"][0, row].tolist()
    touched = sum(
        x - rx < (column + 1) * tile_size and x + rx > column * tile_size
        and y - ry < (line + 1) * tile_size and y + ry > line * tile_size
        for column in range(meta["tile_width"]) for line in range(meta["tile_height"])
    )  # fmt: skip
    assert meta["tiles_per_gauss"][0, row] == touched


@pytest.mark.parametrize("changes", [{"segmented": True}, {"channel_chunk": 1}, {"channel_chunk": 500}])
def test_what_only_changes_how_gsplat_works_changes_nothing(
    scene: dict[str, Any], changes: dict[str, Any]
) -> None:
    scene |= {"colors": torch.rand(N, 9), "sh_degree": None}
    assert torch.equal(rasterization(**scene, **changes)[0], rasterization(**scene)[0])


@pytest.mark.parametrize("packed", [False, True])
def test_batches_are_drawn_one_by_one(scene: dict[str, Any], packed: bool) -> None:
    shape = (2, 1)
    names = ("means", "quats", "scales", "opacities", "colors", "viewmats", "Ks")
    batch = {name: torch.stack([scene[name], scene[name] * 1.01]).unflatten(0, shape) for name in names}
    batch["viewmats"], batch["Ks"] = (
        scene[name].expand(*shape, *scene[name].shape) for name in ("viewmats", "Ks")
    )
    backgrounds = torch.rand(*shape, C, 3)
    colors, alphas, meta = rasterization(**scene | batch, packed=packed, backgrounds=backgrounds)
    assert colors.shape == (*shape, C, HEIGHT, WIDTH, 3)
    assert alphas.shape == (*shape, C, HEIGHT, WIDTH, 1)
    assert (meta["n_batches"], meta["n_cameras"]) == (2, C)
    for b in range(2):
        alone = scene | {name: batch[name][b, 0] for name in names}
        assert torch.equal(colors[b, 0], rasterization(**alone, backgrounds=backgrounds[b, 0])[0])
    if packed:
        assert set(meta["batch_ids"].tolist()) == {0, 1}
        assert set(meta["camera_ids"].tolist()) == set(range(C))
    else:
        assert meta["means2d"].shape == (*shape, C, N, 2)


@pytest.mark.parametrize("packed", [False, True])
def test_gradients(scene: dict[str, Any], packed: bool) -> None:
    names = ("means", "quats", "scales", "opacities", "colors", "viewmats")
    weights = torch.randn(HEIGHT, WIDTH, 4)
    results = []
    for draw in (rasterization, expected_images):
        leaves = {name: scene[name].clone().requires_grad_() for name in names}
        if draw is rasterization:
            found, _, meta = rasterization(**scene | leaves, render_mode="RGB+D", packed=packed)
            meta["means2d"].retain_grad()
            picture = found[0]
        else:
            image, _, depth = expected_images(scene | leaves)
            picture = torch.cat([image, depth[..., None]], dim=-1)
        (picture * weights).sum().backward()
        results.append({name: leaf.grad for name, leaf in leaves.items()})
    for name, expected in results[1].items():
        assert (results[0][name] - expected).norm() < 2e-3 * expected.norm(), name
    screen = meta["means2d"].grad
    assert screen.shape == meta["means2d"].shape
    first_camera = meta["camera_ids"] == 0 if packed else 0
    assert (screen[first_camera] != 0).any()


@pytest.mark.parametrize("packed", [False, True])
def test_absgrad(scene: dict[str, Any], packed: bool) -> None:
    scene["means"].requires_grad_()
    colors, _, meta = rasterization(**scene, absgrad=True, packed=packed)
    meta["means2d"].retain_grad()
    (colors * torch.randn_like(colors)).sum().backward()
    absolute, signed = meta["means2d"].absgrad, meta["means2d"].grad
    assert absolute.shape == signed.shape
    assert (absolute >= signed.abs() - 1e-4).all()
    assert (absolute > 2 * signed.abs()).any()
    _, _, without = rasterization(**scene, packed=packed)
    assert not hasattr(without["means2d"], "absgrad")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sparse_grad", True), ("distributed", True), ("camera_model", "ortho"), ("camera_model", "fisheye"),
        ("covars", torch.eye(3).repeat(N, 1, 1)), ("with_ut", True), ("with_eval3d", True),
        ("radial_coeffs", torch.zeros(C, 6)), ("tangential_coeffs", torch.zeros(C, 2)),
        ("thin_prism_coeffs", torch.zeros(C, 4)), ("ftheta_coeffs", object()), ("rolling_shutter", object()),
        ("viewmats_rs", torch.eye(4).repeat(C, 1, 1)),
    ],
)  # fmt: skip
def test_what_is_not_supported_says_so(scene: dict[str, Any], name: str, value: object) -> None:
    with pytest.raises(NotImplementedError, match=f"{name}.* is not supported on a CPU: "):
        rasterization(**scene, **{name: value})


def test_gsplats_global_shutter_is_understood(scene: dict[str, Any]) -> None:
    class RollingShutterType:
        name = "GLOBAL"

    assert torch.equal(
        rasterization(**scene, rolling_shutter=RollingShutterType())[0], rasterization(**scene)[0]
    )


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"render_mode": "depth"}, "render_mode must be .* got 'depth'"),
        ({"rasterize_mode": "sharp"}, "rasterize_mode must be .* got 'sharp'"),
        ({"quats": torch.zeros(N, 3)}, rf"quats of shape \[{N}, 4\] was expected, got \[{N}, 3\]"),
        ({"Ks": torch.zeros(C + 1, 3, 3)}, rf"Ks of shape \[{C}, 3, 3\] was expected"),
        ({"colors": torch.zeros(N + 1, 9, 3)}, rf"colors of shape \[{N}\] or \[{C}, {N}\] and then \[K, 3\]"),
        ({"colors": torch.zeros(3), "sh_degree": None}, r"and then \[D\] were expected, got \[3\]"),
        ({"sh_degree": 3}, "for degree 3"),
        (
            {"backgrounds": torch.zeros(C, 4)},
            rf"backgrounds of shape \[{C}, 3\] were expected, got \[{C}, 4\]",
        ),
        ({"means": torch.zeros(N, 3, dtype=torch.float64)}, "means: a torch.float32 CPU tensor"),
    ],
)
def test_wrong_arguments_are_named(scene: dict[str, Any], broken: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rasterization(**scene | broken)


def test_meta_says_what_it_does_not_have(scene: dict[str, Any]) -> None:
    _, _, meta = rasterization(**scene)
    with pytest.raises(KeyError, match="no 'isect_ids' on a CPU"):
        meta["isect_ids"]
