"""Smoothing and filling of an image of values, up to the edges of a guiding image."""

import numpy as np
from jaxtyping import Float, Float64, UInt8
from numpy import ndarray
from scipy.linalg import solveh_banded

_PASSES = 3
# Of 255 levels: neighbours whose colours differ by this are tied e times less.
_EDGE_LEVELS = 6.0


def smooth(
    values: Float[ndarray, "H W"],
    weights: Float[ndarray, "H W"],
    guide: UInt8[ndarray, "H W 3"],
    smoothness: float,
) -> tuple[Float64[ndarray, "H W"], Float64[ndarray, "H W"]]:
    """Weighted least squares with first-order smoothness that is cut at the guide's edges.

    The image is solved along rows and columns in turn, each time exactly, in linear time.

    Args:
        values: anything where the weight is 0.
        weights: at least 0.
        guide: an 8-bit image of the same size.
        smoothness: how strongly neighbours are tied.

    Returns:
        Smoothed values, and the weight that reached each pixel. Where that is 0 the values mean nothing.

    Source: D. Min et al., "Fast global image smoothing based on weighted least squares", 2014, section III
    and, for weights, section IV-C.
    """
    colors = guide.astype(np.float64)
    ties = [np.exp(-np.linalg.norm(np.diff(colors, axis=axis), axis=-1) / _EDGE_LEVELS) for axis in (0, 1)]
    planes = np.stack([weights * values, weights]).astype(np.float64)
    for number in range(1, _PASSES + 1):
        strength = 1.5 * smoothness * 4.0 ** (_PASSES - number) / (4.0**_PASSES - 1)
        planes = _along_rows(planes, strength * ties[1])
        planes = _along_rows(planes.transpose(0, 2, 1), strength * ties[0].T).transpose(0, 2, 1)
    return planes[0] / np.maximum(planes[1], 1e-12), planes[1]


def _along_rows(
    planes: Float64[ndarray, "P H W"], ties: Float64[ndarray, "H W-1"]
) -> Float64[ndarray, "P H W"]:
    """Solves (I + L) x = plane in every row, L the Laplacian of a chain with these ties.

    All rows make one long chain that is cut after each row, so that there is one system to solve.
    """
    height, width = planes.shape[1:]
    right = np.zeros((height, width))
    right[:, :-1] = ties
    flat = right.ravel()
    banded = np.zeros((2, height * width))
    banded[0, 1:] = -flat[:-1]
    banded[1] = 1 + flat
    banded[1, 1:] += flat[:-1]
    solved = solveh_banded(banded, planes.reshape(len(planes), -1).T, overwrite_ab=True, check_finite=False)
    return solved.T.reshape(planes.shape)
