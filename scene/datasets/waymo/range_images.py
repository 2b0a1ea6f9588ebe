"""Range images: from a pixel's range to a point in the vehicle's frame, in float64, and back.

Row 0 is the highest beam. The azimuth about the vehicle's z falls from pi (column 0, behind) to -pi; a laser
counts it from its own x, so its yaw is taken off. TOP turns while the vehicle drives: each of its pixels has
the vehicle's pose at its own moment, from which a point goes to the world and from there into the vehicle at
the frame's pose.

Source: P. Sun et al., "Scalability in Perception for Autonomous Driving: Waymo Open Dataset", CVPR 2020,
section 3.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray

from scene.datasets.waymo.frames import LaserCalibration, RangeImage
from scene.datasets.waymo.schema import MATRIX_FLOAT
from scene.datasets.waymo.wire import WireError, decode


@dataclass(frozen=True)
class LaserPoints:
    """First returns of a laser, in the vehicle's frame at the frame's pose.

    Args:
        origins: where the ray of each began, metres.
        xyz: metres.
        pixels: row and column of each in the range image.
    """

    origins: Float64[ndarray, "P 3"]
    xyz: Float64[ndarray, "P 3"]
    pixels: Int64[ndarray, "P 2"]


def decompressed_matrix(data: bytes) -> Float32[ndarray, "H W C"]:
    """The content of a zlib stream of a `MatrixFloat`.

    Raises:
        WireError: it is damaged, or its shape is not that of its data.
    """
    try:
        content = decode(MATRIX_FLOAT, zlib.decompress(data))
    except zlib.error as error:
        raise WireError(f"a range image does not decompress ({error})") from error
    dims = (content["shape"] or {"dims": []})["dims"]
    values = np.asarray(content["data"], np.float32)
    if len(dims) != 3 or min(dims) < 0 or np.prod(dims) != len(values):
        raise WireError(f"a range image has {len(values)} numbers for the shape {dims}")
    return values.reshape(dims)


def laser_points(
    image: RangeImage, laser: LaserCalibration, world_from_vehicle: Float64[ndarray, "4 4"]
) -> LaserPoints:
    """The returns of a range image.

    Args:
        image: of the laser.
        laser: its calibration.
        world_from_vehicle: the frame's pose.
    """
    ranges = image.values[..., 0].astype(np.float64)
    pixels = np.argwhere(ranges > 0)
    rows, columns = pixels.T
    directions = beam_directions(laser, *ranges.shape)[rows, columns]
    rotation, position = laser.vehicle_from_laser[:3, :3], laser.vehicle_from_laser[:3, 3]
    xyz = ranges[rows, columns, None] * directions @ rotation.T + position
    origins = np.broadcast_to(position, xyz.shape).copy()
    if image.pixel_poses is not None:
        poses = image.pixel_poses[rows, columns].astype(np.float64)
        rotations = _rotations(poses[:, :3])
        # Relative to the frame's position from the start: the world's origin may be 50 km away.
        frame_rotation, offsets = world_from_vehicle[:3, :3], poses[:, 3:] - world_from_vehicle[:3, 3]
        xyz = (np.einsum("pij,pj->pi", rotations, xyz) + offsets) @ frame_rotation
        origins = (np.einsum("pij,pj->pi", rotations, origins) + offsets) @ frame_rotation
    return LaserPoints(origins, xyz, pixels)


def beam_directions(laser: LaserCalibration, height: int, width: int) -> Float64[ndarray, "H W 3"]:
    """Unit vectors in the laser's frame.

    Args:
        laser: its calibration.
        height: number of beams.
        width: number of columns.

    Raises:
        WireError: the calibration has another number of beams.
    """
    inclinations = laser.inclinations
    if not len(inclinations):
        share = (np.arange(height) + 0.5) / height
        inclinations = laser.inclination_min + share * (laser.inclination_max - laser.inclination_min)
    if len(inclinations) != height:
        raise WireError(f"a range image has {height} rows, its calibration {len(inclinations)} inclinations")
    inclination = inclinations[::-1, None]
    azimuth = azimuths(laser, width)[None]
    rise = np.broadcast_to(np.sin(inclination), (height, width))
    level = np.cos(inclination)
    return np.stack([np.cos(azimuth) * level, np.sin(azimuth) * level, rise], axis=-1)


def azimuths(laser: LaserCalibration, width: int) -> Float64[ndarray, " W"]:
    """Angle of each column in the laser's frame, radians from x to y."""
    rotation = laser.vehicle_from_laser[:3, :3]
    share = (width - np.arange(width) - 0.5) / width
    return (2 * share - 1) * np.pi - np.arctan2(rotation[1, 0], rotation[0, 0])


def _rotations(roll_pitch_yaw: Float64[ndarray, "P 3"]) -> Float64[ndarray, "P 3 3"]:
    """Rz(yaw) Ry(pitch) Rx(roll)."""
    (sr, sp, sy), (cr, cp, cy) = np.sin(roll_pitch_yaw).T, np.cos(roll_pitch_yaw).T
    rows = [
        np.stack([cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr], axis=-1),
        np.stack([sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr], axis=-1),
        np.stack([-sp, cp * sr, cp * cr], axis=-1),
    ]
    return np.stack(rows, axis=-2)
