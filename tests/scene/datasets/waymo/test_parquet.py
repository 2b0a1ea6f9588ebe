import sys
from pathlib import Path

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


def test_frames_are_those_of_version_1(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow, which reads version 2, is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    frames = [frame(number) for number in range(2)]
    tables = rig_rows(frames[0])
    for taken in frames:
        for component, rows in frame_rows(taken).items():
            tables.setdefault(component, []).extend(rows)
    for component, rows in tables.items():
        (tmp_path / component).mkdir()
        parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / component / f"{SEGMENT}.parquet")
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


def test_without_pyarrow_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="pip install pyarrow"):
        next(read_parquet_segment(tmp_path, SEGMENT))
