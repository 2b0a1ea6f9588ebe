"""Whether a matrix of a file is a pose: finite, a rotation and a translation."""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from core.errors import UserError

_TOLERANCE = 1e-3


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
