"""The focal length that a pointmap in its own camera's axes implies."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

_ITERATIONS = 10
_LEAST_RESIDUAL_PX = 1e-8


def focal_weiszfeld(
    points: Float[Tensor, "P 3"],
    pixels: Float[Tensor, "P 2"],
    weights: Float[Tensor, " P"] | None = None,
) -> Float[Tensor, ""]:
    """The f for which pixels are nearest to f (x, y) / z, as a sum of distances: robust to outliers.

    Args:
        points: in camera axes; one at depth 0 has no say.
        pixels: relative to the principal point.
        weights: of the pixels, at least 0.

    Source: E. Weiszfeld's algorithm, as used in S. Wang et al., "DUSt3R", 2024, section 3.3.
    """
    on_plane = (points[:, :2] / points[:, 2:]).nan_to_num(posinf=0.0, neginf=0.0)
    if weights is None:
        weights = torch.ones_like(pixels[:, 0])
    along, squared = (on_plane * pixels).sum(dim=1), on_plane.square().sum(dim=1)
    focal = (weights * along).mean() / (weights * squared).mean()
    for _ in range(_ITERATIONS):
        distance = torch.linalg.vector_norm(pixels - focal * on_plane, dim=1)
        nearness = weights / distance.clamp_min(_LEAST_RESIDUAL_PX)
        focal = (nearness * along).mean() / (nearness * squared).mean()
    return focal


def focal_median(points: Float[Tensor, "P 3"], pixels: Float[Tensor, "P 2"]) -> Float[Tensor, ""]:
    """The median of what single coordinates say: u z / x and v z / y."""
    return (pixels * points[:, 2:] / points[:, :2]).flatten().nanmedian()


def clipped_focal(
    focal: Float[Tensor, "*batch"], size: tuple[int, int], low: float, high: float
) -> Float[Tensor, "*batch"]:
    """A focal length kept within multiples of that of a view 60 degrees wide.

    Args:
        focal: in pixels; one that is no number becomes that of the 60 degrees.
        size: (height, width) of the image.
        low: least multiple.
        high: largest multiple.
    """
    usual = max(size) / (2 * math.tan(math.radians(30)))
    return torch.where(focal.isfinite(), focal, usual).clamp(low * usual, high * usual)
