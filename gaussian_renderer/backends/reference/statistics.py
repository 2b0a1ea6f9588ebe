"""What a view says of each Gaussian: how much light reaches it, and in how many pixels it is blended."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gaussian_renderer.backends.reference.compositing import (
    CHUNK_SIZE,
    MAX_ALPHA,
    MIN_ALPHA,
    MIN_TRANSMITTANCE,
    TILE_SIZE,
    pixel_centers,
    unclamped_alphas,
)


@torch.no_grad()
def transmittance_in_front(
    means2d: Float[Tensor, "N 2"],
    conics: Float[Tensor, "N 3"],
    opacities: Float[Tensor, " N"],
    depths: Float[Tensor, " N"],
    radii: Int[Tensor, "N 2"],
    width: int,
    height: int,
) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
    """Sums over the pixels that each Gaussian is blended into, by the rules of `rasterize`.

    Args:
        means2d: pixels.
        conics: inverse covariances on the image (xx, xy, yy).
        opacities: in (0, 1).
        depths: what the Gaussians are ordered by.
        radii: half extents in px beyond which alpha < 1/255; 0 where a Gaussian is not to be drawn.
        width: of the image, in pixels.
        height: of the image, in pixels.

    Returns:
        The transmittance in front of the Gaussian, before its own alpha; and the number of those pixels.
    """
    sums, counts = torch.zeros_like(opacities), torch.zeros_like(opacities)
    order = torch.argsort(depths, stable=True)
    order = order[(radii[order] > 0).all(-1)]
    low, high = means2d - radii, means2d + radii
    for top in range(0, height, TILE_SIZE):
        bottom = min(top + TILE_SIZE, height)
        band = order[(high[order, 1] > top) & (low[order, 1] < bottom)]
        for left in range(0, width, TILE_SIZE):
            right = min(left + TILE_SIZE, width)
            gaussians = band[(high[band, 0] > left) & (low[band, 0] < right)]
            pixels = pixel_centers(left, right, top, bottom, like=means2d)
            transmittance = means2d.new_ones(len(pixels))
            for start in range(0, len(gaussians), CHUNK_SIZE):
                chunk = gaussians[start : start + CHUNK_SIZE]
                offsets = pixels[:, None] - means2d[chunk]
                alpha = unclamped_alphas(offsets, conics[chunk], opacities[chunk])
                alpha = torch.where(alpha >= MIN_ALPHA, alpha.clamp(max=MAX_ALPHA), 0)
                # A pixel that has ended keeps a transmittance that nothing more can be drawn over.
                after = transmittance[:, None] * torch.cumprod(1 - alpha, dim=1)
                drawn = (alpha > 0) & (after > MIN_TRANSMITTANCE)
                in_front = torch.cat([transmittance[:, None], after[:, :-1]], dim=1)
                sums.index_add_(0, chunk, (in_front * drawn).sum(0))
                counts.index_add_(0, chunk, drawn.sum(0).to(counts))
                transmittance = after[:, -1]
    return sums, counts
