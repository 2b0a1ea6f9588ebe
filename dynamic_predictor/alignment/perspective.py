"""A camera from points whose places in the world and in its image are known."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.geometry import invert_se3, transform_points

_LEAST_POINTS = 4
_ITERATIONS = 10
_REPROJECTION_PX = 5.0
_TENTATIVE_FOCALS = 21


@dataclass(frozen=True)
class PosedCamera:
    """A camera found from points.

    Args:
        c2w: world-from-camera.
        focal: in pixels.
        inliers: points that agree with it within 5 px.
        agreement: sum over points of 1 - (error / 5 px)^2 where that is positive.
    """

    c2w: Float[Tensor, "4 4"]
    focal: float
    inliers: int
    agreement: float


def pose_from_points(
    points: Float[Tensor, "P 3"],
    pixels: Float[Tensor, "P 2"],
    focal: float | None,
    size: int | float,
    iterations: int = _ITERATIONS,
) -> PosedCamera | None:
    """The pose for which world points project to their pixels; None if the points do not determine one.

    RANSAC draws the same samples at every call.

    Args:
        points: in the world.
        pixels: relative to the principal point.
        focal: in pixels; if None, 21 focal lengths from half to thrice `size` are tried.
        size: the image's longer side in pixels.
        iterations: of RANSAC.

    Source: G. Terzakis and M. Lourakis, "A Consistently Fast and Globally Optimal Solution to the
    Perspective-n-Point Problem", 2020 (SQPnP).
    """
    if len(points) < _LEAST_POINTS:
        return None
    tried = [focal] if focal is not None else np.geomspace(size / 2, 3 * size, _TENTATIVE_FOCALS).tolist()
    found = [
        camera
        for tentative in tried
        if (camera := _with_focal(points, pixels, float(tentative), iterations)) is not None
    ]
    return max(found, key=lambda camera: camera.agreement) if found else None


def _with_focal(
    points: Float[Tensor, "P 3"], pixels: Float[Tensor, "P 2"], focal: float, iterations: int
) -> PosedCamera | None:
    K = np.diag([focal, focal, 1.0])
    found, rotation, translation, inliers = cv2.solvePnPRansac(
        points.double().numpy(),
        pixels.double().numpy(),
        K,
        np.zeros(4),
        iterationsCount=iterations,
        reprojectionError=_REPROJECTION_PX,
        flags=cv2.SOLVEPNP_SQPNP,
    )
    if not found or not np.isfinite(rotation).all() or not np.isfinite(translation).all():
        return None
    w2c = torch.eye(4, dtype=torch.float64)
    w2c[:3, :3] = torch.from_numpy(cv2.Rodrigues(rotation)[0])
    w2c[:3, 3] = torch.from_numpy(translation[:, 0])
    in_camera = transform_points(w2c, points.double())
    errors = focal * in_camera[:, :2] / in_camera[:, 2:] - pixels.double()
    agreement = (1 - errors.square().sum(dim=1) / _REPROJECTION_PX**2).clamp_min(0).nan_to_num().sum()
    return PosedCamera(invert_se3(w2c).to(points), focal, len(inliers), agreement.item())
