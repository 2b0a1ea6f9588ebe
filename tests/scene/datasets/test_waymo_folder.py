import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.errors import UserError
from core.files import read_json, write_json
from core.geometry import transform_points
from scene.datasets.street import is_log, open_log
from scene.datasets.street_options import StreetOptions
from scene.datasets.waymo.convert import convert_frames
from scene.datasets.waymo.frames import CameraImage
from scene.datasets.waymo.lidar import lidar_rows
from scene.datasets.waymo.masks import label_pose, project_distorted
from tests.scene.datasets.waymo_segments import HEIGHT, WIDTH, frame, vehicle


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log") / "022"
    convert_frames([frame(number) for number in range(4)], folder)
    return folder


@pytest.fixture
def log(converted: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(converted, tmp_path / "022"))


def test_frames_and_cameras_are_in_order(converted: Path) -> None:
    assert is_log(converted)
    capture = open_log(converted, StreetOptions(start_frame=1, end_frame=2))
    drive = capture.drive
    assert drive is not None
    left_to_right = ("side_left", "front_left", "front", "front_right", "side_right")
    assert drive.camera_names == left_to_right
    assert capture.image_names == tuple(f"{n:03d}_{name}.jpg" for n in (1, 2) for name in left_to_right)
    assert drive.view_frames.tolist() == [0] * 5 + [1] * 5
    assert drive.view_cameras.tolist() == [0, 1, 2, 3, 4] * 2
    torch.testing.assert_close(drive.frame_times_s, torch.tensor([0.0, 0.1], dtype=torch.float64))
    assert float(drive.view_times_s[2]) == pytest.approx(0.0, abs=1e-6)
    assert float(drive.view_times_s[9]) == pytest.approx(0.14, abs=1e-6)
    assert capture.times is not None
    assert (float(capture.times.min()), float(capture.times.max())) == (0.0, 1.0)


@pytest.mark.parametrize("number", [0, 1])
def test_the_world_is_a_vehicle(converted: Path, number: int) -> None:
    """The log's first, or the one that is chosen, whatever the clip."""
    origin = None if number == 0 else number
    capture = open_log(converted, StreetOptions(start_frame=1, world_frame=origin))
    drive = capture.drive
    assert drive is not None
    first = torch.from_numpy(np.linalg.inv(vehicle(number)) @ vehicle(1))
    torch.testing.assert_close(drive.world_from_ego[0], first, atol=1e-9, rtol=0)
    expected = np.linalg.inv(vehicle(number)) @ vehicle(3)
    np.testing.assert_allclose(drive.world_from_ego[2], expected, atol=1e-9)
    sweep = drive.sweeps[2]
    assert sweep is not None
    rows = torch.from_numpy(lidar_rows(frame(3), 10)[:, 3:6]).double()
    in_world = transform_points(drive.world_from_ego[2], rows)
    torch.testing.assert_close(sweep.xyz.double(), in_world, atol=1e-4, rtol=0)
    boxes = drive.boxes
    assert boxes is not None
    moving = next(box for box in boxes[2] if box.track == "moving")
    placed = expected @ label_pose(frame(3).labels[0])
    np.testing.assert_allclose(moving.world_from_box, placed, atol=1e-7)
    assert (moving.lidar_points, moving.speed_m_s) == (40, pytest.approx(np.hypot(8, 1)))


def test_a_camera_is_where_its_own_picture_was_taken(converted: Path) -> None:
    """A point is where a pinhole camera of the rig, at the pose that came with the picture, sees it."""
    capture = open_log(converted, StreetOptions(rig_cameras=("front_left",)))
    taken = frame(2)
    image, camera = taken.images["FRONT_LEFT"], taken.camera_calibrations["FRONT_LEFT"]
    assert image.world_from_vehicle is not None
    in_camera = np.array([[6.0, 0.5, -0.3], [9.0, -2.0, 1.0], [4.0, 1.0, 0.7]])
    pose = camera.vehicle_from_camera
    in_vehicle = in_camera @ pose[:3, :3].T + pose[:3, 3]
    own = image.world_from_vehicle
    in_world = (in_vehicle @ own[:3, :3].T + own[:3, 3] - vehicle(0)[:3, 3]) @ vehicle(0)[:3, :3]
    viewmat, K = capture.cameras.viewmats[2].double(), capture.cameras.Ks[2].double()
    homogeneous = transform_points(viewmat, torch.from_numpy(in_world)) @ K.mT
    pixels = (homogeneous[:, :2] / homogeneous[:, 2:]).numpy()
    pinhole = replace(camera, intrinsic=(*camera.intrinsic[:4], 0.0, 0.0, 0.0, 0.0, 0.0))
    np.testing.assert_allclose(pixels, project_distorted(in_vehicle, pinhole), atol=2e-4)


