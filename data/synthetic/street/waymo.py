"""A drive's frames in the words of the Waymo Open Dataset."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray
from scipy.spatial.transform import Rotation

from data.synthetic.files import encoded_image
from data.synthetic.poses import pose
from data.synthetic.street.recording import LabelledBox, Moment, Shot
from data.synthetic.street.rig import RigCamera, RigLidar
from scene.datasets.waymo.frames import (
    SKY_CLASS,
    CameraCalibration,
    CameraImage,
    Label,
    LaserCalibration,
    RangeImage,
    WaymoFrame,
)

LIDAR = "TOP"
TYPES = {"vehicle": "vehicle", "person": "pedestrian"}
_FLOW_CLASSES = {"vehicle": 1, "person": 2}
_EPOCH_MICROS = 1_550_000_000_000_000
_DIVISOR = 1000


@dataclass(frozen=True)
class Log:
    """What all frames of a log share.

    Args:
        name: of the segment.
        world_from_street: the data set's world is far from its origin.
        cameras: of the rig.
        lidar: of the rig.
        labels: of the world's bodies.
        scene_flow: whether range images tell the velocities of what was hit.
    """

    name: str
    world_from_street: Float64[ndarray, "4 4"]
    cameras: tuple[RigCamera, ...]
    lidar: RigLidar
    labels: tuple[str, ...]
    scene_flow: bool

    def pose(self, moment: Moment) -> Float64[ndarray, "4 4"]:
        """World-from-vehicle."""
        return self.world_from_street @ moment.world_from_vehicle


def segment_name(seed: int, duration_s: float) -> str:
    """A name in the manner of the data set's: a long number, and from when to when."""
    return f"{seed:020d}_0000_000_{int(duration_s):04d}_{round(1000 * (duration_s % 1)):03d}"


def far_away(seed: int) -> Float64[ndarray, "4 4"]:
    """World-from-street for a world whose origin is some kilometres off, as that of the data set is."""
    rng = np.random.default_rng((seed, 24))
    x, y, z = (rng.uniform(-1, 1, 3) * (20_000, 20_000, 100)).tolist()
    return pose((x, y, z), yaw=float(rng.uniform(-180, 180)))


def to_frame(log: Log, moment: Moment) -> WaymoFrame:
    """The frame of a moment."""
    world_from_vehicle, lidar = log.pose(moment), log.lidar
    micros = _EPOCH_MICROS + round(1e6 * moment.time_s)
    inclinations = lidar.inclinations
    return WaymoFrame(
        segment=log.name,
        timestamp_micros=micros,
        world_from_vehicle=world_from_vehicle,
        camera_calibrations={camera.name: _calibration(camera) for camera in log.cameras},
        laser_calibrations={
            LIDAR: LaserCalibration(
                lidar.vehicle_from_laser, inclinations, float(inclinations[0]), float(inclinations[-1])
            )
        },
        images={
            name: _picture(shot, world_from_vehicle, micros * 1e-6) for name, shot in moment.shots.items()
        },
        range_images={LIDAR: _range_image(log, moment, world_from_vehicle)},
        labels=tuple(_label(box) for box in moment.boxes),
        surroundings={"time_of_day": "Day", "location": "location_synthetic", "weather": "sunny"},
    )


def _calibration(camera: RigCamera) -> CameraCalibration:
    K = camera.K
    intrinsic = (K[0, 0], K[1, 1], K[0, 2], K[1, 2], 0.0, 0.0, 0.0, 0.0, 0.0)
    numbers = tuple(float(value) for value in intrinsic)
    return CameraCalibration(numbers, camera.vehicle_from_camera, camera.width, camera.height)


def _picture(shot: Shot, world_from_vehicle: Float64[ndarray, "4 4"], time_s: float) -> CameraImage:
    """A picture whose panoptic labels tell the sky and nothing else."""
    panoptic = np.where(shot.sky, SKY_CLASS * _DIVISOR, 0).astype(np.uint16)
    return CameraImage(shot.jpeg, world_from_vehicle, time_s, encoded_image(panoptic, ".png"), _DIVISOR)


def _range_image(log: Log, moment: Moment, world_from_vehicle: Float64[ndarray, "4 4"]) -> RangeImage:
    turn = moment.turn
    ranges = np.where(turn.returned, turn.ranges, -1)
    outside = np.full(ranges.shape, -1.0)  # in no zone without labels
    values = np.stack([ranges, turn.intensity, turn.elongation, outside], axis=-1)
    classes = np.array([_FLOW_CLASSES.get(label, 0) for label in log.labels] + [-1])[turn.bodies]
    flow = np.concatenate([turn.velocities, classes[..., None]], axis=-1)
    yaw, pitch, roll = Rotation.from_matrix(world_from_vehicle[:3, :3]).as_euler("ZYX")
    one = np.array([roll, pitch, yaw, *world_from_vehicle[:3, 3]])
    poses = np.broadcast_to(one, (*ranges.shape, 6))
    return RangeImage(
        values.astype(np.float32),
        flow.astype(np.float32) if log.scene_flow else None,
        poses.astype(np.float32),
    )


def _label(box: LabelledBox) -> Label:
    x, y, z = box.vehicle_from_box[:3, 3].tolist()
    heading = float(np.arctan2(box.vehicle_from_box[1, 0], box.vehicle_from_box[0, 0]))
    speed = (float(box.velocity[0]), float(box.velocity[1]))
    return Label(
        track=box.track,
        type=TYPES[box.label],
        center=(x, y, z),
        size_m=box.size_m,
        heading=heading,
        speed=speed,
        lidar_points=box.lidar_points,
        top_lidar_points=box.lidar_points,
    )
