"""What the vehicle carries: three cameras that look ahead and to the sides, and a lidar on the roof."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.poses import Vector, pose
from data.synthetic.views import Pinhole, Scanner

# Rows are the axes of an OpenCV camera (right, down, forward) in one with x forward, y left, z up.
_DATASET_FROM_OPENCV = np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]], np.float64)
_FOCAL = 2055.0 / 1920  # over the width: 50 degrees across
_BEAMS = 64
_LIDAR_YAW_DEG = 148.0  # the laser's own x points to the rear left; its columns count from straight behind


@dataclass(frozen=True)
class RigCamera:
    """A camera of the rig.

    Args:
        name: in the data set's words.
        number: of it in the names of files.
        vehicle_from_camera: x is the viewing direction, y left, z up.
        K: intrinsics in pixels, pixel centres at +0.5.
        width: of its pictures in pixels.
        height: likewise.
    """

    name: str
    number: int
    vehicle_from_camera: Float64[ndarray, "4 4"]
    K: Float64[ndarray, "3 3"]
    width: int
    height: int

    def view(self, world_from_vehicle: Float64[ndarray, "4 4"]) -> Pinhole:
        """What it sees from there."""
        c2w = world_from_vehicle @ self.vehicle_from_camera @ _DATASET_FROM_OPENCV
        return Pinhole(c2w, self.K, self.width, self.height)


@dataclass(frozen=True)
class RigLidar:
    """The lidar of the rig.

    Args:
        vehicle_from_laser: its pose.
        inclinations: of its beams, radians, increasing.
        columns: of a turn.
        reach_m: beyond it nothing comes back.
    """

    vehicle_from_laser: Float64[ndarray, "4 4"]
    inclinations: Float64[ndarray, " B"]
    columns: int
    reach_m: float = 75.0

    def view(self, world_from_vehicle: Float64[ndarray, "4 4"]) -> Scanner:
        """A turn that takes no time."""
        # Columns count from straight behind the vehicle, whatever the laser's yaw.
        level = self.vehicle_from_laser @ pose(yaw=-_LIDAR_YAW_DEG)
        return Scanner(world_from_vehicle @ level, self.inclinations[::-1].copy(), self.columns)


# Name, number, place on the vehicle, yaw, and how the optics differ from the common design in 1/1000.
_CAMERAS: tuple[tuple[str, int, Vector, float, tuple[float, float, float]], ...] = (
    ("FRONT_LEFT", 1, (1.49, 0.10, 2.11), 45.0, (2.0, 6.0, -4.0)),
    ("FRONT", 0, (1.54, -0.02, 2.11), 0.2, (-3.0, -5.0, 7.0)),
    ("FRONT_RIGHT", 2, (1.49, -0.10, 2.11), -45.3, (1.0, 4.0, 5.0)),
)


def make_cameras(width: int, height: int) -> tuple[RigCamera, ...]:
    """The cameras, from left to right.

    Args:
        width: of the pictures in pixels.
        height: likewise.
    """
    cameras = []
    for name, number, at, yaw, (focal, right, down) in _CAMERAS:
        length = width * _FOCAL * (1 + focal / 1000)
        K = np.array(
            [
                [length, 0, width * (0.5 + right / 1000)],
                [0, length, height * (0.5 + down / 1000)],
                [0, 0, 1],
            ]
        )
        cameras.append(RigCamera(name, number, pose(at, yaw=yaw, pitch=0.6), K, width, height))
    return tuple(cameras)


def make_lidar(columns: int) -> RigLidar:
    """The lidar: 64 beams from 17.6 degrees below the horizon to 2.4 above, densest at the top."""
    share = np.linspace(0, 1, _BEAMS)
    degrees = 2.4 - 20.0 * (0.45 * share + 0.55 * share**2.2)
    return RigLidar(pose((1.43, 0.0, 2.18), yaw=_LIDAR_YAW_DEG), np.radians(degrees[::-1]), columns)