def test_undistortion_follows_the_lens(tmp_path: Path) -> None:
    """A spot where the lens shows a point is, undistorted, where a pinhole camera shows it."""
    point = np.array([[10.0, 3.0, 4.0]])
    taken = frame(0)
    plain = taken.camera_calibrations["FRONT"].intrinsic[:4]
    camera = replace(taken.camera_calibrations["FRONT"], intrinsic=(*plain, -0.5, 0.1, 0.01, -0.01, 0.0))
    (x, y) = project_distorted(point, camera)[0]
    columns, rows = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    spot = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2)
    jpeg = cv2.imencode(".jpg", spot.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    shown = replace(
        taken,
        images={"FRONT": CameraImage(jpeg), "SIDE_LEFT": taken.images["SIDE_LEFT"]},
        camera_calibrations={**taken.camera_calibrations, "FRONT": camera},
    )
    convert_frames([shown], tmp_path / "log")
    image = open_log(tmp_path / "log").images[1].double().numpy()[..., 0]
    weights = image * (image > 30)
    center = (columns * weights).sum() / weights.sum(), (rows * weights).sum() / weights.sum()
    pinhole = replace(camera, intrinsic=(*plain, 0.0, 0.0, 0.0, 0.0, 0.0))
    straight = project_distorted(point, pinhole)[0]
    assert center == pytest.approx(tuple(straight), abs=0.15)
    assert np.hypot(*(straight - (x, y))) > 1.0


def test_sizes_and_masks_follow_each_other(converted: Path) -> None:
    capture = open_log(converted, StreetOptions(long_side=24, rig_cameras=("front", "side_right")))
    drive = capture.drive
    assert drive is not None
    assert drive.sky_masks is not None
    assert capture.dynamic_masks is not None
    assert capture.cameras.size == (24, 16)
    torch.testing.assert_close(capture.cameras.Ks[0, :2], torch.tensor([[20.0, 0, 11.6], [0, 20.5, 8.45]]))
    for row in range(len(capture)):
        assert capture.images[row].shape == (16, 24, 3)
        assert capture.dynamic_masks[row].shape == drive.sky_masks[row].shape == (16, 24)
    assert capture.dynamic_masks[0].any()
    sky = drive.sky_masks[0]
    assert sky is not None
    assert sky[:3].all()
    assert not sky[6:].any()


def test_some_views_have_a_sky_mask(log: Path) -> None:
    for path in (log / "sky_masks").glob("*_0.png"):
        path.unlink()
    capture = open_log(log, StreetOptions(rig_cameras=("front", "front_right")))
    assert capture.drive is not None
    assert capture.drive.sky_masks is not None
    assert [mask is None for mask in capture.drive.sky_masks] == [True, False] * 4
    assert any("4 of 8 views have no sky mask: --sky-weight goes by the others" in n for n in capture.notes)


def test_intrinsics_belong_to_the_calibrated_size(log: Path) -> None:
    """Images that were made smaller after the conversion have the same rays, at their own pixels."""
    whole = open_log(log, StreetOptions(rig_cameras=("front",)))
    for path in (log / "images").glob("*_0.jpg"):
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (WIDTH // 2, HEIGHT // 2)))
    small = open_log(log, StreetOptions(rig_cameras=("front",)))
    assert small.cameras.size == (WIDTH // 2, HEIGHT // 2)
    torch.testing.assert_close(small.cameras.Ks[:, :2], whole.cameras.Ks[:, :2] / 2)
    for sizes in ({"0": [48]}, {"0": [0, 3]}, 3):
        write_json(log / "frame_info.json", {"camera_sizes": sizes})
        with pytest.raises(UserError, match=r"frame_info\.json: camera_sizes"):
            open_log(log)


def test_undistorted_blanks_and_the_own_vehicle_do_not_count(log: Path) -> None:
    (log / "ego_masks").mkdir()
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20:] = 255
    cv2.imwrite(str(log / "ego_masks" / "front.png"), mask)
    np.savetxt(log / "intrinsics" / "0.txt", [40.0, 41.0, 23.2, 16.9, 0.6, 0.0, 0.0, 0.0, 0.0])
    front = open_log(log, StreetOptions(rig_cameras=("front",))).valid_masks
    assert front is not None
    blank = ~front[0][:16]
    assert blank[0, 0]
    assert not front[0][24:].any()
    shutil.rmtree(log / "ego_masks")
    without = open_log(log, StreetOptions(rig_cameras=("front",))).valid_masks
    assert without is not None
    assert torch.equal(~without[0][:16], blank)
    assert without[0][24].any()


def test_a_folder_of_another_converter(log: Path) -> None:
    """Without times, own poses, boxes and sky masks; the velocities of 14 columns are no harm."""
    for name in ("timestamps.json", *(f"intrinsics/{number}.txt" for number in (3, 4))):
        (log / name).unlink()
    for name in ("image_pose", "instances", "sky_masks"):
        shutil.rmtree(log / name)
    for path in (log / "images").glob("*_[34].jpg"):
        path.unlink()
    write_json(log / "frame_info.json", {"weather": "sunny"})
    table = lidar_rows(frame(1, flow=True), 14)
    (log / "lidar" / "001.bin").write_bytes(table.tobytes())
    (log / "lidar" / "002.bin").unlink()
    capture = open_log(log)
    drive = capture.drive
    assert drive is not None
    assert len(capture) == 12
    assert (drive.boxes, drive.sky_masks) == (None, None)
    assert capture.dynamic_masks is not None
    torch.testing.assert_close(drive.view_times_s[3:6], torch.full((3,), 0.1, dtype=torch.float64))
    assert drive.sweeps[1] is not None
    assert len(drive.sweeps[1]) == len(table)
    assert drive.sweeps[2] is None
    assert capture.inverse_depths is not None
    assert capture.inverse_depths[6] is None
    assert any("frames 2 have no lidar" in note for note in capture.notes)
    assert any("0.1 s apart" in note for note in capture.notes)


def remove(*names: str) -> Callable[[Path], None]:
    def change(log: Path) -> None:
        for name in names:
            (log / name).unlink()

    return change


def write(name: str, text: str) -> Callable[[Path], None]:
    return lambda log: (log / name).write_text(text) and None


def swap_times(log: Path) -> None:
    times = read_json(log / "timestamps.json")
    write_json(log / "timestamps.json", [times[1], times[0], *times[2:]])


def image_times(value: object) -> Callable[[Path], None]:
    def change(log: Path) -> None:
        times = read_json(log / "timestamps.json")
        times[0]["images"] = value
        write_json(log / "timestamps.json", times)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (remove("intrinsics/1.txt"), "intrinsics/1.txt"),
        (remove("extrinsics/0.txt"), "extrinsics/0.txt"),
        (write("intrinsics/1.txt", "1\n2\n"), "has 2 numbers"),
        (write("ego_pose/002.txt", "nan 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"), "frame 2 is not finite"),
        (write("ego_pose/002.txt", "2 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"), "no rotation and translation"),
        (write("timestamps.json", "{}"), r"timestamps\.json: a list"),
        (write("timestamps.json", "[3, 4, 5, 6]"), "gives no time_s for frame 0"),
        (image_times(3), "frame 0: seconds by camera"),
        (image_times({"0": "noon"}), "frame 0: seconds by camera"),
        (image_times({"0": float("nan")}), "000_front.jpg was taken at nan s"),
        (image_times({"1": 0.0}), r"000_front_left.jpg was taken at 0\.0 s, and its frame"),
        (swap_times, "frame 1 was measured at .* not after"),
    ],
)
def test_broken_folders(log: Path, change: Callable[[Path], None], told: str) -> None:
    change(log)
    with pytest.raises(UserError, match=told):
        open_log(log)


def test_a_wrong_number_of_columns(log: Path) -> None:
    np.zeros((70, 9)).astype(np.float32)[:, :-1].tofile(log / "lidar" / "001.bin")
    np.zeros((7, 9), np.float32).tofile(log / "lidar" / "002.bin")
    with pytest.raises(UserError, match=r"002\.bin holds 252 bytes"):
        open_log(log)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (StreetOptions(start_frame=9), "no frame between 9 and 3; it has 0 to 3"),
        (StreetOptions(rig_cameras=("rear",)), "no camera rear"),
        (StreetOptions(long_side=0), "--long-side 0"),
        (StreetOptions(log_format="pandaset"), "no driving log"),
    ],
)
def test_wrong_options(converted: Path, options: StreetOptions, told: str) -> None:
    with pytest.raises(UserError, match=told):
        open_log(converted, options)
