from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.files import read_json, write_json
from core.geometry import transform_points
from scene.occupancy.classes import CARLASC, OCC3D_NUSCENES, OCC3D_WAYMO
from scene.occupancy.from_lidar.__main__ import main
from scene.occupancy.from_lidar.moving import moving_tracks
from scene.occupancy.from_lidar.sources import read_log
from tests.scene.occupancy.from_lidar.lidar_worlds import (
    BUILDING,
    DRIVER,
    HOUSE,
    LIDAR_M,
    PARKED,
    ROAD,
    VEHICLE,
    drive,
    planar,
)

START = planar(600.0, 1600.0, 0.4)
POSES = [planar(0.8 * row, 0.0, 0.05 * row) for row in range(3)]
NUMBERS = {ROAD: 11, BUILDING: 15, VEHICLE: 4}
LIDAR_YAW = -np.pi / 2


def pose_entry(pose: np.ndarray) -> dict[str, Any]:
    yaw = float(np.arctan2(pose[1, 0], pose[0, 0]))
    return {
        "rotation": [float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2))],
        "translation": pose[:3, 3].tolist(),
        "timestamp": 0,
    }


@pytest.fixture
def keyframes(tmp_path: Path) -> Path:
    """Three key frames of a made-up street; every tenth return is of the own vehicle."""
    folder = tmp_path / "keyframes"
    folder.mkdir()
    ego_from_lidar = planar(LIDAR_M[0], LIDAR_M[1], LIDAR_YAW, LIDAR_M[2])
    entries = []
    for row, frame in enumerate(drive([HOUSE, PARKED, DRIVER], POSES).frames):
        ego = pose_entry(START @ POSES[row]) | {"timestamp": round(1e6 * (7 + frame.time_s))}
        entries.append({"lidar_ego_pose": ego, "lidar_calibrated_sensor": pose_entry(ego_from_lidar)})
        lidar_from_world = torch.from_numpy(np.linalg.inv(POSES[row] @ ego_from_lidar))
        xyz = transform_points(lidar_from_world, frame.xyz.double()).numpy()
        numbers = np.array([NUMBERS[kind] for kind in frame.classes.tolist()], np.uint8)
        numbers[::10] = 0
        boxes = []
        for thing in (PARKED, DRIVER):
            own = lidar_from_world.numpy() @ thing.pose(frame.time_s)
            # Their yaw turns a box that is long along y.
            yaw = float(np.arctan2(own[1, 0], own[0, 0])) - np.pi / 2
            length, width, height = thing.size
            boxes.append([*own[:2, 3], own[2, 3] - height / 2, width, length, height, yaw])
        np.savez(
            folder / f"{row:02d}.npz",
            xyz=xyz.astype(np.float32),
            lidarseg16=numbers,
            boxes7=np.array(boxes, np.float32),
            box_instance=np.array(["parked", "driver"]),
        )
    write_json(folder / "poses.json", entries)
    return folder


def test_key_frames(keyframes: Path) -> None:
    """What is read is the world that was looked at, but for what is of no class."""
    log = read_log(keyframes, CARLASC)
    made = drive([HOUSE, PARKED, DRIVER], POSES)
    assert [frame.number for frame in log.frames] == [0, 1, 2]
    assert log.frames[1].time_s - log.frames[0].time_s == pytest.approx(0.5)
    for read, frame in zip(log.frames, made.frames, strict=True):
        kept = torch.arange(len(frame.xyz)) % 10 != 0
        torch.testing.assert_close(read.xyz, frame.xyz[kept], atol=1e-4, rtol=0)
        torch.testing.assert_close(read.origins, frame.origins[kept], atol=1e-4, rtol=0)
        assert torch.equal(read.classes, frame.classes[kept])
        for box, own in zip(read.boxes, frame.boxes, strict=True):
            torch.testing.assert_close(box.world_from_box, own.world_from_box, atol=1e-4, rtol=0)
            assert box.size_m == pytest.approx(own.size_m)
    assert moving_tracks(log.frames, 0.5) == {"driver"}


def test_key_frames_in_classes_of_occ3d(keyframes: Path) -> None:
    log = read_log(keyframes, OCC3D_NUSCENES)
    assert {OCC3D_NUSCENES.names[kind] for kind in log.frames[0].classes.unique().tolist()} == {
        "car", "driveable surface", "manmade"
    }  # fmt: skip
    with pytest.raises(UserError, match="--classes occ3d-waymo"):
        read_log(keyframes, OCC3D_WAYMO)


def test_the_command(keyframes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ["--grid-size", "24", "24", "8", "--grid-origin", "-4.8", "-4.8", "-2.0", "--test-share", "0.34"]
    assert main([str(keyframes), str(out), *words]) == 0
    written = sorted(str(path.relative_to(out / "Cartesian")) for path in out.rglob("*.label"))
    assert written == [
        "Test/keyframes_002/cartesian/evaluation/000000.label",
        "Train/keyframes_000/cartesian/evaluation/000000.label",
        "Train/keyframes_000/cartesian/evaluation/000001.label",
    ]
    assert main([str(keyframes), str(out), *words]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main([str(tmp_path / "none"), str(out)]) == 2


def test_a_file_that_is_cut_off_is_told(keyframes: Path) -> None:
    path = keyframes / "01.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"01\.npz is damaged"):
        read_log(keyframes, CARLASC)


@pytest.mark.parametrize("name", ["xyz", "lidarseg16", "boxes7", "box_instance"])
def test_arrays_that_do_not_fit_are_told(keyframes: Path, name: str) -> None:
    with np.load(keyframes / "01.npz") as file:
        arrays = dict(file)
    arrays[name] = arrays[name][:, None]
    np.savez(keyframes / "01.npz", **arrays)
    with pytest.raises(UserError, match=rf"01\.npz: {name} of shape"):
        read_log(keyframes, CARLASC)
    del arrays[name]
    np.savez(keyframes / "01.npz", **arrays)
    with pytest.raises(UserError, match=r"01\.npz is damaged or another kind of file"):
        read_log(keyframes, CARLASC)


def test_missing_poses_are_told(keyframes: Path) -> None:
    entries = read_json(keyframes / "poses.json")
    write_json(keyframes / "poses.json", entries[:2])
    with pytest.raises(UserError, match=r"poses\.json: no poses .* for 02\.npz"):
        read_log(keyframes, CARLASC)
    write_json(keyframes / "poses.json", {"poses": entries})
    with pytest.raises(UserError, match=r"poses\.json: no poses"):
        read_log(keyframes, CARLASC)
    del entries[1]["lidar_ego_pose"]["rotation"]
    write_json(keyframes / "poses.json", entries)
    with pytest.raises(UserError, match=r"for 01\.npz"):
        read_log(keyframes, CARLASC)
    (keyframes / "poses.json").unlink()
    with pytest.raises(UserError, match="is no log with labelled lidar"):
        read_log(keyframes, CARLASC)


def test_poses_that_are_no_numbers_are_told(keyframes: Path) -> None:
    entries = read_json(keyframes / "poses.json")
    entries[1]["lidar_ego_pose"]["translation"][0] = float("nan")
    write_json(keyframes / "poses.json", entries)
    with pytest.raises(UserError, match="frame 1 is not finite"):
        read_log(keyframes, CARLASC)
