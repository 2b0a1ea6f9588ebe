"""Which lidar returns are the ground: a plane fitted to the lowest points again and again.

Source: D. Zermas et al., "Fast Segmentation of 3D Point Clouds: A Paradigm on LiDAR Data for Autonomous
Vehicle Applications", ICRA 2017, section II-A (one segment).
"""

import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

_LOWEST = 20
_SEED_M = 1.2
_THRESHOLD_M = 0.3
_ROUNDS = 10
_NEEDED = 3


def ground_points(xyz: Float64[ndarray, "P 3"]) -> Bool[ndarray, " P"]:
    """True for points less than 0.3 m above the plane of the ground, and for all below it.

    Args:
        xyz: in the vehicle's frame, metres, z up.
    """
    heights = np.sort(xyz[:, 2])[:_LOWEST]
    if len(heights) < _NEEDED:
        return np.zeros(len(xyz), bool)
    ground = xyz[:, 2] < heights.mean() + _SEED_M
    for _ in range(_ROUNDS):
        if ground.sum() < _NEEDED:
            break
        center = xyz[ground].mean(axis=0)
        offsets = xyz[ground] - center
        _, axes = np.linalg.eigh(offsets.T @ offsets)  # the axis of least spread comes first
        normal = axes[:, 0] * np.sign(axes[2, 0] or 1.0)
        ground = (xyz - center) @ normal < _THRESHOLD_M
    return ground
