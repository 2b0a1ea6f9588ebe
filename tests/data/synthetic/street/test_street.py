"""From the files of a drive: pictures, lidar, boxes, masks and flow tell of one and the same world."""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.synthetic.__main__ import main
from data.synthetic.files import SKY_DEPTH_M
from data.synthetic.street.place import staged
from scene.datasets.waymo.range_images import laser_points
from scene.datasets.waymo.read import read_segment
from tests.data.synthetic.street.conftest import FLAGS
from tests.data.test_synthetic import contents

_DATASET_FROM_OPENCV = np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])
_HEIGHT, _WIDTH = 48, 72
VIEWS = [(frame, camera) for frame in range(2) for camera in range(3)]


@dataclass(frozen=True)
class Camera:
    K: np.ndarray
    w2c: np.ndarray

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        local = points @ self.w2c[:3, :3].T + self.w2c[:3, 3]
        return (local @ self.K.T)[:, :2] / local[:, 2:], local[:, 2]


def ego(log: Path, frame: int) -> np.ndarray:
    return np.loadtxt(log / f"processed/ego_pose/{frame:03d}.txt")


def camera(log: Path, frame: int, number: int) -> Camera:
    fu, fv, cu, cv, *lens = np.loadtxt(log / f"processed/intrinsics/{number}.txt")
    assert lens == [0] * 5
    extrinsic = np.loadtxt(log / f"processed/extrinsics/{number}.txt")
    c2w = ego(log, frame) @ extrinsic @ _DATASET_FROM_OPENCV
    return Camera(np.array([[fu, 0, cu], [0, fv, cv], [0, 0, 1]]), np.linalg.inv(c2w))


def depth(log: Path, frame: int, number: int) -> np.ndarray:
    data = (log / f"exact/depth/{frame:03d}_{number}.dpt").read_bytes()
    return np.frombuffer(data[12:], "<f4").reshape(_HEIGHT, _WIDTH).astype(float)


def image(log: Path, folder: str, frame: int, number: int) -> np.ndarray:
    return cv2.imread(str(log / folder / f"{frame:03d}_{number}.png"), cv2.IMREAD_UNCHANGED)


def lidar(log: Path, frame: int) -> np.ndarray:
    return np.fromfile(log / f"processed/lidar/{frame:03d}.bin", "<f4").reshape(-1, 10).astype(float)


def world_points(log: Path, frame: int, number: int) -> np.ndarray:
    seen, z = camera(log, frame, number), depth(log, frame, number)
    x, y = np.meshgrid(np.arange(_WIDTH) + 0.5, np.arange(_HEIGHT) + 0.5)
    local = np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3) @ np.linalg.inv(seen.K).T * z.reshape(-1, 1)
    c2w = np.linalg.inv(seen.w2c)
    return local @ c2w[:3, :3].T + c2w[:3, 3]


def boxes(log: Path) -> dict[str, dict[str, list]]:
    """By track."""
    info = json.loads((log / "processed/instances/instances_info.json").read_text())
    return {entry["id"]: entry["frame_annotations"] for entry in info.values()}


def objects(log: Path) -> list[dict]:
    return json.loads((log / "metadata.json").read_text())["objects"]


@pytest.mark.parametrize(("frame", "number"), VIEWS)
def test_lidar_points_lie_on_what_the_cameras_see(log: Path, frame: int, number: int) -> None:
    rows = lidar(log, frame)
    world = ego(log, frame)
    pixels, z = camera(log, frame, number).project(rows[:, 3:6] @ world[:3, :3].T + world[:3, 3])
    inside = (z > 0.5) & (pixels > 1).all(1) & (pixels < (_WIDTH - 1, _HEIGHT - 1)).all(1)
    assert inside.sum() > 100
    # A point is seen between pixels' centres, and the lidar stands a little higher than the cameras.
    seen = depth(log, frame, number)
    column, row = (pixels[inside] - 0.5).astype(int).T
    around = np.stack([seen[row + dy, column + dx] for dy in (0, 1) for dx in (0, 1)])
    near, far = around.min(0) * 0.99, around.max(0) * 1.01
    between = (z[inside] > near) & (z[inside] < far)
    assert between.mean() > 0.9
    smooth = around.max(0) < 1.05 * around.min(0)
    assert np.median(np.abs(z[inside] / around.mean(0) - 1)[smooth]) < 0.01


@pytest.mark.parametrize("number", range(3))
def test_flow_is_where_boxes_carry_their_points(log: Path, number: int) -> None:
    flow = cv2.readOpticalFlow(str(log / f"exact/flow/000_{number}.flo")).reshape(-1, 2)
    points, things = world_points(log, 0, number), image(log, "exact/objects", 0, number).ravel()
    solid = depth(log, 0, number).ravel() < SKY_DEPTH_M
    movers, labelled = image(log, "exact/movers", 0, number).ravel() > 0, boxes(log)
    carried = points.copy()
    for thing in objects(log):
        own = things == thing["id"]
        if own.any() and thing["moves"]:
            rows = labelled[thing["track"]]
            assert rows["frame_idx"] == [0, 1]
            before, after = (np.array(pose) for pose in rows["obj_to_world"])
            step = after @ np.linalg.inv(before)
            carried[own] = points[own] @ step[:3, :3].T + step[:3, 3]
    x, y = np.meshgrid(np.arange(_WIDTH) + 0.5, np.arange(_HEIGHT) + 0.5)
    target, z = camera(log, 1, number).project(carried)
    error = np.linalg.norm(target - np.stack([x.ravel(), y.ravel()], -1) - flow, axis=1)
    resting = solid & ~movers & (z > 0.1)
    assert error[resting].max() < 1e-2
    if (movers & (z > 0.1)).any():  # wheels turn and limbs swing within their boxes
        assert np.median(error[movers & (z > 0.1)]) < 0.1


