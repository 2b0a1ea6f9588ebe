"""From Gaussians in the world to ellipses on one camera's image."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int32
from torch import Tensor
from torch.nn import functional as F

from core import sh as spherical_harmonics
from core.geometry import quat_to_rotation
from gaussian_renderer.backends.reference.compositing import MIN_ALPHA

MIN_DETERMINANT_RATIO = 2.5e-5
JACOBIAN_MARGIN = 0.3
"""How far beyond the image edge x/z keeps growing in the Jacobian, in half images."""
MAX_DETERMINANT = 1e30
"""px^4, from standard deviations of 30,000 px both ways. What is larger is not drawn."""
MAX_RADIUS = 2**30
"""Wider than any image; beyond it a radius would not fit into 32 bits."""


class Projection(NamedTuple):
    """Gaussians as one camera sees them. Rows of invisible Gaussians are zero.

    Args:
        means2d: pixels.
        conics: inverse covariances on the image (xx, xy, yy), 1/px^2.
        depths: z in the camera, in world units.
        radii: half extents of the box that may be touched, in px, rounded up; 0 means invisible.
        colors: RGB, at least 0.
        opacities: in (0, 1), after the antialiasing factor.
    """

    means2d: Float[Tensor, "N 2"]
    conics: Float[Tensor, "N 3"]
    depths: Float[Tensor, " N"]
    radii: Int32[Tensor, "N 2"]
    colors: Float[Tensor, "N 3"]
    opacities: Float[Tensor, " N"]


class _Gaussians(NamedTuple):
    means: Float[Tensor, "N 3"]
    quats: Float[Tensor, "N 4"]
    scales: Float[Tensor, "N 3"]
    opacities: Float[Tensor, " N"]


class _View(NamedTuple):
    viewmat: Float[Tensor, "4 4"]
    K: Float[Tensor, "3 3"]
    width: int
    height: int


class _Footprints(NamedTuple):
    """Ellipses, before anything is said about which are visible."""

    means2d: Float[Tensor, "N 2"]
    covariances: Float[Tensor, "N 3"]  # xx, xy, yy after the low pass, px^2
    determinants: Float[Tensor, " N"]  # of these covariances, px^4
    depths: Float[Tensor, " N"]
    opacities: Float[Tensor, " N"]


def project(  # noqa: PLR0913, PLR0917 - the signature of the kernel
    means: Float[Tensor, "N 3"],
    quats: Float[Tensor, "N 4"],
    scales: Float[Tensor, "N 3"],
    opacities: Float[Tensor, " N"],
    sh: Float[Tensor, "N K 3"],
    viewmat: Float[Tensor, "4 4"],
    K: Float[Tensor, "3 3"],
    width: int,
    height: int,
    sh_degree: int,
    near: float,
    far: float,
    low_pass: float,
    antialiased: bool,
    raw: bool,
) -> Projection:
    """Gaussians as one camera sees them.

    Args:
        means: centres in the world.
        quats: rotations, wxyz, of any non-zero length.
        scales: standard deviations, or their logarithms when `raw`.
        opacities: in (0, 1), or their logits when `raw`.
        sh: spherical harmonics, coefficient-major.
        viewmat: camera-from-world, rigid.
        K: intrinsics in pixels, without skew; no gradient flows to them.
        width: of the image, in pixels.
        height: of the image, in pixels.
        sh_degree: the degree evaluated, at most that stored.
        near: Gaussians at this z-depth or nearer are invisible.
        far: Gaussians at this z-depth or farther are invisible.
        low_pass: added to the variances on the image, px^2.
        antialiased: whether the opacity makes up for the low pass.
        raw: whether `scales` and `opacities` are as an optimiser holds them.

    Raises:
        ValueError: `sh` holds too few coefficients for `sh_degree`.
    """
    gaussians = _Gaussians(means, quats, scales, opacities)
    view = _View(viewmat, K.detach(), width, height)
    with torch.no_grad():
        footprints = _footprints(gaussians, view, low_pass, antialiased, raw)
        extents = _half_extents(footprints)
        visible = _is_visible(footprints, extents, view, near, far)
        radii = torch.where(visible[:, None], extents.ceil().clamp(max=MAX_RADIUS), 0).to(torch.int32)

    gaussians = _with_harmless_unseen(gaussians, visible, view)
    footprints = _footprints(gaussians, view, low_pass, antialiased, raw)
    colors = _colors(gaussians.means, sh, viewmat, sh_degree)

    def seen(values: Tensor) -> Tensor:
        return torch.where(visible if values.ndim == 1 else visible[:, None], values, 0)

    xx, xy, yy = footprints.covariances.unbind(-1)
    conics = torch.stack([yy, -xy, xx], dim=-1) / footprints.determinants[:, None]
    return Projection(
        seen(footprints.means2d),
        seen(conics),
        seen(footprints.depths),
        radii,
        seen(colors),
        seen(footprints.opacities),
    )


def _footprints(
    gaussians: _Gaussians, view: _View, low_pass: float, antialiased: bool, raw: bool
) -> _Footprints:
    means, quats, scales, opacities = gaussians
    if raw:
        scales, opacities = scales.exp(), opacities.sigmoid()
    rotation, translation = view.viewmat[:3, :3], view.viewmat[:3, 3]
    focal, center = view.K.diagonal()[:2], view.K[:2, 2]
    in_camera = means @ rotation.T + translation
    xy, z = in_camera[:, :2], in_camera[:, 2:]
    means2d = focal * xy / z + center

    size = torch.tensor([view.width, view.height], dtype=z.dtype, device=z.device)
    margin = JACOBIAN_MARGIN * 0.5 * size / focal
    on_plane = (xy / z).clamp(min=-(center / focal + margin), max=(size - center) / focal + margin)

    # J (a, b, c) = focal / z * ((a, b) - on_plane * c), applied to the three axes of each Gaussian.
    axes = rotation @ (quat_to_rotation(quats) * scales[:, None, :])
    axes = (focal / z)[..., None] * (axes[:, :2] - on_plane[..., None] * axes[:, 2:])
    covariance = axes @ axes.mT
    xx, xy, yy = covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]
    # The determinant as a square of a cross product: for a needle, xx yy - xy^2 would cancel.
    sharp = torch.linalg.cross(axes[:, 0], axes[:, 1]).square().sum(-1)
    determinants = sharp + low_pass * (xx + yy + low_pass)
    if antialiased:
        opacities = opacities * (sharp / determinants).clamp(min=MIN_DETERMINANT_RATIO).sqrt()
    low_passed = torch.stack([xx + low_pass, xy, yy + low_pass], dim=-1)
    return _Footprints(means2d, low_passed, determinants, in_camera[:, 2], opacities)


def _half_extents(footprints: _Footprints) -> Float[Tensor, "N 2"]:
    """Half sizes in px of the boxes outside of which alpha < 1/255; not a number where there is no box."""
    q_cut = 2 * (footprints.opacities / MIN_ALPHA).log()
    return (q_cut[:, None] * footprints.covariances[:, ::2]).sqrt()


def _is_visible(
    footprints: _Footprints, extents: Float[Tensor, "N 2"], view: _View, near: float, far: float
) -> Bool[Tensor, " N"]:
    # A comparison with something that is not a number is false: what cannot be computed is not seen.
    in_range = (footprints.depths > near) & (footprints.depths < far)
    last = torch.tensor([view.width - 0.5, view.height - 0.5], dtype=extents.dtype, device=extents.device)
    holds_a_pixel = (footprints.means2d + extents >= 0.5) & (footprints.means2d - extents <= last)
    is_ellipse = (footprints.determinants > 0) & (footprints.determinants < MAX_DETERMINANT)
    return in_range & holds_a_pixel.all(-1) & is_ellipse & (footprints.opacities > MIN_ALPHA)


def _with_harmless_unseen(gaussians: _Gaussians, visible: Bool[Tensor, " N"], view: _View) -> _Gaussians:
    """Unseen Gaussians give way to one in front of the camera: zero gradients must not meet an infinity."""
    rotation, translation = view.viewmat[:3, :3].detach(), view.viewmat[:3, 3].detach()
    in_camera = torch.zeros_like(translation)
    in_camera[2] = 1 + translation.abs().max()
    harmless = rotation.T @ (in_camera - translation)
    column = visible[:, None]
    return _Gaussians(
        torch.where(column, gaussians.means, harmless),
        torch.where(column, gaussians.quats, 1),
        torch.where(column, gaussians.scales, 1),
        torch.where(visible, gaussians.opacities, 1),
    )


def _colors(
    means: Float[Tensor, "N 3"], sh: Float[Tensor, "N K 3"], viewmat: Float[Tensor, "4 4"], sh_degree: int
) -> Float[Tensor, "N 3"]:
    camera_center = -viewmat[:3, :3].T @ viewmat[:3, 3]
    directions = F.normalize(means - camera_center, dim=-1)
    return (spherical_harmonics.evaluate(sh, directions, sh_degree) + 0.5).clamp(min=0)
