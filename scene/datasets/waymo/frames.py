"""One frame of a Waymo segment, everything by name: the lists of a file come in no fixed order.

The vehicle has x ahead, y left, z up; so have the cameras of this data set (x is the viewing direction), and
the lasers. Matrices are target-from-source in float64, lengths metres.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float32, Float64
from numpy import ndarray

CAMERAS = ("FRONT", "FRONT_LEFT", "FRONT_RIGHT", "SIDE_LEFT", "SIDE_RIGHT")
"""Cameras in the order of their numbers, which begin with 1 in a file and with 0 in a converted folder."""

LASERS = ("TOP", "FRONT", "SIDE_LEFT", "SIDE_RIGHT", "REAR")
"""Lasers in the order of their numbers, which begin with 1 in a file and with 0 in a converted folder."""

TYPES = ("unknown", "vehicle", "pedestrian", "sign", "cyclist")
"""Classes of labels in the order of their numbers, which begin with 0."""

SKY_CLASS = 25
"""Of the panoptic labels."""


@dataclass(frozen=True)
class CameraCalibration:
    """A camera of the rig.

    Args:
        intrinsic: f_u, f_v, c_u, c_v in pixels, and k1, k2, p1, p2, k3.
        vehicle_from_camera: its pose; x is the viewing direction, y left, z up.
        width: of its images, in pixels.
        height: likewise.
    """

    intrinsic: tuple[float, ...]
    vehicle_from_camera: Float64[ndarray, "4 4"]
    width: int
    height: int


@dataclass(frozen=True)
class LaserCalibration:
    """A laser of the rig.

    Args:
        vehicle_from_laser: its pose.
        inclinations: of its beams, radians, increasing; empty where they are evenly spread.
        inclination_min: lower end of evenly spread beams, radians.
        inclination_max: upper end.
    """

    vehicle_from_laser: Float64[ndarray, "4 4"]
    inclinations: Float64[ndarray, " B"]
    inclination_min: float
    inclination_max: float


@dataclass(frozen=True)
class CameraImage:
    """A picture.

    Args:
        jpeg: the file as it was stored.
        world_from_vehicle: where the vehicle was when it was taken; None where that is not known.
        time_s: when that was, in the clock of `WaymoFrame.timestamp_micros`; None where it is not known.
        panoptic: PNG of 16 bits, class x divisor + instance; None where the picture is not labelled.
        panoptic_divisor: of those labels.
    """

    jpeg: bytes
    world_from_vehicle: Float64[ndarray, "4 4"] | None = None
    time_s: float | None = None
    panoptic: bytes | None = None
    panoptic_divisor: int = 1000


@dataclass(frozen=True)
class RangeImage:
    """First returns of a laser's turn: a row a beam from the highest down, columns from the rear clockwise.

    Args:
        values: range in metres (not above 0: no return), intensity, elongation, whether in a no-label zone.
        flow: velocity of what was hit, m/s in the vehicle's axes, and its class (-1: none), if stored.
        pixel_poses: roll, pitch, yaw (radians) and x, y, z of the vehicle in the world when each pixel was
            measured; only of TOP.
    """

    values: Float32[ndarray, "H W 4"]
    flow: Float32[ndarray, "H W 4"] | None = None
    pixel_poses: Float32[ndarray, "H W 6"] | None = None


@dataclass(frozen=True)
class Label:
    """A labelled box, in the vehicle's frame.

    Args:
        track: the object's name, the same in every frame.
        type: as in `TYPES`.
        center: metres.
        size_m: length, width, height.
        heading: radians about z, from x to y.
        speed: over ground, along x and y, m/s.
        lidar_points: how many returns lie inside.
        top_lidar_points: how many of them are TOP's.
    """

    track: str
    type: str
    center: tuple[float, float, float]
    size_m: tuple[float, float, float]
    heading: float
    speed: tuple[float, float]
    lidar_points: int
    top_lidar_points: int


@dataclass(frozen=True)
class WaymoFrame:
    """All that is used of a frame.

    Args:
        segment: name of the segment.
        timestamp_micros: when it was measured.
        world_from_vehicle: the vehicle's pose; the world may be far from its origin, so float64 it stays.
        camera_calibrations: by names of `CAMERAS`.
        laser_calibrations: by names of `LASERS`.
        images: by names of `CAMERAS`.
        range_images: by names of `LASERS`.
        labels: boxes.
        surroundings: `time_of_day`, `location`, `weather`, as far as they are stored.
    """

    segment: str
    timestamp_micros: int
    world_from_vehicle: Float64[ndarray, "4 4"]
    camera_calibrations: Mapping[str, CameraCalibration]
    laser_calibrations: Mapping[str, LaserCalibration]
    images: Mapping[str, CameraImage]
    range_images: Mapping[str, RangeImage] = field(default_factory=dict[str, RangeImage])
    labels: tuple[Label, ...] = ()
    surroundings: Mapping[str, str] = field(default_factory=dict[str, str])
