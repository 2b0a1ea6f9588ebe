"""Errors of an estimated camera path against the true one: ATE and RPE, as the evo package computes them.

A monocular path is known up to a similarity, so the estimate is first laid onto the truth by the best one.

Source: Z. Zhang, D. Scaramuzza, "A Tutorial on Quantitative Trajectory Evaluation for Visual(-Inertial)
Odometry", IROS 2018.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.spatial.transform import Rotation
from torch import Tensor

from core.errors import UserError

_STILL = 1e-9  # a path that spreads less than this share of its coordinates' size is rounding, not motion


@dataclass(frozen=True)
class Similarity:
    """x -> scale * rotation @ x + translation.

    Args:
        scale: 1 where nothing determines it.
        rotation: the identity where nothing determines it.
        translation: in units of the target.
        determined: whether both paths move, so that scale and rotation mean something.
    """

    scale: float
    rotation: Float[ndarray, "3 3"]
    translation: Float[ndarray, "3"]
    determined: bool

    def __call__(self, points: Float[ndarray, "N 3"]) -> Float[ndarray, "N 3"]:
        """Points carried over."""
        return self.scale * points @ self.rotation.T + self.translation


@dataclass(frozen=True)
class TrajectoryErrors:
    """How far an estimated path is from the true one.

    Args:
        ate: root mean square distance of the camera centres after the similarity, in units of the truth.
        ate_share: the same as a share of the length of the true path; None where that is zero.
        rpe_trans: root mean square error of the step between neighbouring frames, in units of the truth.
        rpe_rot_deg: likewise of the turn, in degrees.
        path_length: of the truth, in its units.
        scale: of the similarity.
        poses: how many were compared.
        determined: False where a path stands still. The similarity then is a shift: rotations may still be
            compared, and `ate` is the spread of the two paths in their own units, which means that a table
            should not average it.
    """

    ate: float
    ate_share: float | None
    rpe_trans: float
    rpe_rot_deg: float
    path_length: float
    scale: float
    poses: int
    determined: bool


def umeyama(source: Float[ndarray, "N 3"], target: Float[ndarray, "N 3"]) -> Similarity:
    """The similarity that carries `source` onto `target` with the least squared error.

    Where either set is a single point, nothing determines scale and rotation: the shift between the centroids
    is returned. Points on a line do determine the scale, and any of the rotations that serve.

    Source: S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    PAMI 1991, eq. 34-43.
    """
    source_mean, target_mean = source.mean(0), target.mean(0)
    if _stands_still(source) or _stands_still(target):
        return Similarity(1.0, np.eye(3), target_mean - source_mean, determined=False)
    covariance = (target - target_mean).T @ (source - source_mean) / len(source)
    U, singular, Vt = np.linalg.svd(covariance)
    signs = np.ones(3)
    if np.linalg.det(U) * np.linalg.det(Vt) < 0:
        signs[2] = -1.0  # a mirror image is nearest, but it is no rotation
    rotation = U @ np.diag(signs) @ Vt
    variance = np.square(source - source_mean).sum(1).mean()
    scale = float(singular @ signs / variance)
    return Similarity(scale, rotation, target_mean - scale * rotation @ source_mean, determined=True)


def associate(
    times: Float[Tensor, " N"], others: Float[Tensor, " M"], tolerance_s: float = 0.01
) -> tuple[Int[Tensor, " P"], Int[Tensor, " P"]]:
    """Rows of the pairs of timestamps that are each other's nearest and at most `tolerance_s` seconds apart.

    Args:
        times: ascending, in seconds.
        others: likewise.
        tolerance_s: in seconds.
    """
    distance = (times[:, None] - others[None, :]).abs()
    nearest, back = distance.argmin(1), distance.argmin(0)
    rows = torch.arange(len(times))
    keep = (back[nearest] == rows) & (distance[rows, nearest] <= tolerance_s)
    return rows[keep], nearest[keep]


def trajectory_errors(estimate: Float[Tensor, "N 4 4"], truth: Float[Tensor, "N 4 4"]) -> TrajectoryErrors:
    """Errors of N estimated poses against the true ones, pose by pose.

    Args:
        estimate: world-from-camera transforms, in any world and any unit.
        truth: world-from-camera transforms.

    Raises:
        UserError: there are fewer than two poses.
    """
    if len(estimate) < 2:
        raise UserError(f"a path of {len(estimate)} poses has no error; two or more were expected")
    ours, true = (poses.detach().cpu().double().numpy() for poses in (estimate, truth))
    fit = umeyama(ours[:, :3, 3], true[:, :3, 3])
    aligned = ours.copy()
    aligned[:, :3, 3] = fit(ours[:, :3, 3])
    aligned[:, :3, :3] = fit.rotation @ ours[:, :3, :3]
    ate = _rms(np.linalg.norm(aligned[:, :3, 3] - true[:, :3, 3], axis=1))
    errors = np.linalg.inv(_steps(true)) @ _steps(aligned)
    angles = Rotation.from_matrix(errors[:, :3, :3]).magnitude()
    length = float(np.linalg.norm(np.diff(true[:, :3, 3], axis=0), axis=1).sum())
    moves = not _stands_still(true[:, :3, 3])
    return TrajectoryErrors(
        ate=ate,
        ate_share=ate / length if moves else None,
        rpe_trans=_rms(np.linalg.norm(errors[:, :3, 3], axis=1)),
        rpe_rot_deg=float(np.degrees(_rms(angles))),
        path_length=length,
        scale=fit.scale,
        poses=len(ours),
        determined=fit.determined,
    )


def _steps(poses: Float[ndarray, "N 4 4"]) -> Float[ndarray, "N-1 4 4"]:
    """Each pose as its predecessor sees it."""
    return np.linalg.inv(poses[:-1]) @ poses[1:]


def _stands_still(points: Float[ndarray, "N 3"]) -> bool:
    return bool(np.ptp(points, axis=0).max() <= _STILL * np.abs(points).max())


def _rms(values: Float[ndarray, " N"]) -> float:
    return float(np.sqrt(np.square(values).mean()))
