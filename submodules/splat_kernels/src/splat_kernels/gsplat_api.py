"""gsplat 1.5.3's `rasterization` on a CPU: `from splat_kernels import rasterization`.

Differences that remain: antialiasing never multiplies an opacity by less than 0.005; the tile lists of `meta`
(`isect_ids`, `flatten_ids`, `isect_offsets`) do not exist here; rows of invisible Gaussians are zero where
gsplat leaves them as they are; `meta["means2d"].absgrad` is there from the start and filled by the backward
pass. What is not supported raises and says what to use instead.
"""

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from splat_kernels.blending import rasterize
from splat_kernels.projection import project

RenderMode = Literal["RGB", "D", "ED", "RGB+D", "RGB+ED"]


class Meta(dict[str, Any]):
    """Intermediate results by gsplat's names."""

    def __missing__(self, key: str) -> Any:
        raise KeyError(f"meta has no {key!r} on a CPU; it has {', '.join(sorted(self))}")


class _Rows(NamedTuple):
    """Projected Gaussians: of one image, of all of them in a stack, or packed one image after the other."""

    means2d: Tensor  # [..., N, 2]
    conics: Tensor  # [..., N, 3]
    depths: Tensor  # [..., N]
    radii: Tensor  # [..., N, 2] int32
    colors: Tensor  # [..., N, D]
    opacities: Tensor  # [..., N]


