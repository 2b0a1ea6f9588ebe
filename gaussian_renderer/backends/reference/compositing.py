"""From ellipses to pixels: blending front to back, tile by tile."""

from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

MIN_ALPHA = 1 / 255
MAX_ALPHA = 0.999
MIN_TRANSMITTANCE = 1e-4

TILE_SIZE = 16
CHUNK_SIZE = 1024
"""How many Gaussians a tile of pixels meets at once; with the tile's size it bounds the memory."""


def rasterize(  # noqa: PLR0913, PLR0917 - the signature of the kernel
    means2d: Float[Tensor, "N 2"],
    conics: Float[Tensor, "N 3"],
    colors: Float[Tensor, "N 3"],
    opacities: Float[Tensor, " N"],
    depths: Float[Tensor, " N"],
    radii: Int[Tensor, "N 2"],
    extras: Float[Tensor, "N E"] | None,
    background: Float[Tensor, "3"] | None,
    width: int,
    height: int,
    abs_gradients: Float[Tensor, "N 2"] | None,
) -> tuple[Float[Tensor, "H W 3"], Float[Tensor, "H W"], Float[Tensor, "H W E"]]:
    """Projected Gaussians blended into one image.

    Pairs of pixel and Gaussian exist for one tile and CHUNK_SIZE Gaussians at a time; the backward pass makes
    them again.

    Args:
        means2d: pixels.
        conics: inverse covariances on the image (xx, xy, yy).
        colors: what the image blends.
        opacities: in (0, 1).
        depths: what the Gaussians are ordered by; no gradient flows to them.
        radii: half extents in px beyond which alpha < 1/255; 0 where a Gaussian is not to be drawn.
        extras: further channels, blended over nothing: plain weighted sums.
        background: colour behind everything; black when None.
        width: of the image, in pixels.
        height: of the image, in pixels.
        abs_gradients: a buffer to which each backward pass adds the sum over pixels of |dL/d means2d|.

    Returns:
        The image, its alpha, and the extra channels (none of them when `extras` is None).
    """
    channels = colors if extras is None else torch.cat([colors, extras], dim=-1)
    order = torch.argsort(depths.detach(), stable=True)
    order = order[(radii[order] > 0).all(-1)]
    low, high = means2d.detach() - radii, means2d.detach() + radii
    rows = []
    for top in range(0, height, TILE_SIZE):
        bottom = min(top + TILE_SIZE, height)
        band = order[(high[order, 1] > top) & (low[order, 1] < bottom)]
        tiles = []
        for left in range(0, width, TILE_SIZE):
            right = min(left + TILE_SIZE, width)
            gaussians = band[(high[band, 0] > left) & (low[band, 0] < right)]
            pixels = pixel_centers(left, right, top, bottom, like=means2d)
            blended = _blend(pixels, gaussians, means2d, conics, opacities, channels, abs_gradients)
            tiles.append(blended.unflatten(0, (bottom - top, right - left)))
        rows.append(torch.cat(tiles, dim=1))
    # An image that no Gaussian reaches has a gradient all the same: zero.
    blended = torch.cat(rows) + sum(tensor[:0].sum() for tensor in (means2d, conics, opacities, channels))
    image, extra_image, transmittance = blended.split([3, channels.shape[1] - 3, 1], dim=-1)
    if background is not None:
        image = image + transmittance * background
    return image, 1 - transmittance[..., 0], extra_image


def pixel_centers(left: int, right: int, top: int, bottom: int, like: Tensor) -> Float[Tensor, "P 2"]:
    """Centres of the pixels of a tile, row by row, with the dtype and on the device of a tensor."""
    x = torch.arange(left, right, dtype=like.dtype, device=like.device) + 0.5
    y = torch.arange(top, bottom, dtype=like.dtype, device=like.device) + 0.5
    return torch.cartesian_prod(y, x).flip(-1)


def unclamped_alphas(
    offsets: Float[Tensor, "P L 2"], conics: Float[Tensor, "L 3"], opacities: Float[Tensor, " L"]
) -> Float[Tensor, "P L"]:
    """Opacity times the Gaussian's value at each offset from its mean, px."""
    dx, dy = offsets.unbind(-1)
    xx, xy, yy = conics.unbind(-1)
    return opacities * torch.exp(-0.5 * (xx * dx * dx + yy * dy * dy) - xy * dx * dy)


