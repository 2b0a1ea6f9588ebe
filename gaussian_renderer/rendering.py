"""Images of `Splats` through `Cameras`, by whichever back-end can draw them."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int32
from torch import Tensor

from gaussian_renderer.backends import ViewSettings
from gaussian_renderer.backends import load as load_backend
from scene.cameras import Cameras
from scene.splats import Splats

LOW_PASS = 0.3
"""Added to the variances on the image, px^2: no Gaussian is thinner than about half a pixel."""


@dataclass(frozen=True)
class RenderOutput:
    """What C cameras of one size see of N Gaussians.

    Args:
        images: RGB over the background, not clamped.
        alphas: how much of the background is covered, in [0, 1].
        depths: alpha-normalised z-depths in world units, 0 = none.
        inverse_depths: alpha-normalised 1/z, 0 = none.
        features: blended features of the Gaussians, not divided by alpha.
        radii: half extents on the image in px; 0 where the camera does not see the Gaussian.
        means2d: pixels; after `means2d.retain_grad()` and a backward pass its `grad` is the screen gradient.
        abs_gradients: sums over pixels of |dL/d means2d|, filled by the backward pass.
    """

    images: Float[Tensor, "C H W 3"]
    alphas: Float[Tensor, "C H W"]
    depths: Float[Tensor, "C H W"] | None
    inverse_depths: Float[Tensor, "C H W"] | None
    features: Float[Tensor, "C H W F"] | None
    radii: Int32[Tensor, "C N 2"]
    means2d: Float[Tensor, "C N 2"]
    abs_gradients: Float[Tensor, "C N 2"] | None


def render(
    splats: Splats,
    cameras: Cameras,
    *,
    background: Float[Tensor, "3"] | None = None,
    depth: bool = False,
    inverse_depth: bool = False,
    antialiased: bool = False,
    near: float = 0.01,
    far: float = 1e10,
    abs_gradients: bool = False,
    backend: str = "auto",
) -> RenderOutput:
    """Draws Gaussians; differentiable to every tensor of `splats`, to `background` and to `cameras.viewmats`.

    Args:
        splats: N Gaussians.
        cameras: one or more, all of one size, on the device of `splats`.
        background: RGB; black when None.
        depth: whether to blend z-depths.
        inverse_depth: whether to blend 1/z.
        antialiased: whether opacities make up for the low pass on the image (Mip-Splatting).
        near: Gaussians whose centre has this z-depth or less are not drawn.
        far: Gaussians whose centre has this z-depth or more are not drawn.
        abs_gradients: whether the backward pass fills `RenderOutput.abs_gradients`.
        backend: "auto", "native" or "reference".

    Raises:
        UserError: the back-end does not exist, is not installed, or cannot draw such tensors.
        ValueError: no camera, cameras of several sizes, or cameras on another device.
    """
    device, dtype = splats.means.device, splats.means.dtype
    if cameras.viewmats.device != device:
        raise ValueError(
            f"cameras are on {cameras.viewmats.device}, Gaussians on {device}: use cameras.to(device)"
        )
    assert splats.sh_degree is not None  # filled in by its constructor
    settings = ViewSettings(*cameras.size, splats.sh_degree, near, far, LOW_PASS, antialiased)
    project_view = load_backend(backend, device, dtype)
    views = [
        project_view(splats, viewmat, K, settings)
        for viewmat, K in zip(cameras.viewmats, cameras.Ks, strict=True)
    ]
    means2d, depths, radii = (
        _stack(parts)
        for parts in zip(*((view.means2d, view.depths, view.radii) for view in views), strict=True)
    )
    extras = _extra_channels(splats.features, depths, radii, depth, inverse_depth)
    absolute = torch.zeros_like(means2d) if abs_gradients else None
    pictures = []
    for c, (view, means2d_c) in enumerate(zip(views, _parts(means2d), strict=True)):
        extras_c, absolute_c = (None if of_all is None else of_all[c] for of_all in (extras, absolute))
        pictures.append(view.rasterize(means2d_c, extras_c, background, absolute_c))
    images, alphas, extra_images = (_stack(parts) for parts in zip(*pictures, strict=True))
    features, depth_images, inverse_depth_images = _read_extras(
        extra_images, alphas, splats.features, depth, inverse_depth
    )
    return RenderOutput(
        images, alphas, depth_images, inverse_depth_images, features, radii, means2d, absolute
    )


@torch.no_grad()
def mean_transmittance(
    splats: Splats, camera: Cameras, *, antialiased: bool = False, near: float = 0.01, backend: str = "auto"
) -> tuple[Float[Tensor, " N"], Bool[Tensor, " N"]]:
    """How unobstructed one camera's sight of each Gaussian is.

    Args:
        splats: N Gaussians.
        camera: one, on the device of `splats`.
        antialiased: as `render` takes it.
        near: as `render` takes it.
        backend: as `render` takes it.

    Returns:
        The transmittance in front of a Gaussian, before its own alpha, as the mean over the pixels that it is
        blended into, in [0, 1]; 0 where there is no such pixel. And whether the camera sees it: whether its
        ellipse reaches into the image.

    Raises:
        UserError: as `render`.
        ValueError: not one camera.
    """
    if len(camera) != 1:
        raise ValueError(f"one camera was expected, got {len(camera)}")
    assert splats.sh_degree is not None  # filled in by its constructor
    settings = ViewSettings(*camera.size, splats.sh_degree, near, 1e10, LOW_PASS, antialiased)
    project_view = load_backend(backend, splats.means.device, splats.means.dtype)
    view = project_view(splats, camera.viewmats[0], camera.Ks[0], settings)
    sums, counts = view.transmittance_in_front()
    return sums / counts.clamp_min(1), (view.radii > 0).all(-1)


def _stack(parts: tuple[Tensor, ...]) -> Tensor:
    """`torch.stack`, which copies; a single part is only seen in another shape."""
    return parts[0][None] if len(parts) == 1 else torch.stack(parts)


def _parts(stacked: Tensor) -> tuple[Tensor, ...]:
    """`torch.unbind`; of a single part the gradient is only seen in another shape, too."""
    return (stacked.squeeze(0),) if len(stacked) == 1 else stacked.unbind()


def _extra_channels(
    features: Float[Tensor, "N F"] | None,
    depths: Float[Tensor, "C N"],
    radii: Int32[Tensor, "C N 2"],
    depth: bool,
    inverse_depth: bool,
) -> Float[Tensor, "C N E"] | None:
    """What is blended beside colour: features, then depth, then inverse depth."""
    parts = []
    if features is not None:
        parts.append(features.expand(len(depths), -1, -1))
    if depth:
        parts.append(depths[..., None])
    if inverse_depth:
        # Invisible Gaussians have depth 0; an infinity that is never drawn would still spoil the gradient.
        parts.append(1 / torch.where(radii[..., 0] > 0, depths, 1)[..., None])
    return torch.cat(parts, dim=-1) if parts else None


def _read_extras(
    sums: Float[Tensor, "C H W E"],
    alphas: Float[Tensor, "C H W"],
    features: Float[Tensor, "N F"] | None,
    depth: bool,
    inverse_depth: bool,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The images of what `_extra_channels` made: features, depths, inverse depths."""
    count = 0 if features is None else features.shape[1]
    of_features, of_depth, of_inverse = sums.split([count, int(depth), int(inverse_depth)], dim=-1)
    return (
        None if features is None else of_features,
        _over_alpha(of_depth[..., 0], alphas) if depth else None,
        _over_alpha(of_inverse[..., 0], alphas) if inverse_depth else None,
    )


def _over_alpha(sums: Float[Tensor, "C H W"], alphas: Float[Tensor, "C H W"]) -> Float[Tensor, "C H W"]:
    covered = alphas > 0
    return torch.where(covered, sums / torch.where(covered, alphas, 1), 0)