def rasterization(
    means: Tensor,  # [..., N, 3]
    quats: Tensor,  # [..., N, 4]
    scales: Tensor,  # [..., N, 3]
    opacities: Tensor,  # [..., N]
    colors: Tensor,  # [..., (C,) N, D] or [..., (C,) N, K, 3]
    viewmats: Tensor,  # [..., C, 4, 4]
    Ks: Tensor,  # [..., C, 3, 3]
    width: int,
    height: int,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    radius_clip: float = 0.0,
    eps2d: float = 0.3,
    sh_degree: int | None = None,
    packed: bool = True,
    tile_size: int = 16,
    backgrounds: Tensor | None = None,  # [..., C, D]
    render_mode: RenderMode = "RGB",
    sparse_grad: bool = False,
    absgrad: bool = False,
    rasterize_mode: Literal["classic", "antialiased"] = "classic",
    channel_chunk: int = 32,
    distributed: bool = False,
    camera_model: Literal["pinhole", "ortho", "fisheye", "ftheta"] = "pinhole",
    segmented: bool = False,
    covars: Tensor | None = None,
    with_ut: bool = False,
    with_eval3d: bool = False,
    radial_coeffs: Tensor | None = None,
    tangential_coeffs: Tensor | None = None,
    thin_prism_coeffs: Tensor | None = None,
    ftheta_coeffs: Any = None,
    rolling_shutter: Any = None,
    viewmats_rs: Tensor | None = None,
) -> tuple[Tensor, Tensor, Meta]:
    """Draws N Gaussians through C cameras, for each entry of any leading batch dimensions.

    Args:
        means: centres in the world.
        quats: rotations, wxyz, of any non-zero length.
        scales: standard deviations.
        opacities: in (0, 1).
        colors: D channels, or spherical harmonics when `sh_degree` is given; for all cameras or for each.
        viewmats: camera-from-world.
        Ks: intrinsics in pixels; no gradient flows to them.
        width: of the images, in pixels.
        height: of the images, in pixels.
        near_plane: Gaussians nearer than this z-depth are not drawn.
        far_plane: Gaussians farther than this z-depth are not drawn.
        radius_clip: Gaussians whose radii in px are both at most this are not drawn.
        eps2d: added to the variances on the image, px^2.
        sh_degree: degree of the spherical harmonics evaluated, or None where `colors` are channels.
        packed: whether the tensors of `meta` hold only visible Gaussians, one image after the other.
        tile_size: what `tile_width`, `tile_height` and `tiles_per_gauss` of `meta` count in.
        backgrounds: what is behind the Gaussians, of as many channels as are drawn without depth.
        render_mode: channels, depth (D: sum of weight times z; ED: that over alpha), or both, depth last.
        sparse_grad: not supported when True.
        absgrad: whether `meta["means2d"].absgrad` gets sums over pixels of absolute gradients.
        rasterize_mode: whether opacities make up for `eps2d`.
        channel_chunk: accepted; the kernels draw all channels at once.
        distributed: not supported when True.
        camera_model: only "pinhole".
        segmented: accepted; it only chooses how gsplat sorts.
        covars: not supported.
        with_ut: not supported when True.
        with_eval3d: not supported when True.
        radial_coeffs: not supported.
        tangential_coeffs: not supported.
        thin_prism_coeffs: not supported.
        ftheta_coeffs: not supported.
        rolling_shutter: only None or gsplat's `RollingShutterType.GLOBAL`.
        viewmats_rs: not supported.

    Returns:
        Channels [..., C, height, width, X], alphas [..., C, height, width, 1], intermediate results by name.

    Raises:
        NotImplementedError: an argument asks for what the CPU kernels do not do.
        ValueError: an argument has the wrong shape, or a mode is unknown.
    """
    _refuse_unsupported(
        sparse_grad=sparse_grad,
        distributed=distributed,
        with_ut=with_ut,
        with_eval3d=with_eval3d,
        covars=covars,
        radial_coeffs=radial_coeffs,
        tangential_coeffs=tangential_coeffs,
        thin_prism_coeffs=thin_prism_coeffs,
        ftheta_coeffs=ftheta_coeffs,
        viewmats_rs=viewmats_rs,
        camera_model=None if camera_model == "pinhole" else camera_model,
        rolling_shutter=None if getattr(rolling_shutter, "name", None) == "GLOBAL" else rolling_shutter,
    )
    if render_mode not in ("RGB", "D", "ED", "RGB+D", "RGB+ED"):
        raise ValueError(f"render_mode must be RGB, D, ED, RGB+D or RGB+ED, got {render_mode!r}")
    if rasterize_mode not in ("classic", "antialiased"):
        raise ValueError(f"rasterize_mode must be classic or antialiased, got {rasterize_mode!r}")
    n_cameras = viewmats.shape[-3]
    per_camera = _check_shapes(means, quats, scales, opacities, colors, viewmats, Ks, sh_degree)
    images = _Images(means.shape[:-2], n_cameras, width, height)
    gaussians = [images.shared(tensor) for tensor in (means, quats, scales, opacities)]
    colors = images.own(colors) if per_camera else images.shared(colors)
    settings = (sh_degree, near_plane, far_plane, eps2d, rasterize_mode == "antialiased")
    projected = [
        _clip(_project(images, *parts, *settings), radius_clip)
        for parts in zip(*gaussians, colors, images.own(viewmats), images.own(Ks), strict=True)
    ]
    if packed:
        rows, image_ids, gaussian_ids = _packed(projected)
        counts = image_ids.bincount(minlength=len(projected)).tolist()
        ids = (image_ids // n_cameras, image_ids % n_cameras, gaussian_ids)
    else:
        rows = _Rows(*(images.restored(torch.stack(parts)) for parts in zip(*projected, strict=True)))
        counts = [means.shape[-2]] * len(projected)
        ids = (None, None, None)
    absolute = None
    if absgrad:
        absolute = rows.means2d.absgrad = torch.zeros_like(rows.means2d)  # type: ignore[attr-defined]
    render_colors, render_alphas = _draw(images, rows, counts, backgrounds, absolute, render_mode)
    return render_colors, render_alphas, _meta(images, rows, ids, tile_size)


def _refuse_unsupported(**arguments: Any) -> None:
    instead = {
        "sparse_grad": "gradients are dense; adam_step(visible=...) updates visible rows only",
        "covars": "pass quats and scales",
        "distributed": "a CPU draws alone",
        "camera_model": "undistort the images to a pinhole camera",
    }
    for name, value in arguments.items():
        if value is not None and value is not False:
            reason = instead.get(name, "cameras here are pinholes without distortion or rolling shutter")
            shown = f"={value!r}" if isinstance(value, (bool, str)) else ""
            raise NotImplementedError(f"{name}{shown} is not supported on a CPU: {reason}")


def _check_shapes(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    sh_degree: int | None,
) -> bool:
    """Whether `colors` differ from camera to camera."""
    batch, n, cameras = tuple(means.shape[:-2]), means.shape[-2], viewmats.shape[-3]
    expected = {
        "means": (means, (n, 3)),
        "quats": (quats, (n, 4)),
        "scales": (scales, (n, 3)),
        "opacities": (opacities, (n,)),
        "viewmats": (viewmats, (cameras, 4, 4)),
        "Ks": (Ks, (cameras, 3, 3)),
    }
    for name, (tensor, shape) in expected.items():
        if tuple(tensor.shape) != (*batch, *shape):
            raise ValueError(f"{name} of shape {[*batch, *shape]} was expected, got {list(tensor.shape)}")
    rest = 1 if sh_degree is None else 2
    leading = tuple(colors.shape[:-rest])
    if leading not in ((*batch, n), (*batch, cameras, n)) or (
        sh_degree is not None and colors.shape[-1] != 3
    ):
        tail = "D" if sh_degree is None else "K, 3"
        raise ValueError(
            f"colors of shape {[*batch, n]} or {[*batch, cameras, n]} and then [{tail}] were expected, "
            f"got {list(colors.shape)}"
        )
    return leading == (*batch, cameras, n)


class _Images(NamedTuple):
    """The images to draw: C cameras for each entry of the batch, in that order."""

    batch: torch.Size
    cameras: int
    width: int
    height: int

    def own(self, tensor: Tensor) -> Tensor:
        """[..., C, *rest] as [images, *rest]."""
        return tensor.flatten(0, len(self.batch))

    def shared(self, tensor: Tensor) -> Tensor:
        """[..., *rest] as [images, *rest]: the cameras of an entry see the same Gaussians."""
        rest = tensor.shape[len(self.batch) :]
        return self.own(tensor.unsqueeze(len(self.batch)).expand(*self.batch, self.cameras, *rest))

    def restored(self, tensor: Tensor) -> Tensor:
        """[images, *rest] as [..., C, *rest]."""
        return tensor.reshape(*self.batch, self.cameras, *tensor.shape[1:])


def _project(
    images: _Images,
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmat: Tensor,
    K: Tensor,
    sh_degree: int | None,
    near: float,
    far: float,
    low_pass: float,
    antialiased: bool,
) -> _Rows:
    sh = colors if sh_degree is not None else means.new_zeros(len(means), 1, 3)
    means2d, conics, depths, radii, seen_colors, opacities = project(
        means,
        quats,
        scales,
        opacities,
        sh,
        viewmat,
        K,
        images.width,
        images.height,
        sh_degree or 0,
        near,
        far,
        low_pass,
        antialiased,
        False,
    )
    return _Rows(means2d, conics, depths, radii, colors if sh_degree is None else seen_colors, opacities)


def _clip(rows: _Rows, radius_clip: float) -> _Rows:
    large = (rows.radii > radius_clip).any(-1, keepdim=True)
    return rows._replace(radii=torch.where(large, rows.radii, 0))


def _packed(projected: list[_Rows]) -> tuple[_Rows, Tensor, Tensor]:
    """The visible rows of all images, and for each the number of its image and of its Gaussian."""
    ids = [torch.nonzero((rows.radii > 0).all(-1))[:, 0] for rows in projected]
    image_ids = torch.cat([torch.full_like(of_image, i) for i, of_image in enumerate(ids)])
    columns = zip(*projected, strict=True)
    packed = (torch.cat([part[rows] for part, rows in zip(parts, ids, strict=True)]) for parts in columns)
    return _Rows(*packed), image_ids, torch.cat(ids)


def _meta(images: _Images, rows: _Rows, ids: tuple[Tensor | None, ...], tile_size: int) -> Meta:
    tiles = torch.tensor([-(-images.width // tile_size), -(-images.height // tile_size)])
    first = ((rows.means2d - rows.radii) / tile_size).floor().clamp(min=torch.zeros(2), max=tiles)
    last = ((rows.means2d + rows.radii) / tile_size).ceil().clamp(min=torch.zeros(2), max=tiles)
    touched = torch.where((rows.radii > 0).all(-1), (last - first).prod(-1), 0)
    return Meta(
        zip(("batch_ids", "camera_ids", "gaussian_ids"), ids, strict=True),
        radii=rows.radii,
        means2d=rows.means2d,
        depths=rows.depths,
        conics=rows.conics,
        opacities=rows.opacities,
        tile_size=tile_size,
        tile_width=int(tiles[0]),
        tile_height=int(tiles[1]),
        tiles_per_gauss=touched.int(),
        width=images.width,
        height=images.height,
        n_batches=math.prod(images.batch),
        n_cameras=images.cameras,
    )


def _draw(
    images: _Images,
    rows: _Rows,
    counts: list[int],
    backgrounds: Tensor | None,
    absolute: Tensor | None,
    mode: RenderMode,
) -> tuple[Tensor, Tensor]:
    """Channels [..., C, height, width, X] and alphas [..., C, height, width, 1]."""
    channels = torch.cat([rows.colors] * ("RGB" in mode) + [rows.depths[..., None]] * ("D" in mode), dim=-1)
    behind = None
    if backgrounds is not None and "RGB" in mode:
        expected = (*images.batch, images.cameras, rows.colors.shape[-1])
        if tuple(backgrounds.shape) != expected:
            raise ValueError(
                f"backgrounds of shape {list(expected)} were expected, got {list(backgrounds.shape)}"
            )
        behind = F.pad(images.own(backgrounds), (0, channels.shape[-1] - expected[-1]))
    # Packed or not, image after image is `counts` rows further on.
    parts = (rows.means2d, rows.conics, channels, rows.opacities, rows.depths, rows.radii, absolute)
    leading = rows.depths.ndim - 1
    split = [
        [None] * len(counts) if part is None else part.flatten(0, leading).split(counts) for part in parts
    ]
    pictures = [
        _draw_one(images, *of_image, None if behind is None else behind[i])
        for i, of_image in enumerate(zip(*split, strict=True))
    ]
    blended, alphas = (images.restored(torch.stack(of_all)) for of_all in zip(*pictures, strict=True))
    if "ED" in mode:
        expected_depth = blended[..., -1:] / alphas.clamp(min=1e-10)
        blended = torch.cat([blended[..., :-1], expected_depth], dim=-1)
    return blended, alphas


def _draw_one(
    images: _Images,
    means2d: Tensor,
    conics: Tensor,
    channels: Tensor,
    opacities: Tensor,
    depths: Tensor,
    radii: Tensor,
    absolute: Tensor | None,
    background: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Any number of channels: the kernel draws three as a colour and the others as extras."""
    missing = max(0, 3 - channels.shape[-1])
    first = F.pad(channels[..., :3], (0, missing))
    image, alpha, extra_image = rasterize(
        means2d,
        conics,
        first,
        opacities,
        depths,
        radii,
        channels[..., 3:],
        None,
        images.width,
        images.height,
        absolute,
    )
    blended = torch.cat([image, extra_image], dim=-1)[..., : channels.shape[-1]]
    if background is not None:
        blended = blended + (1 - alpha[..., None]) * background
    return blended, alpha[..., None]