def _blend(
    pixels: Float[Tensor, "P 2"],
    gaussians: Int[Tensor, " L"],
    means2d: Float[Tensor, "N 2"],
    conics: Float[Tensor, "N 3"],
    opacities: Float[Tensor, " N"],
    channels: Float[Tensor, "N D"],
    abs_gradients: Float[Tensor, "N 2"] | None,
) -> Float[Tensor, "P D_and_1"]:
    """Per pixel the weighted channel sums, and after them the transmittance of all Gaussians together."""
    sums = channels.new_zeros(len(pixels), channels.shape[1])
    transmittance = channels.new_ones(len(pixels))
    alive = torch.ones_like(transmittance, dtype=torch.bool)
    # Bound, not passed: the backward pass writes into the buffer, and `checkpoint` forbids that of arguments.
    blend_chunk = partial(_blend_chunk, abs_gradients=abs_gradients)
    for start in range(0, len(gaussians), CHUNK_SIZE):
        chunk = gaussians[start : start + CHUNK_SIZE]
        state = (sums, transmittance, alive)
        drawn = (chunk, means2d[chunk], conics[chunk], opacities[chunk], channels[chunk])
        sums, transmittance, alive = checkpoint(
            blend_chunk, *state, pixels, *drawn, use_reentrant=False, preserve_rng_state=False
        )
        if not bool(alive.any()):
            break
    return torch.cat([sums, transmittance[:, None]], dim=-1)


def _blend_chunk(
    sums: Float[Tensor, "P D"],
    transmittance: Float[Tensor, " P"],
    alive: Bool[Tensor, " P"],
    pixels: Float[Tensor, "P 2"],
    gaussians: Int[Tensor, " L"],
    means2d: Float[Tensor, "L 2"],
    conics: Float[Tensor, "L 3"],
    opacities: Float[Tensor, " L"],
    channels: Float[Tensor, "L D"],
    abs_gradients: Float[Tensor, "N 2"] | None,
) -> tuple[Float[Tensor, "P D"], Float[Tensor, " P"], Bool[Tensor, " P"]]:
    """The state of the pixels after L more Gaussians, front to back."""
    unclamped = unclamped_alphas(_Offsets.apply(pixels, means2d, gaussians, abs_gradients), conics, opacities)
    alpha = unclamped.clamp(max=MAX_ALPHA)
    with torch.no_grad():
        drawn = alive[:, None] & (unclamped >= MIN_ALPHA)
        after = transmittance[:, None] * torch.cumprod(1 - alpha * drawn, dim=1)
        # `after` never rises: from where it comes down to the limit nothing is drawn, the pixel has ended.
        drawn &= after > MIN_TRANSMITTANCE
        alive = alive & (after[:, -1] > MIN_TRANSMITTANCE)
    alpha = alpha * drawn
    passed = torch.cumprod(1 - alpha, dim=1)
    in_front = torch.cat([torch.ones_like(passed[:, :1]), passed[:, :-1]], dim=1)
    weights = alpha * transmittance[:, None] * in_front
    return sums + weights @ channels, transmittance * passed[:, -1], alive


class _Offsets(torch.autograd.Function):
    """Pixel minus mean for every pair, and on the way back the absolute gradients of every Gaussian.

    Source: Z. Ye et al., "AbsGS: Recovering Fine Details for 3D Gaussian Splatting", 2024: what different
    pixels ask of one mean may cancel in a sum; absolute values do not.
    """

    @staticmethod
    def forward(
        ctx: Any,
        pixels: Float[Tensor, "P 2"],
        means2d: Float[Tensor, "L 2"],
        gaussians: Int[Tensor, " L"],
        abs_gradients: Float[Tensor, "N 2"] | None,
    ) -> Float[Tensor, "P L 2"]:
        """Offsets in px."""
        ctx.gaussians, ctx.abs_gradients = gaussians, abs_gradients
        return pixels[:, None] - means2d

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Float[Tensor, "L 2"], None, None]:
        """The gradient of the means; absolute values go into the buffer."""
        (per_pair,) = gradients
        if ctx.abs_gradients is not None:
            ctx.abs_gradients.index_add_(0, ctx.gaussians, per_pair.abs().sum(0))
        return None, -per_pair.sum(0), None, None
