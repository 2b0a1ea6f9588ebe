from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.errors import UserError
from core.files import read_json, write_json
from scene.boxes import points_inside
from scene.datasets.pandaset import READER
from scene.datasets.street import open_log
from scene.datasets.street_options import StreetOptions

FRAMES = range(3, 7)
START = np.array([3.0, -2.0, 0.1])
YAW = 0.4


def entry(position: np.ndarray, rotation: np.ndarray) -> dict[str, object]:
    """A position and a heading, by the trace formula: rotations here are far from half a turn."""
    w = 0.5 * np.sqrt(1 + np.trace(rotation))
    x, y, z = (rotation[[2, 0, 1], [1, 2, 0]] - rotation[[1, 2, 0], [2, 0, 1]]) / (4 * w)
    return {
        "position": dict(zip("xyz", position.tolist(), strict=True)),
        "heading": {"w": float(w), "x": float(x), "y": float(y), "z": float(z)},
    }


def turn(yaw: float) -> np.ndarray:
    return np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])


def ego(number: int) -> np.ndarray:
    """Where the vehicle is: it drives along its y axis, 0.5 m a frame."""
    return START + turn(YAW) @ np.array([0.0, 0.5 * number, 0.0])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Frames 3 to 6 of 8; one car drives, one stands; frame 5 has no lidar."""
    # x right, y ahead, z up from OpenCV's x right, y down, z ahead; then 0.3 to the left for the left camera.
    for name, yaw in (("left_camera", 0.3), ("front_camera", 0.0)):
        folder = tmp_path / "camera" / name
        folder.mkdir(parents=True)
        axes = turn(YAW + yaw) @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
        write_json(folder / "intrinsics.json", {"fx": 1000.0, "fy": 990.0, "cx": 970.0, "cy": 530.0})
        write_json(folder / "poses.json", [entry(ego(n) + np.array([0, 0, 1.5]), axes) for n in range(8)])
        write_json(folder / "timestamps.json", [100 + 0.1 * n - 0.05 + 0.01 * yaw for n in range(8)])
        for number in FRAMES:
            cv2.imwrite(str(folder / f"{number:02d}.jpg"), np.full((54, 96, 3), 20 * number, np.uint8))
    lidar = tmp_path / "lidar"
    lidar.mkdir()
    write_json(lidar / "poses.json", [entry(ego(n), turn(YAW)) for n in range(8)])
    write_json(lidar / "timestamps.json", [100 + 0.1 * n for n in range(8)])
    cars = {str(number): [car("moving", number), car("parked", 0)] for number in range(8)}
    cars["3"].pop(0)
    (tmp_path / "annotations").mkdir()
    write_json(tmp_path / "annotations" / "cuboids.json", cars)
    for number in (3, 4, 6):
        place = np.array(car("moving", number)["position"])
        own = (place - ego(number)) @ turn(YAW)
        xyz = own + np.linspace(-0.3, 0.3, 12)[:, None]
        steps = np.round(np.concatenate([xyz, [[1.0, 50.0, 3.0]]]) / 0.005).astype(np.int16)
        labels = np.array([13] * 12 + [41], np.uint8)
        intensity = np.arange(13, dtype=np.uint8)
        np.savez(lidar / f"{number:02d}.npz", xyz_5mm_int16=steps, intensity=intensity, semseg=labels)
    return tmp_path


def car(name: str, number: int) -> dict[str, object]:
    """One drives ahead of the vehicle at 8 m/s, straight ahead."""
    own = np.array([1.0, 12.0 + 0.8 * number, 0.8]) if name == "moving" else np.array([-4.0, 20.0, 0.8])
    return {
        "uuid": name, "label": "Car", "yaw": YAW, "position": (START + turn(YAW) @ own).tolist(),
        "dimensions": [1.8, 4.4, 1.5],
    }  # fmt: skip


def test_the_log_in_the_frame_of_its_first_vehicle(log: Path) -> None:
    capture = open_log(log)
    drive = capture.drive
    assert drive is not None
    assert drive.camera_names == ("left_camera", "front_camera")
    assert capture.image_names[:3] == ("003_left_camera.jpg", "003_front_camera.jpg", "004_left_camera.jpg")
    assert [int(capture.images[row][5, 5, 0]) for row in (0, 3)] == pytest.approx([60, 80], abs=3)
    ahead = drive.world_from_ego[:, :3, 3]
    torch.testing.assert_close(ahead[:, 0], torch.tensor([0.0, 0.5, 1.0, 1.5]).double())
    assert float(ahead[:, 1:].abs().max()) < 1e-9
    center, forward = capture.cameras.centers[1], capture.cameras.c2w[1, :3, 2]
    torch.testing.assert_close(center, torch.tensor([0.0, 0.0, 1.5]), atol=1e-5, rtol=0)
    torch.testing.assert_close(forward, torch.tensor([1.0, 0.0, 0.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(capture.cameras.Ks[1, :2], torch.tensor([[50.0, 0, 48.5], [0, 49.5, 26.5]]))
    torch.testing.assert_close(
        drive.view_times_s[:2], torch.tensor([-0.047, -0.05]).double(), atol=1e-6, rtol=0
    )


def test_sweeps_and_boxes_belong_together(log: Path) -> None:
    capture = open_log(log)
    drive = capture.drive
    assert drive is not None
    assert drive.boxes is not None
    sweep = drive.sweeps[1]
    assert sweep is not None
    assert drive.sweeps[2] is None
    moving = next(box for box in drive.boxes[1] if box.track == "moving")
    assert moving.lidar_points == 12
    assert points_inside(moving, sweep.xyz).tolist() == [True] * 12 + [False]
    torch.testing.assert_close(sweep.xyz[-1], torch.tensor([50.5, -1.0, 3.0]), atol=3e-3, rtol=0)
    torch.testing.assert_close(moving.world_from_box[:3, :3], torch.eye(3).double(), atol=1e-9, rtol=0)
    assert moving.size_m == (4.4, 1.8, 1.5)
    assert [len(boxes) for boxes in drive.boxes] == [1, 2, 2, 2]
    # At both ends of a track from one neighbour, between from two; and frames beside the clip count.
    speeds = [{box.track: box.speed_m_s for box in boxes} for boxes in drive.boxes]
    assert [speed["moving"] for speed in speeds[1:]] == pytest.approx([8.0] * 3)
    assert [speed["parked"] for speed in speeds] == pytest.approx([0.0] * 4)
    # A frame without lidar takes the counts of the nearest.
    assert next(box for box in drive.boxes[2] if box.track == "moving").lidar_points == 12


def test_masks_and_depths(log: Path) -> None:
    capture = open_log(log, StreetOptions(rig_cameras=("front_camera",)))
    assert capture.dynamic_masks is not None
    assert capture.inverse_depths is not None
    assert not capture.dynamic_masks[0].any()
    mask = capture.dynamic_masks[1]
    # The nearest face is 12 + 3.2 - 0.5 * 4 - 2.2 m ahead, between 0.1 and 1.9 m to the right, 1.5 m high.
    rows, columns = torch.nonzero(mask).unbind(1)
    distance = 12 + 3.2 - 2.0 - 2.2
    assert int(columns.min()) == pytest.approx(48.0 + 50 * 0.1 / (distance + 4.4), abs=1)
    assert int(columns.max()) == pytest.approx(48.0 + 50 * 1.9 / distance, abs=1)
    assert int(rows.max()) == pytest.approx(26.0 + 49.5 * 1.45 / distance, abs=1)
    depths = capture.inverse_depths[1]
    assert depths is not None
    assert bool(mask[depths > 1 / 20].all())  # the one return beyond is of something else
    torch.testing.assert_close(1 / depths.max(), torch.tensor(distance + 2.2 - 0.3), atol=0.01, rtol=0)
    assert capture.inverse_depths[2] is None
    assert any("frames 5 have no lidar" in note for note in capture.notes)


def test_clips_of_a_log_share_its_world(log: Path) -> None:
    whole, clip = open_log(log), open_log(log, StreetOptions(start_frame=5))
    assert whole.drive is not None
    assert clip.drive is not None
    torch.testing.assert_close(clip.drive.world_from_ego, whole.drive.world_from_ego[2:])
    assert torch.equal(clip.cameras.viewmats, whole.cameras.viewmats[4:])
    assert torch.equal(clip.drive.sweeps[1].xyz, whole.drive.sweeps[3].xyz)  # pyright: ignore[reportOptionalMemberAccess]
    own = open_log(log, StreetOptions(start_frame=5, world_frame=5)).drive
    assert own is not None
    torch.testing.assert_close(own.world_from_ego[0], torch.eye(4).double())
    with pytest.raises(UserError, match=r"--world-frame 9: .* it has 3 to 6"):
        open_log(log, StreetOptions(world_frame=9))


def test_the_own_vehicle_does_not_count(log: Path) -> None:
    (log / "ego_masks").mkdir()
    mask = np.zeros((54, 96), np.uint8)
    mask[40:] = 255
    cv2.imwrite(str(log / "ego_masks" / "front_camera.png"), mask)
    capture = open_log(log)
    assert capture.valid_masks is not None
    left, front = capture.valid_masks[2], capture.valid_masks[3]
    assert left.all()
    assert front[:40].all()
    assert not front[40:].any()
    assert capture.valid_masks[5] is front  # a mask a camera, not a view


def test_what_a_log_lacks_is_noted(log: Path) -> None:
    assert any("--sky-weight has nothing to go by" in note for note in open_log(log).notes)
    for path in (log / "lidar").glob("*.npz"):
        path.unlink()
    assert any("no frame has lidar" in note for note in open_log(log).notes)
    (log / "lidar" / "03.pkl.gz").touch()
    with pytest.raises(UserError, match=r"pandaset_convert --data-root .* --target-dir OUT --scene-ids"):
        open_log(log)


def test_what_is_broken_is_told(log: Path) -> None:
    path = log / "camera" / "front_camera" / "intrinsics.json"
    write_json(path, {"fx": 1000.0})
    with pytest.raises(UserError, match=r"front_camera.intrinsics\.json: the numbers fx, fy, cx, cy"):
        open_log(log)
    poses = read_json(log / "lidar" / "poses.json")
    write_json(log / "lidar" / "poses.json", poses[:5])
    with pytest.raises(UserError, match="ends before frame 6"):
        open_log(log)
    poses[2]["heading"] = dict.fromkeys("wxyz", 0.0)
    for wrong, place in (([{"position": 3}], 0), (poses, 2)):
        write_json(log / "lidar" / "poses.json", wrong)
        with pytest.raises(UserError, match=f"entry {place}: a position and a heading"):
            open_log(log)


@pytest.mark.parametrize(
    ("folder", "frame", "time", "told"),
    [
        ("lidar", 1, 100.0, r"lidar.timestamps\.json: frame 1 was measured at 100\.0 s, not after"),
        ("lidar", 4, float("nan"), r"lidar.timestamps\.json: frame 4 was measured at nan s"),
        ("camera/front_camera", 4, float("nan"), "004_front_camera.jpg was taken at nan s"),
        ("camera/left_camera", 5, 100_500.0, "005_left_camera.jpg was taken at 100500.0 s, and its frame"),
    ],
)
def test_wrong_times_are_told(log: Path, folder: str, frame: int, time: float, told: str) -> None:
    path = log / folder / "timestamps.json"
    times = read_json(path)
    times[frame] = time
    write_json(path, times)
    with pytest.raises(UserError, match=told):
        open_log(log)


@pytest.mark.parametrize("arrays", [None, {}, {"xyz_5mm_int16": np.zeros((3, 3)), "intensity": np.zeros(3)}])
def test_broken_sweeps_are_told(log: Path, arrays: dict[str, np.ndarray] | None) -> None:
    path = log / "lidar" / "04.npz"
    if arrays is None:
        path.write_bytes(path.read_bytes()[:-40])
    else:
        np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    read = READER.read(log, StreetOptions()).frames[1].sweep
    assert read is not None
    with pytest.raises(UserError, match=r"04\.npz"):
        read()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"uuid": ...}, r"cuboids\.json, frame 4, box 0: .* \(KeyError: 'uuid'\)"),
        ({"dimensions": ...}, "box 0: .*'dimensions'"),
        ({"position": [1.0, 2.0]}, "box 0: uuid, label, yaw"),
        ({"yaw": float("nan")}, "box 0 is not finite"),
        ({"dimensions": [1.8, 0.0, 1.5]}, "has no extent"),
    ],
)
def test_broken_boxes_are_told(log: Path, change: dict[str, object], told: str) -> None:
    path = log / "annotations" / "cuboids.json"
    boxes = read_json(path)
    changed = {**boxes["4"][0], **change}
    boxes["4"][0] = {key: value for key, value in changed.items() if value is not ...}
    write_json(path, boxes)
    with pytest.raises(UserError, match=told):
        open_log(log)
    write_json(path, {"4": 3})
    with pytest.raises(UserError, match="lists of boxes by frame number"):
        open_log(log)


def test_classes_of_returns(log: Path) -> None:
    """One a return; a log without them can be trained on all the same."""
    frame = READER.read(log, StreetOptions()).frames[0]
    assert frame.labels is not None
    assert frame.labels().tolist() == [13] * 12 + [41]
    path = log / "lidar" / "03.npz"
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | {"semseg": arrays["semseg"].astype(np.float32)}))
    with pytest.raises(UserError, match=r"03\.npz: semseg of bytes"):
        frame.labels()
    del arrays["semseg"]
    np.savez(path, **arrays)
    assert frame.sweep is not None
    assert len(frame.sweep().xyz) == 13
    with pytest.raises(UserError, match=r"03\.npz .* archive with semseg was expected"):
        frame.labels()


@pytest.mark.data
def test_a_real_log(captures: Path) -> None:
    """20 frames of which three have no lidar; cars hold the returns that their boxes say."""
    source = captures / "pandaset_002"
    if not source.is_dir():
        pytest.skip(f"{captures} has no pandaset_002")
    capture = open_log(source, StreetOptions(start_frame=45, end_frame=56, long_side=120))
    drive = capture.drive
    assert drive is not None
    assert drive.boxes is not None
    assert capture.dynamic_masks is not None
    assert capture.inverse_depths is not None
    assert drive.camera_names == ("front_left_camera", "front_camera", "front_right_camera")
    assert capture.image_names[1] == "045_front_camera.jpg"
    assert len(capture) == 36
    assert sum(box.speed_m_s > 1 for box in drive.boxes[0]) == 49
    front = capture.dynamic_masks[1]
    assert 0.1 < float(front.float().mean()) < 0.2
    assert not capture.dynamic_masks[2].any()
    depths = capture.inverse_depths[1]
    assert depths is not None
    assert float((depths > 0).float().mean()) > 0.3
    assert drive.sweeps[11] is None
