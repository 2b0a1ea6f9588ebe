from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from core.errors import UserError
from core.files import read_json, write_json
from core.geometry import transform_points
from scene.datasets import street_validate
from scene.datasets.nuscenes import READER
from scene.datasets.street import open_log
from scene.datasets.street_options import StreetOptions

CAMERAS = {"CAM_FRONT": 0.0, "CAM_FRONT_LEFT": 0.9}
LIDAR_Z = 1.8
START = np.array([600.0, 1600.0, 0.0])
YAW = 0.7
FIXED = np.array([40.0, 3.0, 1.0])
"""Of the first vehicle: where a post is, at which every sweep has a return."""


def turned(yaw: float) -> list[float]:
    return [float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2))]


def turn(yaw: float) -> np.ndarray:
    return np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])


def camera_quat(yaw: float) -> list[float]:
    """Vehicle-from-camera: OpenCV axes, (0.5, -0.5, 0.5, -0.5), turned to the left."""
    (w, _, _, z), (a, b, c, d) = turned(yaw), (0.5, -0.5, 0.5, -0.5)
    return [w * a - z * d, w * b - z * c, w * c + z * b, w * d + z * a]


def vehicle(time_s: float) -> np.ndarray:
    """It drives ahead at 6 m/s."""
    return START + turn(YAW) @ np.array([6.0 * time_s, 0.0, 0.0])


