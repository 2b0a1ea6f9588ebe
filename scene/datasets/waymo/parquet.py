"""Segments of version 2 of the data set: a parquet file for each component, joined by time and by name.

    vehicle_pose/SEGMENT.parquet, camera_image/..., camera_calibration/..., and where they were fetched
    lidar/..., lidar_calibration/..., lidar_pose/..., lidar_box/..., stats/...

Reading them needs pyarrow, which nothing else does. Version 2 has no flow, so lidar has 10 columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from core.errors import UserError
from core.files import explain
from scene.datasets.poses import check_pose
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
from scene.datasets.waymo.scenes import context_name

Row = Mapping[str, Any]

_TIME = "key.frame_timestamp_micros"
_CAMERA, _LASER = "key.camera_name", "key.laser_name"
_RETURN = "range_image_return1"
_INTRINSIC = ("f_u", "f_v", "c_u", "c_v", "k1", "k2", "p1", "p2", "k3")
_BATCH_ROWS = 5  # those of one frame


def is_parquet_root(root: Path) -> bool:
    """Whether a folder holds components of version 2."""
    return (root / "vehicle_pose").is_dir()


def parquet_segments(root: Path) -> list[str]:
    """The segments whose pictures and poses are in a folder, sorted."""
    names = {path.stem for path in (root / "vehicle_pose").glob("*.parquet")}
    return sorted(names & {path.stem for path in (root / "camera_image").glob("*.parquet")})


def read_parquet_segment(root: Path, segment: str) -> Iterator[WaymoFrame]:
    """The frames of a segment, one in memory at a time.

    Args:
        root: folder of the components.
        segment: with or without what version 1 puts around its name.

    Raises:
        UserError: pyarrow or a file is missing, or a file is not what it should be.
    """
    name = context_name(segment)
    try:
        yield from _frames(name, _Tables(root, name))
    except (TypeError, ValueError, OverflowError) as error:  # a cell is empty or of another kind
        raise UserError(
            f"{root}, segment {name}: a value is missing or of another kind than version 2 has ({error}); "
            "fetch the segment again"
        ) from error


def _frames(name: str, tables: "_Tables") -> Iterator[WaymoFrame]:
    cameras = {_camera(row): _camera_calibration(row) for row in tables.rows("camera_calibration")}
    lasers = {_laser(row): _laser_calibration(row) for row in tables.rows("lidar_calibration", False)}
    streams = {
        component: _Stream(component, tables.rows(component, required))
        for component, required in (
            ("camera_image", True), ("lidar", False), ("lidar_pose", False), ("lidar_box", False),
            ("stats", False),
        )
    }  # fmt: skip
    before: int | None = None
    for row in tables.rows("vehicle_pose"):
        time = row[_TIME]
        if before is not None and time <= before:
            raise UserError(f"{name}: the frames are not in the order of time ({before} us, then {time} us)")
        before = time
        at = {component: stream.at(time) for component, stream in streams.items()}
        pose = _matrix(row["[VehiclePoseComponent].world_from_vehicle.transform"], f"{name}: a pose")
        frame = WaymoFrame(
            segment=name,
            timestamp_micros=time,
            world_from_vehicle=pose,
            camera_calibrations=cameras,
            laser_calibrations=lasers,
            images={_camera(row): _image(row) for row in at["camera_image"]},
            range_images=_range_images(at["lidar"], at["lidar_pose"]),
            labels=tuple(_label(row) for row in at["lidar_box"]),
            surroundings=_surroundings(at["stats"]),
        )
        missing = (set(frame.images) - set(cameras)) | (set(frame.range_images) - set(lasers))
        if missing:
            raise UserError(f"{name}: {', '.join(sorted(missing))} has no calibration")
        yield frame


class _Row(dict[str, Any]):
    """The cells of a row by their columns; a column that is not there is told with the file's path."""

    def __init__(self, path: Path, cells: Row) -> None:
        super().__init__(cells)
        self._path = path

    def __missing__(self, column: str) -> Any:
        raise UserError(f"{self._path} has no column {column}; a file of version 2 was expected")


class _Tables:
    """The components of one segment."""

    def __init__(self, root: Path, segment: str) -> None:
        self._root = root
        self._segment = segment

    def rows(self, component: str, required: bool = True) -> Iterator[Row]:
        """Rows of a component, a few in memory at a time; none where it is not there and not required."""
        try:
            arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ImportError as error:
            raise UserError(
                "version 2 of the Waymo Open Dataset is parquet, and pyarrow, which reads it, is not "
                "installed; install it by `pip install pyarrow`"
            ) from error
        path = self._root / component / f"{self._segment}.parquet"
        if not path.is_file() and not required:
            return
        try:
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(_BATCH_ROWS):
                    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                    for row in range(batch.num_rows):
                        yield _Row(path, {name: _plain(column[row]) for name, column in columns.items()})
        except arrow.ArrowException as error:
            raise UserError(f"{path} is no parquet file ({error}); fetch it again") from error
        except OSError as error:
            raise explain(error, path, "read") from error


