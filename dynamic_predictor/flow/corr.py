"""All-pairs correlation, pooled at several scales, and its windows around where pixels go."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def correlation(
    first: Float[Tensor, "B C H W"], second: Float[Tensor, "B C h w"]
) -> Float[Tensor, "B*H*W 1 h w"]:
    """For each pixel of the first features an image: its inner product with every pixel of the second.

    They are divided by the square root of the number of channels.
    """
    batch, channels, height, width = second.shape
    products = first.flatten(2).mT @ second.flatten(2) / math.sqrt(channels)
    return products.reshape(batch * products.shape[1], 1, height, width)


def look_up(
    pyramid: list[Float[Tensor, "P 1 _h _w"]], positions: Float[Tensor, "B 2 H W"], radius: int
) -> Float[Tensor, "B C H W"]:
    """Windows of a correlation pyramid around positions, bilinear, 0 outside.

    Args:
        pyramid: correlations with the target at scales 1, 1/2, 1/4, ...; P = B H W.
        positions: where each pixel goes, (x, y) in pixels of the finest level, whose first pixel is at 0.
        radius: of the window in pixels of each level.

    Returns:
        Channels run over levels, then over the window's x, then over its y, column by column; the published
        weights depend on this order.

    Source: Z. Teed, J. Deng, "RAFT: Recurrent all-pairs field transforms for optical flow", 2020, section
    3.2.
    """
    batch, _, height, width = positions.shape
    steps = torch.arange(-radius, radius + 1, dtype=positions.dtype, device=positions.device)
    window = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)
    centers = positions.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
    levels = []
    for level, correlations in enumerate(pyramid):
        size = positions.new_tensor([correlations.shape[3], correlations.shape[2]])
        grid = (2 * (centers / 2**level + window) + 1) / size - 1
        levels.append(
            F.grid_sample(correlations, grid, align_corners=False).reshape(batch, height, width, -1)
        )
    return torch.cat(levels, dim=-1).permute(0, 3, 1, 2)