def car(time_s: float) -> np.ndarray:
    """It drives before the first vehicle at 4 m/s."""
    return START + turn(YAW) @ np.array([20.0 + 4 * time_s, -2.0, 0.8])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three key frames of one scene, each with a picture between, and a frame of another scene."""
    tables: dict[str, list[dict[str, Any]]] = {
        "scene": [{"token": f"scene {n}", "name": f"scene-000{n}"} for n in (1, 2)],
        "sensor": [{"token": name, "channel": name} for name in (*CAMERAS, "LIDAR_TOP")],
        "calibrated_sensor": [
            {
                "token": f"rig {name}", "sensor_token": name, "translation": [1.5, 0.0, 1.5],
                "rotation": camera_quat(yaw), "camera_intrinsic": [[50, 0, 41], [0, 50, 29], [0, 0, 1]],
            }
            for name, yaw in CAMERAS.items()
        ],
        "ego_pose": [], "sample": [], "sample_data": [], "sample_annotation": [],
        "instance": [{"token": "car", "category_token": "c"}],
        "category": [{"token": "c", "name": "vehicle.car"}],
    }  # fmt: skip
    tables["calibrated_sensor"].append(
        {"token": "rig LIDAR_TOP", "sensor_token": "LIDAR_TOP", "translation": [0.9, 0.0, LIDAR_Z],
         "rotation": turned(-np.pi / 2), "camera_intrinsic": []}
    )  # fmt: skip

    def measured(name: str, sample: str, time_s: float, key: bool, file: str) -> None:
        token = f"{name} {time_s}"
        tables["ego_pose"].append(
            {"token": token, "translation": vehicle(time_s).tolist(), "rotation": turned(YAW)}
        )
        tables["sample_data"].append(
            {
                "token": token, "sample_token": sample, "ego_pose_token": token, "is_key_frame": key,
                "calibrated_sensor_token": f"rig {name}", "timestamp": round(1e6 * (1500 + time_s)),
                "filename": file, "width": 80, "height": 60,
            }
        )  # fmt: skip

    for frame in range(3):
        time_s = 0.5 * frame
        tables["sample"].append(
            {"token": f"s{frame}", "timestamp": round(1e6 * (1500 + time_s)), "scene_token": "scene 1"}
        )
        measured("LIDAR_TOP", f"s{frame}", time_s, True, f"samples/LIDAR_TOP/{frame}.pcd.bin")
        for name in CAMERAS:
            file = f"samples/{name}/{frame}.jpg"
            measured(name, f"s{frame}", time_s + 0.02, True, file)
            measured(name, f"s{frame}", time_s + 0.1, False, "sweeps/none.jpg")
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / file), np.full((60, 80, 3), 50 + 20 * frame, np.uint8))
        # The post, a place on the car, and two on the own bonnet.
        world = np.stack([START + turn(YAW) @ FIXED, car(time_s), *[vehicle(time_s)] * 2])
        world[2:] += turn(YAW)[:, 0] * np.array([[1.0], [3.0]])
        own = (world - vehicle(time_s)) @ turn(YAW) - (0.9, 0.0, LIDAR_Z)
        rows = np.column_stack([own @ turn(-np.pi / 2), np.arange(4), np.zeros(4)]).astype("<f4")
        (tmp_path / "samples" / "LIDAR_TOP").mkdir(exist_ok=True)
        rows.tofile(tmp_path / "samples" / "LIDAR_TOP" / f"{frame}.pcd.bin")
        tables["sample_annotation"].append(
            {
                "token": f"a{frame}", "sample_token": f"s{frame}", "instance_token": "car",
                "translation": car(time_s).tolist(), "size": [1.8, 4.4, 1.5], "rotation": turned(YAW),
                "num_lidar_pts": 12 + frame, "prev": f"a{frame - 1}" if frame else "",
                "next": f"a{frame + 1}" if frame < 2 else "",
            }
        )  # fmt: skip
    tables["sample"].append({"token": "other", "timestamp": 0, "scene_token": "scene 2"})
    for name, rows in tables.items():
        write_json(tmp_path / "v1.0-mini" / f"{name}.json", rows)
    return tmp_path


FIRST = StreetOptions(scene="scene-0001")


def test_key_frames_of_a_scene(log: Path) -> None:
    capture = open_log(log, FIRST)
    drive = capture.drive
    assert drive is not None
    assert drive.camera_names == ("CAM_FRONT_LEFT", "CAM_FRONT")
    assert capture.image_names[:3] == (
        "000_CAM_FRONT_LEFT.jpg",
        "000_CAM_FRONT.jpg",
        "001_CAM_FRONT_LEFT.jpg",
    )
    assert [int(capture.images[row][5, 5, 0]) for row in (0, 2, 4)] == pytest.approx([50, 70, 90], abs=3)
    torch.testing.assert_close(drive.frame_times_s, torch.tensor([0.0, 0.5, 1.0]).double())
    torch.testing.assert_close(drive.view_times_s[:2], torch.tensor([0.02, 0.02]).double(), atol=1e-6, rtol=0)
    expected = torch.tensor([[0.0, 0, 0], [3, 0, 0], [6, 0, 0]]).double()
    torch.testing.assert_close(drive.world_from_ego[:, :3, 3], expected, atol=1e-9, rtol=0)
    # Cameras have the poses of their own pictures: 0.02 s later.
    torch.testing.assert_close(capture.cameras.centers[1], torch.tensor([1.62, 0.0, 1.5]))
    torch.testing.assert_close(capture.cameras.c2w[1, :3, 2], torch.tensor([1.0, 0, 0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        capture.cameras.c2w[0, :3, 2], torch.tensor([np.cos(0.9), np.sin(0.9), 0]).float(), atol=1e-6, rtol=0
    )


def test_lidar_and_boxes(log: Path) -> None:
    """A post stays where it is, a car is in its box, and the own bonnet is left out."""
    drive = open_log(log, FIRST).drive
    assert drive is not None
    assert drive.boxes is not None
    for frame in range(3):
        sweep, (box,) = drive.sweeps[frame], drive.boxes[frame]
        assert sweep is not None
        torch.testing.assert_close(sweep.xyz[0], torch.from_numpy(FIXED).float(), atol=1e-4, rtol=0)
        own = transform_points(torch.linalg.inv(box.world_from_box), sweep.xyz[1:].double())
        torch.testing.assert_close(own, torch.zeros(1, 3).double(), atol=1e-4, rtol=0)
        assert sweep.intensity.tolist() == [0.0, 1.0]
        origin = torch.tensor([3.0 * frame + 0.9, 0.0, LIDAR_Z])
        torch.testing.assert_close(sweep.origins[0], origin, atol=1e-5, rtol=0)
        assert box.speed_m_s == pytest.approx(4.0)
        assert (box.label, box.size_m, box.lidar_points) == ("vehicle.car", (4.4, 1.8, 1.5), 12 + frame)


def test_which_scene(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert street_validate.main([str(log)]) == 2
    assert "has scene-0001, scene-0002; name one of them" in capsys.readouterr().err
    assert street_validate.main([str(log), "--scene", "scene-0001"]) == 0
    assert "1 labelled objects" in capsys.readouterr().err
    with pytest.raises(UserError, match="has no camera"):
        open_log(log, StreetOptions(scene="scene-0002"))  # nothing was measured in its only frame


def test_without_boxes(log: Path) -> None:
    (log / "v1.0-mini" / "sample_annotation.json").unlink()
    capture = open_log(log, FIRST)
    assert capture.drive is not None
    assert capture.drive.boxes is None
    assert capture.dynamic_masks is None


def put(table: str, key: str, value: object) -> Callable[[Path], None]:
    """In the first row; ... removes the key."""

    def change(log: Path) -> None:
        path = log / "v1.0-mini" / f"{table}.json"
        rows = read_json(path)
        rows[0][key] = value
        if value is ...:
            del rows[0][key]
        write_json(path, rows)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("sample_data", "timestamp", ...), r"do not fit together.*KeyError: 'timestamp'"),
        (put("sample_data", "ego_pose_token", "none"), "do not fit together.*'none'"),
        (put("sample_data", "timestamp", 0), "000_CAM_FRONT.jpg was taken at"),
        (put("calibrated_sensor", "camera_intrinsic", [1, 2]), "is no matrix of 3x3"),
        (put("ego_pose", "translation", [float("nan"), 0, 0]), "frame 0 is not finite"),
        (put("ego_pose", "rotation", [0, 0, 0, 0]), "do not fit together.*a rotation of length 1"),
        (lambda log: write_json(log / "v1.0-mini" / "sample.json", {}), "sample.json: a list of objects"),
    ],
)
def test_broken_tables_are_told(log: Path, change: Callable[[Path], None], told: str) -> None:
    change(log)
    with pytest.raises(UserError, match=told):
        open_log(log, FIRST)


def test_broken_sweeps_and_boxes_are_told(log: Path) -> None:
    path = log / "samples" / "LIDAR_TOP" / "1.pcd.bin"
    path.write_bytes(path.read_bytes()[:-6])
    put("sample_annotation", "size", [1.0])(log)
    frames = READER.read(log, FIRST).frames
    assert frames[1].sweep is not None
    assert frames[0].boxes is not None
    with pytest.raises(UserError, match=r"1\.pcd\.bin holds 74 bytes"):
        frames[1].sweep()
    with pytest.raises(UserError, match=r"sample_annotation\.json, frame 0: a box is broken"):
        frames[0].boxes()


def test_classes_of_returns(log: Path) -> None:
    """nuScenes-lidarseg has one for each return in the file; those of the own vehicle go with its returns."""
    write_json(
        log / "v1.0-mini" / "lidarseg.json",
        [{"sample_data_token": "LIDAR_TOP 0.5", "filename": "lidarseg/v1.0-mini/1.bin"}],
    )
    path = log / "lidarseg" / "v1.0-mini" / "1.bin"
    path.parent.mkdir(parents=True)
    np.array([28, 17, 31, 31], np.uint8).tofile(path)
    frames = READER.read(log, FIRST).frames
    assert [frame.labels is not None for frame in frames] == [False, True, False]
    labels, sweep = frames[1].labels, frames[1].sweep
    assert labels is not None
    assert sweep is not None
    assert labels().tolist() == [28, 17]
    assert len(sweep().xyz) == 2
    np.array([28, 17, 31], np.uint8).tofile(path)
    with pytest.raises(UserError, match=r"1\.bin has 3 classes for the 4 returns"):
        labels()
    path.unlink()
    with pytest.raises(UserError, match=r"cannot read .*1\.bin"):
        labels()
