"""Rigid transforms as 4 x 4 matrices in float64; target-from-source."""

import math

import numpy as np
from jaxtyping import Float64
from numpy import ndarray
from scipy.spatial.transform import Rotation

Number = float | int
"""Lengths and angles are often written without a point; the checker of the tests tells int from float."""

Vector = tuple[Number, Number, Number]
"""x, y and z."""


def pose(
    at: Vector = (0, 0, 0),
    *,
    yaw: Number = 0,
    pitch: Number = 0,
    roll: Number = 0,
) -> Float64[ndarray, "4 4"]:
    """A rigid transform.

    Args:
        at: translation in metres.
        yaw: turn about z (up) in degrees, counter-clockwise seen from above; applied last.
        pitch: turn about y in degrees.
        roll: turn about x in degrees; applied first.
    """
    # Rz(yaw) Ry(pitch) Rx(roll), written out: a world asks for tens of thousands.
    (cr, sr), (cp, sp), (cy, sy) = (
        (math.cos(angle), math.sin(angle)) for angle in map(math.radians, (roll, pitch, yaw))
    )
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr, at[0]],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr, at[1]],
            [-sp, cp * sr, cp * cr, at[2]],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


def inverse(transforms: Float64[ndarray, "*batch 4 4"]) -> Float64[ndarray, "*batch 4 4"]:
    """Inverses of rigid transforms."""
    result = np.zeros_like(transforms)
    rotation_t = np.swapaxes(transforms[..., :3, :3], -1, -2)
    result[..., :3, :3] = rotation_t
    result[..., :3, 3:] = -rotation_t @ transforms[..., :3, 3:]
    result[..., 3, 3] = 1
    return result


def look_at(
    eye: Float64[ndarray, "3"], target: Float64[ndarray, "3"], roll: Number = 0
) -> Float64[ndarray, "4 4"]:
    """World-from-camera transform of an upright OpenCV camera at `eye` that sees `target` in its centre.

    Args:
        eye: camera centre in metres.
        target: what it looks at; not straight above or below the eye.
        roll: turn about the viewing axis in degrees, clockwise in the image's frame.
    """
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    transform = np.eye(4)
    transform[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    transform[:3, :3] = transform[:3, :3] @ Rotation.from_euler("z", roll, degrees=True).as_matrix()
    transform[:3, 3] = eye
    return transform
