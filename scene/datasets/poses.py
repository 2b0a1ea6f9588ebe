"""Poses from the numbers of a file, and whether a matrix is one: finite, a rotation and a translation."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from core.errors import UserError
from core.geometry import quat_to_rotation

_TOLERANCE = 1e-3
_UNIT_TOLERANCE = 1e-2


def pose_of(quat: Sequence[float], position: Sequence[float]) -> Float64[ndarray, "4 4"]:
    """Target-from-source of a rotation and a translation.

    Args:
        quat: w, x, y, z, of unit length.
        position: metres.

    Raises:
        ValueError: the quaternion is not of unit length, or one of them has another number of entries.
    """
    length = np.linalg.norm(quat)
    if len(quat) != 4 or len(position) != 3 or not abs(length - 1) <= _UNIT_TOLERANCE:
        raise ValueError(f"a rotation of length 1 and a translation were expected, got {quat}, {position}")
    pose = np.eye(4)
    pose[:3, :3] = quat_to_rotation(torch.tensor(quat, dtype=torch.float64)).numpy()
    pose[:3, 3] = position
    return pose


def is_rigid(pose: Float64[ndarray, "4 4"], tolerance: float = _TOLERANCE) -> bool:
    """Whether a finite matrix is a rotation and a translation.

    Args:
        pose: any matrix.
        tolerance: by how much products of the rotation's rows may differ from those of unit vectors.
    """
    rotation = pose[:3, :3]
    error = np.abs(rotation @ rotation.T - np.eye(3)).max()
    return bool(error <= tolerance and np.linalg.det(rotation) > 0 and (pose[3] == (0, 0, 0, 1)).all())


def check_pose(pose: Float64[ndarray, "4 4"], what: str) -> None:
    """That a matrix is a finite rotation and translation.

    Args:
        pose: any matrix.
        what: it is, for the message.

    Raises:
        UserError: it is not.
    """
    if not np.isfinite(pose).all():
        raise UserError(f"{what} is not finite; mend its numbers or leave the frame out")
    if not is_rigid(pose):
        raise UserError(f"{what} is no rotation and translation; a rigid pose was expected")
