import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import UserError
from scene.datasets.waymo.frames import CAMERAS, LASERS, TYPES, WaymoFrame
from scene.datasets.waymo.parquet import is_parquet_root, parquet_segments, read_parquet_segment
from tests.scene.datasets.waymo_segments import SEGMENT, frame

TIME = "key.frame_timestamp_micros"
INTRINSIC = ("f_u", "f_v", "c_u", "c_v", "k1", "k2", "p1", "p2", "k3")


def named(prefix: str, **values: object) -> dict[str, object]:
    return {f"[{prefix}Component].{key}": value for key, value in values.items()}


def matrix(name: str, values: np.ndarray) -> dict[str, object]:
    return {name: values.ravel().tolist()}


def grid(prefix: str, values: np.ndarray) -> dict[str, object]:
    place = f"[{prefix}Component].range_image_return1"
    return {f"{place}.values": values.ravel().tolist(), f"{place}.shape": list(values.shape)}


def frame_rows(taken: WaymoFrame) -> dict[str, list[dict[str, object]]]:
    """What a frame is in each component."""
    time = {TIME: taken.timestamp_micros}
    boxes = [
        time
        | {"key.laser_object_id": label.track}
        | {
            f"[LiDARBoxComponent].box.center.{axis}": value
            for axis, value in zip("xyz", label.center, strict=True)
        }
        | {
            f"[LiDARBoxComponent].box.size.{axis}": value
            for axis, value in zip("xyz", label.size_m, strict=True)
        }
        | {f"[LiDARBoxComponent].speed.{axis}": value for axis, value in zip("xy", label.speed, strict=True)}
        | named("LiDARBox", type=TYPES.index(label.type), num_lidar_points_in_box=label.lidar_points)
        | named("LiDARBox", num_top_lidar_points_in_box=label.top_lidar_points)
        | {"[LiDARBoxComponent].box.heading": label.heading}
        for label in taken.labels
    ]
    lidar = [
        time | {"key.laser_name": LASERS.index(name) + 1} | grid("LiDAR", image.values)
        for name, image in taken.range_images.items()
    ]
    images = [
        time
        | {"key.camera_name": CAMERAS.index(name) + 1}
        | named("CameraImage", image=image.jpeg, pose_timestamp=image.time_s)
        | matrix("[CameraImageComponent].pose.transform", image.world_from_vehicle)  # pyright: ignore[reportArgumentType]
        for name, image in taken.images.items()
    ]
    top = taken.range_images["TOP"].pixel_poses
    assert top is not None
    pose = matrix("[VehiclePoseComponent].world_from_vehicle.transform", taken.world_from_vehicle)
    return {
        "vehicle_pose": [time | pose],
        "camera_image": images,
        "lidar": lidar,
        "lidar_pose": [time | {"key.laser_name": 1} | grid("LiDARPose", top)],
        "lidar_box": boxes,
        "stats": [time | named("Stats", time_of_day="Day", location="x", weather="sunny")],
    }


def rig_rows(taken: WaymoFrame) -> dict[str, list[dict[str, object]]]:
    cameras = [
        {"key.camera_name": CAMERAS.index(name) + 1}
        | {
            f"[CameraCalibrationComponent].intrinsic.{key}": value
            for key, value in zip(INTRINSIC, camera.intrinsic, strict=True)
        }
        | named("CameraCalibration", width=camera.width, height=camera.height)
        | matrix("[CameraCalibrationComponent].extrinsic.transform", camera.vehicle_from_camera)
        for name, camera in taken.camera_calibrations.items()
    ]
    beams = "[LiDARCalibrationComponent].beam_inclination"
    lasers = [
        {"key.laser_name": LASERS.index(name) + 1}
        | matrix("[LiDARCalibrationComponent].extrinsic.transform", laser.vehicle_from_laser)
        | {f"{beams}.values": laser.inclinations.tolist() or None}
        | {f"{beams}.min": laser.inclination_min, f"{beams}.max": laser.inclination_max}
        for name, laser in taken.laser_calibrations.items()
    ]
    return {"camera_calibration": cameras, "lidar_calibration": lasers}


Tables = dict[str, list[dict[str, object]]]


def tables_of(frames: Sequence[WaymoFrame]) -> Tables:
    tables = rig_rows(frames[0])
    for taken in frames:
        for component, rows in frame_rows(taken).items():
            tables.setdefault(component, []).extend(rows)
    return tables


