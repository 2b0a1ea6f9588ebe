"""Segments written as the TFRecords that the data set is published in."""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jaxtyping import Float32, Float64
from numpy import ndarray

from scene.datasets.waymo.frames import (
    CAMERAS,
    LASERS,
    TYPES,
    CameraCalibration,
    CameraImage,
    Label,
    LaserCalibration,
    RangeImage,
    WaymoFrame,
)
from scene.datasets.waymo.schema import FRAME, MATRIX_FLOAT
from scene.datasets.waymo.tfrecord import write_records
from scene.datasets.waymo.wire import Content, encode


def write_segment(path: Path, frames: Iterable[WaymoFrame]) -> None:
    """Write a segment, one frame in memory at a time; the file is whole or absent.

    Args:
        path: usually `<segment>.tfrecord`.
        frames: in the order of time.

    Raises:
        UserError: the file cannot be written.
    """
    write_records(path, (encode_frame(frame) for frame in frames))


def encode_frame(frame: WaymoFrame) -> bytes:
    """The message of a frame."""
    context = {
        "name": frame.segment,
        "camera_calibrations": [
            _camera(CAMERAS.index(name) + 1, camera) for name, camera in frame.camera_calibrations.items()
        ],
        "laser_calibrations": [
            _laser(LASERS.index(name) + 1, laser) for name, laser in frame.laser_calibrations.items()
        ],
        "stats": dict(frame.surroundings),
    }
    content = {
        "context": context,
        "timestamp_micros": frame.timestamp_micros,
        "pose": _transform(frame.world_from_vehicle),
        "images": [_image(CAMERAS.index(name) + 1, image) for name, image in frame.images.items()],
        "lasers": [
            {"name": LASERS.index(name) + 1, "ri_return1": _range_image(image)}
            for name, image in frame.range_images.items()
        ],
        "laser_labels": [_label(label) for label in frame.labels],
    }
    return encode(FRAME, content)


def compressed_matrix(values: Float32[ndarray, "H W C"]) -> bytes:
    """A zlib stream of a `MatrixFloat`."""
    matrix = {"data": values.ravel(), "shape": {"dims": list(values.shape)}}
    return zlib.compress(encode(MATRIX_FLOAT, matrix), level=1)


def _transform(matrix: Float64[ndarray, "4 4"]) -> Content:
    return {"transform": matrix.ravel().tolist()}


def _camera(number: int, camera: CameraCalibration) -> Content:
    return {
        "name": number,
        "intrinsic": camera.intrinsic,
        "extrinsic": _transform(camera.vehicle_from_camera),
        "width": camera.width,
        "height": camera.height,
    }


def _laser(number: int, laser: LaserCalibration) -> Content:
    return {
        "name": number,
        "beam_inclinations": laser.inclinations.tolist(),
        "beam_inclination_min": laser.inclination_min,
        "beam_inclination_max": laser.inclination_max,
        "extrinsic": _transform(laser.vehicle_from_laser),
    }


def _image(number: int, image: CameraImage) -> Content:
    labels: Content | None = None
    if image.panoptic is not None:
        labels = {"panoptic_label_divisor": image.panoptic_divisor, "panoptic_label": image.panoptic}
    pose = None if image.world_from_vehicle is None else _transform(image.world_from_vehicle)
    return {
        "name": number,
        "image": image.jpeg,
        "pose": pose,
        "pose_timestamp": image.time_s,
        "camera_segmentation_label": labels,
    }


def _range_image(image: RangeImage) -> Content:
    optional: dict[str, Any] = {
        "range_image_pose_compressed": image.pixel_poses,
        "range_image_flow_compressed": image.flow,
    }
    stored = {name: compressed_matrix(values) for name, values in optional.items() if values is not None}
    return {"range_image_compressed": compressed_matrix(image.values), **stored}


def _label(label: Label) -> Content:
    x, y, z = label.center
    length, width, height = label.size_m
    return {
        "box": {
            "center_x": x, "center_y": y, "center_z": z,
            "width": width, "length": length, "height": height, "heading": label.heading,
        },
        "metadata": {"speed_x": label.speed[0], "speed_y": label.speed[1]},
        "type": TYPES.index(label.type),
        "id": label.track,
        "num_lidar_points_in_box": label.lidar_points,
        "num_top_lidar_points_in_box": label.top_lidar_points,
    }  # fmt: skip
