"""What lidar says of a picture: sparse inverse depths in 1/metres, the nearest return of a pixel first."""

import torch
from jaxtyping import Float
from torch import Tensor

from core.geometry import project_points

_NEAR_M = 0.2


def sparse_inverse_depth(
    xyz: Float[Tensor, "P 3"], viewmat: Float[Tensor, "4 4"], K: Float[Tensor, "3 3"], width: int, height: int
) -> Float[Tensor, "H W"]:
    """1/z of the nearest point that falls into each pixel, 0 where none does.

    Args:
        xyz: points of the world, metres.
        viewmat: camera-from-world.
        K: intrinsics, pixels.
        width: of the picture, in pixels.
        height: likewise.
    """
    pixels, depths = project_points(xyz, viewmat, K)
    columns, rows = pixels.floor().unbind(-1)  # centres are at +0.5: pixel i takes [i, i + 1)
    seen = (depths > _NEAR_M) & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    places = (rows[seen] * width + columns[seen]).long()
    flat = torch.zeros(height * width, dtype=xyz.dtype)
    return flat.scatter_reduce(0, places, 1 / depths[seen], "amax").view(height, width)
