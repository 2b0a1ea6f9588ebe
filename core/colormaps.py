"""Colours for values: depth as pictures for people and as 16-bit images for programs, errors as heat."""

from functools import cache

import matplotlib
import numpy as np
import torch
from jaxtyping import Float, UInt8, UInt16
from numpy import ndarray
from torch import Tensor

_NOTHING = (24, 24, 28)  # where there is no depth: a dark grey that no map below contains


def colorize(
    values: Float[Tensor, "H W"], low: float, high: float, name: str = "magma"
) -> UInt8[ndarray, "H W 3"]:
    """Values as colours of one of matplotlib's maps.

    Args:
        values: any unit; what lies beyond `low` and `high` takes the colour of the end.
        low: gets the first colour.
        high: gets the last colour; may be less than `low`, which turns the map round.
        name: a matplotlib map.
    """
    span = high - low
    position = (values - low) / span if span else torch.zeros_like(values)
    index = (position.nan_to_num(0) * 255).round().clamp(0, 255).to(torch.uint8)
    return _table(name)[index.cpu().numpy()]


def colorize_depth(
    depth: Float[Tensor, "H W"], near: float, far: float, name: str = "viridis"
) -> UInt8[ndarray, "H W 3"]:
    """Depth as colours, evenly spaced in 1/z: more of them for what is near; near is bright, far is dark.

    Args:
        depth: z-depth; 0 = none, which becomes dark grey.
        near: the depth of the last colour, above 0.
        far: the depth of the first colour.
        name: a matplotlib map.
    """
    seen = depth > 0
    inverse = torch.where(seen, 1 / depth.clamp_min(1e-12), 0)
    colors = colorize(inverse, 1 / far, 1 / near, name)
    colors[~seen.cpu().numpy()] = _NOTHING
    return colors


def depth_range(*depths: Float[Tensor, "_ _"], low: float = 1.0, high: float = 99.0) -> tuple[float, float]:
    """Percentiles of all depths together: a range for colours that a few floaters do not spoil.

    Args:
        depths: z-depths of one or more views; 0 = none.
        low: percentile for near.
        high: percentile for far.

    Returns:
        (near, far) with 0 < near < far; (1, 2) when there is no depth anywhere.
    """
    values = np.concatenate([depth[depth > 0].cpu().numpy().ravel() for depth in depths])
    if not values.size:
        return 1.0, 2.0
    near, far = (float(value) for value in np.percentile(values, [low, high]))
    return (near, far) if far > near else (near, near * 1.01)


def depth_to_uint16(depth: Float[Tensor, "H W"]) -> tuple[UInt16[ndarray, "H W"], float]:
    """Depth with 16 bits and the unit of a step: `depth = step * value`, 0 = none.

    The step makes the largest depth 65535, so the rounding error is at most 1/131070 of the largest depth.
    """
    largest = float(depth.max())
    step = largest / 65535 if largest > 0 else 1.0
    values = (depth / step).round().clamp(0, 65535).cpu().numpy().astype(np.uint16)
    return values, step


@cache
def _table(name: str) -> UInt8[ndarray, "256 3"]:
    return np.round(matplotlib.colormaps[name](np.arange(256), bytes=False)[:, :3] * 255).astype(np.uint8)