def test_something_moves_before_the_cameras(log: Path) -> None:
    shares = [(image(log, "exact/moving", frame, number) > 0).mean() for frame, number in VIEWS]
    assert max(shares) > 0.002


@pytest.mark.parametrize(("frame", "number"), VIEWS)
def test_masks_are_the_silhouettes_of_objects(log: Path, frame: int, number: int) -> None:
    things, labelled = image(log, "exact/objects", frame, number), boxes(log)
    fast, moves = [], []
    for thing in objects(log):
        rows = labelled.get(thing["track"], {"frame_idx": []})
        if frame in rows["frame_idx"] and rows["speed_m_s"][rows["frame_idx"].index(frame)] > 1.0:
            fast.append(thing["id"])
        if thing["moves"]:
            moves.append(thing["id"])
    moving = image(log, "exact/moving", frame, number)
    np.testing.assert_array_equal(moving > 0, np.isin(things, fast))
    np.testing.assert_array_equal(image(log, "exact/movers", frame, number) > 0, np.isin(things, moves))
    np.testing.assert_array_equal(image(log, "processed/dynamic_masks", frame, number), moving)
    sky = image(log, "processed/sky_masks", frame, number) > 0
    np.testing.assert_array_equal(sky, depth(log, frame, number) == np.float32(SKY_DEPTH_M))
    assert not things[sky].any()


@pytest.mark.parametrize("frame", range(2))
def test_boxes_hold_the_points_of_what_they_are_about(log: Path, frame: int) -> None:
    """By the pictures: what they show of an object lies in its box, and the lidar's returns are counted."""
    world, returns = ego(log, frame), lidar(log, frame)[:, 3:6]
    returns = returns @ world[:3, :3].T + world[:3, 3]
    tracks, counted = {thing["id"]: thing["track"] for thing in objects(log)}, 0
    labelled = boxes(log)

    def inside(track: str, points: np.ndarray) -> np.ndarray:
        rows = labelled[track]
        entry = rows["frame_idx"].index(frame)
        pose = np.array(rows["obj_to_world"][entry])
        local = (points - pose[:3, 3]) @ pose[:3, :3]
        return (np.abs(local) <= np.array(rows["box_size"][entry]) / 2).all(1)

    for number in range(3):
        things, points = image(log, "exact/objects", frame, number).ravel(), world_points(log, frame, number)
        for thing in np.unique(things[things > 0]).tolist():
            if frame in labelled.get(tracks[thing], {"frame_idx": []})["frame_idx"]:
                assert inside(tracks[thing], points[things == thing]).all()
                counted += 1
    assert counted >= 4
    for track, rows in labelled.items():
        if frame in rows["frame_idx"]:
            count = rows["lidar_points"][rows["frame_idx"].index(frame)]
            # Rows are rounded to float32, which may carry a point over a face.
            assert abs(int(inside(track, returns).sum()) - count) <= 1 + count // 20


def test_segment_holds_the_same_log(log: Path) -> None:
    (path,) = (log / "waymo").iterdir()
    frames = list(read_segment(path))
    assert len(frames) == 2
    assert frames[1].timestamp_micros - frames[0].timestamp_micros == 100_000
    for index, frame in enumerate(frames):
        np.testing.assert_allclose(frame.world_from_vehicle, ego(log, index))
        assert set(frame.images) == {"FRONT", "FRONT_LEFT", "FRONT_RIGHT"}
        points = laser_points(
            frame.range_images["TOP"], frame.laser_calibrations["TOP"], frame.world_from_vehicle
        )
        rows = lidar(log, index)
        # Each pixel's pose is stored in float32, some kilometres from the world's origin.
        np.testing.assert_allclose(points.xyz, rows[:, 3:6], atol=5e-3)
        assert frame.range_images["TOP"].values.shape == (64, 120, 4)
        assert {label.type for label in frame.labels} == {"vehicle", "pedestrian"}


def test_same_seed_same_bytes(log: Path, tmp_path: Path) -> None:
    """Built anew, and without the detour by way of the segment."""
    staged.cache_clear()
    assert main(["street", "--out", str(tmp_path / "again"), *FLAGS, "--format", "processed"]) == 0
    first, again = contents(log), contents(tmp_path / "again")
    assert again == {name: data for name, data in first.items() if not name.startswith("waymo")}


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--hz", "0"], "--hz 0"),
        (["--frames", "400"], "at most 30 s"),
        (["--frames", "1"], "at least 2"),
        (["--cars", "-1"], "negative"),
        (["--lidar-columns", "1"], "--lidar-columns 1"),
        (["--lidar-noise-m", "-1"], "--lidar-noise-m -1"),
    ],
)
def test_mistakes_are_one_sentence(
    flags: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["street", "--out", str(tmp_path / "x"), *flags]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert complaint in message
    assert list(tmp_path.iterdir()) == []
