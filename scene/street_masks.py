"""Where the pictures of a driving log show things that move: found by lidar alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from torch import Tensor

from core.geometry import project_points
from scene.capture import Capture
from scene.lidar_motion import CarriedReturns, LidarMotion, carried_returns

_NEAR_M = 0.5
_FEWEST = 3
_CUBE_M = 0.4
_LEAST_SHARE = 0.1


@dataclass(frozen=True)
class StreetMasksConfig:
    """How far masks reach beyond the returns that they are made from."""

    street_mask_margin_px: float = 2.0
    """Masks are grown by this, pixels."""
    street_mask_margin_m: float = 0.25
    """And by this at the distance of the thing: lidar misses its rim, metres."""
    street_mask_down_m: float = 0.2
    """Returns near the ground count as the ground's; masks reach so much lower, metres."""
    street_mask_sweeps: int = 3
    """Sweeps nearest in time whose returns are carried to a picture's time."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise ValueError(f"{name}: 0 or more was expected, got {value}")


def dynamic_probabilities(
    capture: Capture, motions: Sequence[LidarMotion | None], config: StreetMasksConfig | None = None
) -> list[Float[Tensor, "_H _W"]]:
    """How likely it is, in [0, 1], that a pixel shows something that moves; a map of each view.

    Each thing covers the convex hull of its returns. What stands before it is covered with it.

    Args:
        capture: of a driving log with lidar.
        motions: of the frames of its drive.
        config: settings.

    Raises:
        ValueError: the capture is of no drive.
    """
    if capture.drive is None:
        raise ValueError("a capture of a driving log was expected; this one has no drive")
    config = config or StreetMasksConfig()
    maps = []
    for view, time_s in enumerate(capture.drive.view_times_s.tolist()):
        returns = carried_returns(capture.drive, motions, time_s, config.street_mask_sweeps)
        maps.append(_covered(capture, view, returns, config))
    return maps


def _covered(
    capture: Capture, view: int, returns: CarriedReturns, config: StreetMasksConfig
) -> Float[Tensor, "H W"]:
    cameras = capture.cameras[view]
    width, height = cameras.size
    probability = np.zeros((height, width), np.float32)
    viewmat, K = cameras.viewmats[0].float(), cameras.Ks[0].float()
    for region in returns.regions.unique().tolist():
        rows = returns.regions == region
        xyz = _without_strays(returns.xyz[rows])
        if len(xyz) < _FEWEST:
            continue
        # A copy of the lowest returns on the ground below them closes the gap that the ground's removal left.
        lowest = xyz[xyz[:, 2] < xyz[:, 2].quantile(0.2) + 0.1]
        xyz = torch.cat([xyz, lowest - torch.tensor([0.0, 0.0, config.street_mask_down_m])])
        pixels, depths = project_points(xyz, viewmat, K)
        seen = depths > _NEAR_M
        if int(seen.sum()) < _FEWEST:
            continue
        margin = config.street_mask_margin_px + config.street_mask_margin_m * float(
            K[0, 0] / depths[seen].median()
        )
        hull = _hull(pixels[seen].numpy(), margin, width, height)
        value = float(returns.moving_probability[rows].mean())
        probability = np.where(hull, np.maximum(probability, np.float32(value)), probability)
    return torch.from_numpy(probability)


def _without_strays(xyz: Float[Tensor, "M 3"]) -> Float[Tensor, "K 3"]:
    """The larger groups of points: one return of a pole beside a car would pull the hull up to it."""
    steps = np.floor((xyz - xyz.amin(dim=0)).numpy() / _CUBE_M).astype(np.int64)
    shape = steps.max(axis=0) + 1
    flat = np.ravel_multi_index(tuple(steps.T), tuple(shape))
    used, mine, counts = np.unique(flat, return_inverse=True, return_counts=True)
    cubes = np.stack(np.unravel_index(used, shape), axis=1)
    pairs = KDTree(cubes).query_pairs(1.8, output_type="ndarray")  # neighbours, also over a corner
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(cubes), len(cubes)))
    groups = connected_components(links, directed=False)[1]
    sizes = np.bincount(groups, counts)
    kept = sizes >= max(_LEAST_SHARE * len(xyz), 2)
    return xyz[torch.from_numpy(kept[groups][mine])]


def _hull(pixels: Float32[ndarray, "M 2"], margin_px: float, width: int, height: int) -> Bool[ndarray, "H W"]:
    """True for pixels within a margin of the convex hull of points."""
    # Far outside nothing changes in the picture, and whole numbers stay small.
    reach = 4 * max(width, height)
    hull = cv2.convexHull(np.clip(pixels - 0.5, -reach, reach).astype(np.float32))
    outline = np.round(hull).astype(np.int32)
    canvas = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(canvas, outline, 1)
    cv2.polylines(canvas, [outline], isClosed=True, color=1, thickness=max(1, round(2 * margin_px)))
    return canvas > 0
