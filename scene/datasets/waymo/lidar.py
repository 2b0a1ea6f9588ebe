"""All first returns of a frame as rows of numbers, as the converted folder holds them.

    10 columns: origin 3, point 3,                    ground 0/1, intensity, elongation, laser 0-4
    14 columns: origin 3, point 3, velocity 3, class, ground 0/1, intensity, elongation, laser 0-4

Metres and m/s in the vehicle's frame at the frame's pose; float32 without header.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from core.errors import UserError
from core.files import explain
from scene.datasets.waymo.frames import LASERS, WaymoFrame
from scene.datasets.waymo.ground import ground_points
from scene.datasets.waymo.range_images import laser_points

Columns = Literal[10, 14]
_NO_FLOW = (0.0, 0.0, 0.0, -1.0)
_WIDTHS = (10, 14)
_EXPECTED = (
    "rows of 10 or 14 columns of float32 were expected (origin, point, [velocity, class,] ground 0 or 1, "
    "intensity, elongation, laser 0 to 4)"
)
_CLASSES = (-1, 4)


@dataclass(frozen=True)
class LidarRows:
    """Returns in the vehicle's frame.

    Args:
        origins: where the rays began, metres.
        xyz: metres.
        intensity: as the sensor gives it.
        laser: which one, a row of `LASERS`.
    """

    origins: Float64[ndarray, "P 3"]
    xyz: Float64[ndarray, "P 3"]
    intensity: Float64[ndarray, " P"]
    laser: Float64[ndarray, " P"]


def lidar_rows(frame: WaymoFrame, columns: Columns) -> Float32[ndarray, "P N"]:
    """The returns of all lasers, in the order of the lasers' numbers.

    Args:
        frame: with its range images.
        columns: 14 with velocities, 10 without.

    Raises:
        WireError: a range image does not fit its calibration.
    """
    parts = [np.zeros((0, 13))]
    for number, name in enumerate(LASERS):
        image = frame.range_images.get(name)
        if image is None:
            continue
        points = laser_points(image, frame.laser_calibrations[name], frame.world_from_vehicle)
        rows, places = points.pixels.T
        values = image.values[rows, places, 1:3].astype(np.float64)
        flow = np.broadcast_to(_NO_FLOW, (len(rows), 4)) if image.flow is None else image.flow[rows, places]
        laser = np.full((len(rows), 1), number)
        parts.append(np.concatenate([points.origins, points.xyz, flow, values, laser], axis=1))
    table = np.concatenate(parts)
    table = np.insert(table, 10, ground_points(table[:, 3:6]), axis=1)
    return (table if columns == 14 else np.delete(table, range(6, 10), axis=1)).astype(np.float32)


def columns_of(frame: WaymoFrame) -> Columns:
    """14 for a frame with velocities of what was hit, else 10."""
    return 14 if any(image.flow is not None for image in frame.range_images.values()) else 10


def check_size(path: Path) -> None:
    """That a file can have 10 or 14 columns, without reading it.

    Raises:
        UserError: it cannot.
    """
    size = path.stat().st_size
    if all(size % (4 * columns) for columns in _WIDTHS):
        raise UserError(f"{path} holds {size} bytes; {_EXPECTED}; convert the log again")


def read_rows(path: Path) -> LidarRows:
    """The returns in a file of 10 or 14 columns; which, its numbers tell.

    Raises:
        UserError: the file is missing, or makes sense with neither.
    """
    try:
        values = np.fromfile(path, "<f4")
    except OSError as error:
        raise explain(error, path, "read") from error
    for columns in _WIDTHS:
        if len(values) % columns == 0 and _makes_sense(values.reshape(-1, columns)):
            table = values.reshape(-1, columns).astype(np.float64)
            return LidarRows(table[:, :3], table[:, 3:6], table[:, -3], table[:, -1])
    raise UserError(
        f"{path} holds {len(values)} numbers that do not make sense; {_EXPECTED}; convert the log again"
    )


def _makes_sense(table: Float32[ndarray, "P N"]) -> bool:
    if not np.isfinite(table).all() or not np.isin(table[:, -4], (0, 1)).all():
        return False
    if table.shape[1] == 14 and not np.isin(table[:, 9], np.arange(_CLASSES[0], _CLASSES[1] + 1)).all():
        return False
    return bool(np.isin(table[:, -1], np.arange(len(LASERS))).all())