def write_tables(root: Path, tables: Tables) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow, which reads version 2, is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    for component, rows in tables.items():
        (root / component).mkdir()
        parquet.write_table(arrow.Table.from_pylist(rows), root / component / f"{SEGMENT}.parquet")


def test_frames_are_those_of_version_1(tmp_path: Path) -> None:
    frames = [frame(number) for number in range(2)]
    write_tables(tmp_path, tables_of(frames))
    assert is_parquet_root(tmp_path)
    assert parquet_segments(tmp_path) == [SEGMENT]
    read = list(read_parquet_segment(tmp_path, f"segment-{SEGMENT}_with_camera_labels"))
    for found, taken in zip(read, frames, strict=True):
        assert (found.labels, found.timestamp_micros) == (taken.labels, taken.timestamp_micros)
        np.testing.assert_array_equal(found.world_from_vehicle, taken.world_from_vehicle)
        for name, image in taken.range_images.items():
            np.testing.assert_array_equal(found.range_images[name].values, image.values)
            beams = found.laser_calibrations[name].inclinations
            np.testing.assert_array_equal(beams, taken.laser_calibrations[name].inclinations)
        assert found.range_images["REAR"].pixel_poses is None
        poses = found.range_images["TOP"].pixel_poses
        np.testing.assert_array_equal(poses, taken.range_images["TOP"].pixel_poses)
        for name, image in taken.images.items():
            assert (found.images[name].jpeg, found.images[name].time_s) == (image.jpeg, image.time_s)
        assert found.camera_calibrations["FRONT"].intrinsic == taken.camera_calibrations["FRONT"].intrinsic


CAMERA_POSE = "[CameraCalibrationComponent].extrinsic.transform"


def read_from(monkeypatch: pytest.MonkeyPatch, root: Path, tables: Tables) -> None:
    """Let tables stand in for files, so that pyarrow is not needed: one batch with a column for each key."""

    @contextmanager
    def parquet_file(path: Path) -> Iterator[SimpleNamespace]:
        rows = tables[path.parent.name]
        names = list(rows[0])
        columns = [[SimpleNamespace(as_py=partial(row.get, name)) for row in rows] for name in names]
        batch = SimpleNamespace(schema=SimpleNamespace(names=names), columns=columns, num_rows=len(rows))
        yield SimpleNamespace(iter_batches=lambda _: [batch])

    for component in tables:
        (root / component).mkdir()
        (root / component / f"{SEGMENT}.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", SimpleNamespace(ArrowException=OSError))  # pyright: ignore[reportArgumentType]
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", SimpleNamespace(ParquetFile=parquet_file))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("component", "column", "value", "told"),
    [
        ("vehicle_pose", TIME, ..., "vehicle_pose.*has no column key.frame_timestamp_micros"),
        ("camera_image", "[CameraImageComponent].image", ..., "camera_image.*has no column"),
        ("lidar_box", "[LiDARBoxComponent].box.heading", None, "a value is missing or of another kind"),
        ("camera_image", "key.camera_name", 0, "there is no camera 0; 1 to 5"),
        ("lidar", "key.laser_name", 0, "there is no laser 0; 1 to 5"),
        ("camera_calibration", CAMERA_POSE, [2.0] * 16, "a camera's calibration is no rotation"),
        ("camera_calibration", CAMERA_POSE, [1.0] * 12, "is no matrix of 16 numbers"),
        ("lidar", "[LiDARComponent].range_image_return1.shape", [4], "numbers for the shape"),
    ],
)
def test_broken_tables_are_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    component: str,
    column: str,
    value: object,
    told: str,
) -> None:
    tables = tables_of([frame(0)])
    for row in tables[component]:
        row[column] = value
        if value is ...:
            del row[column]
    read_from(monkeypatch, tmp_path, tables)
    with pytest.raises(UserError, match=told):
        list(read_parquet_segment(tmp_path, SEGMENT))


def test_an_unknown_class_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = tables_of([frame(0)])
    tables["lidar_box"][0]["[LiDARBoxComponent].type"] = 77
    read_from(monkeypatch, tmp_path, tables)
    (found,) = read_parquet_segment(tmp_path, SEGMENT)
    assert [label.type for label in found.labels] == ["unknown", "vehicle", "pedestrian"]


def test_without_pyarrow_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="pip install pyarrow"):
        next(read_parquet_segment(tmp_path, SEGMENT))