class _Stream:
    """Rows in the order of time, taken a frame at a time."""

    def __init__(self, component: str, rows: Iterator[Row]) -> None:
        self._component = component
        self._groups = groupby(rows, key=lambda row: row[_TIME])
        self._next: tuple[int, list[Row]] | None = None

    def at(self, time: int) -> list[Row]:
        """The rows of a time that is later than those asked for before."""
        if self._next is None:
            for key, rows in self._groups:
                self._next = key, list(rows)
                break
        if self._next is None or self._next[0] > time:
            return []
        key, rows = self._next
        if key < time:
            raise UserError(
                f"{self._component} has rows of {key} us, where {time} us is the next frame; the frames of "
                "one segment in the order of time were expected"
            )
        self._next = None
        return rows


def _plain(scalar: Any) -> Any:
    """A cell as Python or numpy has it; lists of numbers as arrays, as there may be a million."""
    values = getattr(scalar, "values", None)
    return scalar.as_py() if values is None else values.to_numpy(zero_copy_only=False)


def _matrix(values: Any, what: str) -> Float64[ndarray, "4 4"]:
    matrix = np.array(values, np.float64)
    if matrix.shape != (16,):
        raise UserError(f"{what} is no matrix of 16 numbers; fetch the segment again")
    check_pose(matrix.reshape(4, 4), what)
    return matrix.reshape(4, 4)


def _camera(row: Row) -> str:
    return _named(CAMERAS, row[_CAMERA], "camera")


def _laser(row: Row) -> str:
    return _named(LASERS, row[_LASER], "laser")


def _named(names: Sequence[str], number: int, what: str) -> str:
    """The name with a number; numbers begin with 1."""
    if not 1 <= number <= len(names):
        raise UserError(f"there is no {what} {number}; 1 to {len(names)} were expected")
    return names[number - 1]


def _camera_calibration(row: Row) -> CameraCalibration:
    prefix = "[CameraCalibrationComponent]."
    return CameraCalibration(
        intrinsic=tuple(float(row[f"{prefix}intrinsic.{name}"]) for name in _INTRINSIC),
        vehicle_from_camera=_matrix(row[f"{prefix}extrinsic.transform"], "a camera's calibration"),
        width=row[f"{prefix}width"],
        height=row[f"{prefix}height"],
    )


def _laser_calibration(row: Row) -> LaserCalibration:
    prefix = "[LiDARCalibrationComponent]."
    inclinations = row[f"{prefix}beam_inclination.values"]
    return LaserCalibration(
        vehicle_from_laser=_matrix(row[f"{prefix}extrinsic.transform"], "a laser's calibration"),
        inclinations=np.array([] if inclinations is None else inclinations, np.float64),
        inclination_min=float(row[f"{prefix}beam_inclination.min"]),
        inclination_max=float(row[f"{prefix}beam_inclination.max"]),
    )


def _image(row: Row) -> CameraImage:
    prefix = "[CameraImageComponent]."
    return CameraImage(
        jpeg=row[f"{prefix}image"],
        world_from_vehicle=_matrix(row[f"{prefix}pose.transform"], "the pose of a picture"),
        time_s=row.get(f"{prefix}pose_timestamp"),
    )


def _range_images(ranges: list[Row], poses: list[Row]) -> dict[str, RangeImage]:
    pixel_poses = {_laser(row): _grid(row, "[LiDARPoseComponent]") for row in poses}
    return {
        _laser(row): RangeImage(_grid(row, "[LiDARComponent]"), pixel_poses=pixel_poses.get(_laser(row)))
        for row in ranges
    }


def _grid(row: Row, component: str) -> Float32[ndarray, "H W C"]:
    values = np.array(row[f"{component}.{_RETURN}.values"], np.float32)
    shape = [int(length) for length in row[f"{component}.{_RETURN}.shape"]]
    if len(shape) != 3 or np.prod(shape) != len(values):
        raise UserError(f"a range image has {len(values)} numbers for the shape {shape}; fetch it again")
    return values.reshape(shape)


def _label(row: Row) -> Label:
    prefix = "[LiDARBoxComponent]."
    x, y, z = (float(row[f"{prefix}box.center.{axis}"]) for axis in "xyz")
    length, width, height = (float(row[f"{prefix}box.size.{axis}"]) for axis in "xyz")
    kind = row[f"{prefix}type"]
    points = row.get(f"{prefix}num_lidar_points_in_box") or 0
    return Label(
        track=row["key.laser_object_id"],
        type=TYPES[kind] if 0 <= kind < len(TYPES) else TYPES[0],
        center=(x, y, z),
        size_m=(length, width, height),
        heading=float(row[f"{prefix}box.heading"]),
        speed=(float(row[f"{prefix}speed.x"] or 0.0), float(row[f"{prefix}speed.y"] or 0.0)),
        lidar_points=int(points),
        top_lidar_points=int(row.get(f"{prefix}num_top_lidar_points_in_box") or 0),
    )


def _surroundings(rows: list[Row]) -> dict[str, str]:
    keys = ("time_of_day", "location", "weather")
    return {key: row[f"[StatsComponent].{key}"] for row in rows[:1] for key in keys}
