"""Segments read from TFRecords, frame by frame, everything checked and keyed by name."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from core.errors import UserError
from scene.datasets.poses import is_rigid
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
from scene.datasets.waymo.range_images import decompressed_matrix
from scene.datasets.waymo.schema import FRAME
from scene.datasets.waymo.tfrecord import read_records
from scene.datasets.waymo.wire import Content, WireError, decode

ItemT = TypeVar("ItemT")

_RIGID_TOLERANCE = 1e-4


def read_segment(path: Path) -> Iterator[WaymoFrame]:
    """The frames of a segment, one in memory at a time.

    Raises:
        UserError: the file is cut off or damaged, a record is no frame, a calibration is missing, a pose is
            not finite, or the frames are not in the order of time.
    """
    before: int | None = None
    for number, record in enumerate(read_records(path)):
        where = f"{path}, record {number}"
        try:
            frame = decode_frame(record)
        except WireError as error:
            raise UserError(f"{where}: {error}; a frame of the Waymo Open Dataset was expected") from error
        if before is not None and frame.timestamp_micros <= before:
            raise UserError(
                f"{where}: its time, {frame.timestamp_micros} us, is not after that of the record before, "
                f"{before} us; the frames of a segment were expected in the order of time"
            )
        before = frame.timestamp_micros
        yield frame


def decode_frame(record: bytes) -> WaymoFrame:
    """The frame in a message.

    Raises:
        WireError: it is no frame, or one that misses something or holds numbers that make no sense.
    """
    content = decode(FRAME, record)
    context = _required(content["context"], "context")
    stats = context["stats"] or {}
    frame = WaymoFrame(
        segment=_required(context["name"], "context.name"),
        timestamp_micros=_required(content["timestamp_micros"], "timestamp_micros"),
        world_from_vehicle=_pose(content["pose"], "the frame's pose"),
        camera_calibrations=_by_name(
            CAMERAS, [(item["name"], _camera(item)) for item in context["camera_calibrations"]]
        ),
        laser_calibrations=_by_name(
            LASERS, [(item["name"], _laser(item)) for item in context["laser_calibrations"]]
        ),
        images=_by_name(CAMERAS, [(item["name"], _image(item)) for item in content["images"]]),
        range_images=_by_name(
            LASERS,
            [
                (item["name"], _range_image(item["ri_return1"]))
                for item in content["lasers"]
                if (item["ri_return1"] or {}).get("range_image_compressed")
            ],
        ),
        labels=tuple(_label(item) for item in content["laser_labels"]),
        surroundings={
            key: stats[key] for key in ("time_of_day", "location", "weather") if stats.get(key) is not None
        },
    )
    _check_calibrated("camera", frame.images, frame.camera_calibrations)
    _check_calibrated("laser", frame.range_images, frame.laser_calibrations)
    return frame


def _check_calibrated(what: str, used: Mapping[str, object], calibrated: Mapping[str, object]) -> None:
    missing = [name for name in used if name not in calibrated]
    if missing:
        raise WireError(f"the {what} {missing[0]} has no calibration")


def _by_name(names: Sequence[str], items: Sequence[tuple[int | None, ItemT]]) -> dict[str, ItemT]:
    result: dict[str, ItemT] = {}
    for number, item in items:
        if number is None or not 1 <= number <= len(names):
            raise WireError(f"{number} numbers none of {', '.join(names)}")
        if names[number - 1] in result:
            raise WireError(f"{names[number - 1]} is there twice")
        result[names[number - 1]] = item
    return result


def _required(value: Any, what: str) -> Any:
    if value is None:
        raise WireError(f"{what} is missing")
    return value


def _pose(transform: Content | None, what: str) -> Float64[ndarray, "4 4"]:
    values = np.array(_required(transform, what)["transform"], np.float64)
    if values.shape != (16,):
        raise WireError(f"{what} has {len(values)} numbers, 16 were expected")
    if not np.isfinite(values).all():
        raise WireError(f"{what} is not finite")
    matrix = values.reshape(4, 4)
    if not is_rigid(matrix, _RIGID_TOLERANCE):
        raise WireError(f"{what} is no rotation and translation")
    return matrix


def _camera(content: Content) -> CameraCalibration:
    name = f"the calibration of camera {content['name']}"
    intrinsic = tuple(content["intrinsic"])
    if len(intrinsic) != 9 or not np.isfinite(intrinsic).all():
        raise WireError(f"{name} has {len(intrinsic)} intrinsic numbers, 9 finite ones were expected")
    return CameraCalibration(
        intrinsic=intrinsic,
        vehicle_from_camera=_pose(content["extrinsic"], name),
        width=_required(content["width"], f"{name}, width"),
        height=_required(content["height"], f"{name}, height"),
    )


def _laser(content: Content) -> LaserCalibration:
    inclinations = np.array(content["beam_inclinations"], np.float64)
    if not np.isfinite(inclinations).all():
        raise WireError(f"the inclinations of laser {content['name']} are not finite")
    return LaserCalibration(
        vehicle_from_laser=_pose(content["extrinsic"], f"the calibration of laser {content['name']}"),
        inclinations=inclinations,
        inclination_min=content["beam_inclination_min"] or 0.0,
        inclination_max=content["beam_inclination_max"] or 0.0,
    )


def _image(content: Content) -> CameraImage:
    labels = content["camera_segmentation_label"] or {}
    pose = content["pose"]
    return CameraImage(
        jpeg=_required(content["image"], f"the picture of camera {content['name']}"),
        world_from_vehicle=None if pose is None else _pose(pose, f"the pose of camera {content['name']}"),
        time_s=content["pose_timestamp"],
        panoptic=labels.get("panoptic_label"),
        panoptic_divisor=labels.get("panoptic_label_divisor") or 1000,
    )


def _range_image(content: Content) -> RangeImage:
    stored = {
        name: None if content[key] is None else decompressed_matrix(content[key])
        for name, key in (
            ("values", "range_image_compressed"),
            ("flow", "range_image_flow_compressed"),
            ("pixel_poses", "range_image_pose_compressed"),
        )
    }
    values = stored["values"]
    for name, channels in (("values", 4), ("flow", 4), ("pixel_poses", 6)):
        matrix = stored[name]
        if matrix is not None and values is not None and matrix.shape != (*values.shape[:2], channels):
            raise WireError(f"the {name} of a range image have the shape {matrix.shape}")
    return RangeImage(**stored)  # pyright: ignore[reportArgumentType]


def _label(content: Content) -> Label:
    box, metadata = _required(content["box"], "the box of a label"), content["metadata"] or {}
    numbers = {key: value or 0.0 for key, value in (*box.items(), *metadata.items())}
    if not np.isfinite(list(numbers.values())).all():
        raise WireError(f"the box {content['id']} is not finite")
    kind = content["type"] or 0
    return Label(
        track=content["id"] or "",
        type=TYPES[kind] if 0 <= kind < len(TYPES) else TYPES[0],
        center=(numbers["center_x"], numbers["center_y"], numbers["center_z"]),
        size_m=(numbers["length"], numbers["width"], numbers["height"]),
        heading=numbers["heading"],
        speed=(numbers.get("speed_x", 0.0), numbers.get("speed_y", 0.0)),
        lidar_points=content["num_lidar_points_in_box"] or 0,
        top_lidar_points=content["num_top_lidar_points_in_box"] or 0,
    )
