"""A tiny segment of the Waymo Open Dataset, as frames: far from the world's origin, driving, turning."""

import cv2
import numpy as np

from scene.datasets.waymo.frames import (
    CAMERAS,
    CameraCalibration,
    CameraImage,
    Label,
    LaserCalibration,
    RangeImage,
    WaymoFrame,
)

SEGMENT = "1005081002024129653_5313_150_5333_150"
WIDTH, HEIGHT = 48, 32
FAR = np.array([-41_234.5, 12_345.6, 78.9])
AZIMUTHS = dict(zip(CAMERAS, (0.0, 0.8, -0.8, 1.6, -1.6), strict=True))


def pose(yaw: float, position: tuple[float, float, float], pitch: float = 0.0) -> np.ndarray:
    sy, cy, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]]) @ [[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]]
    matrix[:3, 3] = position
    return matrix


def vehicle(number: float) -> np.ndarray:
    """World-from-vehicle; a frame is one unit."""
    moved = pose(0.3 + 0.02 * number, (0.0, 0.0, 0.0), pitch=0.01)
    moved[:3, 3] = FAR + moved[:3, :3] @ (0.8 * number, 0.05 * number, 0.0)
    return moved


def camera(name: str, *, distorted: bool = True) -> CameraCalibration:
    lens = (0.05, -0.2, 0.001, -0.002, 0.0) if distorted else (0.0,) * 5
    return CameraCalibration(
        (40.0, 41.0, 23.2, 16.9, *lens), pose(AZIMUTHS[name], (1.5, 0.0, 2.1)), WIDTH, HEIGHT
    )


def lasers() -> dict[str, LaserCalibration]:
    return {
        "REAR": LaserCalibration(pose(3.1, (-1.0, 0.0, 1.0)), np.zeros(0), -1.2, 0.4),
        "TOP": LaserCalibration(pose(2.6, (1.4, 0.0, 2.2), 0.02), np.linspace(-0.3, 0.04, 6), -0.3, 0.04),
    }


def range_image(seed: int, rows: int, columns: int, *, flow: bool) -> RangeImage:
    random = np.random.default_rng(seed)
    values = random.uniform(0.0, 1.0, (rows, columns, 4)).astype(np.float32)
    values[..., 0] = random.uniform(3.0, 60.0, (rows, columns))
    values[random.uniform(size=(rows, columns)) < 0.2, 0] = -1.0
    velocities = None
    if flow:
        velocities = random.normal(0, 2, (rows, columns, 4)).astype(np.float32)
        velocities[..., 3] = random.integers(-1, 5, (rows, columns))
    return RangeImage(values, velocities)


def pixel_poses(number: int, rows: int, columns: int) -> np.ndarray:
    """Roll, pitch, yaw and position of the vehicle while TOP turns, as `vehicle` drives."""
    result = np.zeros((rows, columns, 6), np.float32)
    for column in range(columns):
        at = vehicle(number - 0.5 + column / columns)
        result[:, column, 1] = np.arcsin(-at[2, 0])
        result[:, column, 2] = np.arctan2(at[1, 0], at[0, 0])
        result[:, column, 3:] = at[:3, 3]
    return result


def picture(seed: int) -> bytes:
    image = np.random.default_rng(seed).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.resize(image, (WIDTH, HEIGHT)))[1].tobytes()


def labels(number: int) -> tuple[Label, ...]:
    return (
        Label("moving", "vehicle", (12.0 + number, 1.0, 1.0), (4.5, 2.0, 1.6), 0.2, (8.0, 1.0), 40, 30),
        Label("parked", "vehicle", (15.0 - number, -4.0, 1.0), (4.5, 2.0, 1.6), 0.0, (0.0, 0.1), 20, 10),
        Label("unseen", "pedestrian", (9.0, 0.0, 1.0), (1.0, 1.0, 1.8), 0.0, (2.0, 0.0), 5, 0),
    )


def frame(number: int, *, flow: bool = False, distorted: bool = True) -> WaymoFrame:
    top = range_image(number, 6, 40, flow=flow)
    sky = np.zeros((HEIGHT, WIDTH), np.uint16)
    sky[:9] = 25_000
    order = ("FRONT", "FRONT_LEFT", "SIDE_LEFT", "FRONT_RIGHT", "SIDE_RIGHT")  # as real files have it
    return WaymoFrame(
        segment=SEGMENT,
        timestamp_micros=1_553_735_853_462_203 + number * 100_000,
        world_from_vehicle=vehicle(number),
        camera_calibrations={name: camera(name, distorted=distorted) for name in CAMERAS},
        laser_calibrations=lasers(),
        images={
            name: CameraImage(
                picture(10 * number + row),
                vehicle(number + 0.1 * row),
                1_553_735_853.462203 + 0.1 * number + 0.01 * row,
                cv2.imencode(".png", sky)[1].tobytes(),
            )
            for row, name in enumerate(order)
        },
        range_images={
            "REAR": range_image(100 + number, 4, 12, flow=flow),
            "TOP": RangeImage(top.values, top.flow, pixel_poses(number, 6, 40)),
        },
        labels=labels(number),
        surroundings={"time_of_day": "Day", "weather": "sunny"},
    )
