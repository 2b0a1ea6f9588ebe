from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.files import read_json
from core.images import read_gray
from scene.boxes import box_corners
from scene.datasets.waymo.convert import KEYS, convert_frames, is_converted
from scene.datasets.waymo.frames import CAMERAS, WaymoFrame
from scene.datasets.waymo.lidar import lidar_rows
from scene.datasets.waymo.masks import (
    dynamic_mask,
    label_pose,
    labelled_with_points,
    project_distorted,
    sky_mask,
)
from scene.datasets.waymo.read import read_segment
from scene.datasets.waymo.scenes import context_name, read_list, scenes_of_ids, scenes_of_split
from scene.datasets.waymo.write import write_segment
from tests.scene.datasets.waymo_segments import HEIGHT, SEGMENT, WIDTH, frame


@pytest.fixture(scope="module")
def real(captures: Path) -> WaymoFrame:
    path = captures / "waymo_frame1" / "pvps_data_one_frame.tfrecord"
    if not path.is_file():
        pytest.skip(f"no {path}")
    (taken,) = read_segment(path)
    return taken


@pytest.mark.data
@pytest.mark.parametrize(
    ("camera", "labels", "moving", "dynamic_px", "sky_px"),
    [
        ("FRONT", 11, 3, 244_185, 468_815),
        ("FRONT_LEFT", 17, 8, 269_552, 399_822),
        ("FRONT_RIGHT", 11, 2, 137_463, 0),
        ("SIDE_LEFT", 4, 1, 8_448, 788),
        ("SIDE_RIGHT", 12, 0, 0, 0),
    ],
)
def test_masks_of_a_real_frame(
    real: WaymoFrame, camera: str, labels: int, moving: int, dynamic_px: int, sky_px: int
) -> None:
    calibration = real.camera_calibrations[camera]
    seen = []
    for label in labelled_with_points(real.labels):
        pixels = project_distorted(box_corners(label_pose(label), label.size_m), calibration)
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        if (high > 0).all() and (low < (calibration.width, calibration.height)).all():
            seen.append(np.hypot(*label.speed) > 1)
    assert (len(seen), sum(seen)) == (labels, moving)
    assert int(dynamic_mask(real.labels, calibration).sum()) == dynamic_px
    sky = sky_mask(real.images[camera])
    assert sky is not None
    assert int(sky.sum()) == sky_px


@pytest.mark.data
def test_calibration_of_a_real_frame(real: WaymoFrame) -> None:
    assert real.segment == "1024360143612057520_3580_000_3600_000"
    intrinsic = real.camera_calibrations["FRONT"].intrinsic
    expected = (2044.50836, 2044.50836, 949.57465, 633.24225, 0.04036, -0.33002, 0.00104, -0.00157, 0.0)
    assert intrinsic == pytest.approx(expected, abs=6e-6)
    sizes = [(camera.width, camera.height) for camera in real.camera_calibrations.values()]
    assert sorted(sizes) == [(1920, 886)] * 2 + [(1920, 1280)] * 3
    assert len(real.labels) == 75


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames, through a TFRecord."""
    root = tmp_path_factory.mktemp("segment")
    write_segment(root / "a.tfrecord", (frame(number) for number in range(3)))
    assert convert_frames(read_segment(root / "a.tfrecord"), root / "007") == 3
    return root / "007"


def test_the_folder_holds_what_the_frames_hold(folder: Path) -> None:
    taken = frame(1)
    for number, name in enumerate(CAMERAS):
        assert (folder / f"images/001_{number}.jpg").read_bytes() == taken.images[name].jpeg
        calibration = taken.camera_calibrations[name]
        np.testing.assert_array_equal(np.loadtxt(folder / f"intrinsics/{number}.txt"), calibration.intrinsic)
        pose = np.loadtxt(folder / f"extrinsics/{number}.txt")
        np.testing.assert_array_equal(pose, calibration.vehicle_from_camera)
        own = np.loadtxt(folder / f"image_pose/001_{number}.txt")
        np.testing.assert_array_equal(own, taken.images[name].world_from_vehicle)
        mask = read_gray(folder / f"dynamic_masks/001_{number}.png")
        np.testing.assert_array_equal(mask, 255 * dynamic_mask(taken.labels, calibration))
        assert (read_gray(folder / f"sky_masks/001_{number}.png")[:9] == 255).all()
    assert read_gray(folder / "dynamic_masks/001_0.png").any()
    np.testing.assert_array_equal(np.loadtxt(folder / "ego_pose/001.txt"), taken.world_from_vehicle)
    stored = np.fromfile(folder / "lidar/001.bin", np.float32).reshape(-1, 10)
    np.testing.assert_array_equal(stored, lidar_rows(taken, 10))
    info = read_json(folder / "frame_info.json")
    assert info["time_of_day"] == "Day"
    assert info["camera_sizes"] == {str(number): [WIDTH, HEIGHT] for number in range(5)}
    assert info["object_counts"] == {"pedestrian": 1, "vehicle": 2}
    assert read_json(folder / "timestamps.json")[1]["images"]["3"] == taken.images["SIDE_LEFT"].time_s


def test_objects_have_their_track(folder: Path) -> None:
    objects = read_json(folder / "instances" / "instances_info.json")
    moving = next(entry for entry in objects.values() if entry["id"] == "moving")["frame_annotations"]
    assert moving["frame_idx"] == [0, 1, 2]
    assert moving["speed_m_s"] == pytest.approx([np.hypot(8, 1)] * 3)
    expected = frame(2).world_from_vehicle @ label_pose(frame(2).labels[0])
    np.testing.assert_allclose(moving["obj_to_world"][2], expected)
    assert read_json(folder / "instances" / "frame_instances.json") == {str(n): [0, 1, 2] for n in range(3)}


def test_what_is_there_is_known(folder: Path) -> None:
    assert is_converted(folder, SEGMENT, KEYS)
    assert not is_converted(folder.parent / "008", SEGMENT, KEYS)
    with pytest.raises(UserError, match="holds 1005081002024129653"):
        is_converted(folder, "another", KEYS)


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    convert_frames([frame(0)], tmp_path / "000", ("pose", "lidar"))
    assert not is_converted(tmp_path / "000", SEGMENT, ("images",))
    names = {path.name for path in (tmp_path / "000").iterdir()}
    assert names == {"ego_pose", "image_pose", "lidar", "timestamps.json", "frame_info.json"}


def broken() -> Iterator[tuple[str, list[WaymoFrame], str]]:
    first, second = frame(0), frame(1)
    nan = first.world_from_vehicle.copy()
    nan[1, 3] = np.nan
    yield "order", [second, first], "record 1: its time, .* is not after"
    yield "pose", [first, replace(second, world_from_vehicle=nan)], "record 1: the frame's pose is not finite"
    cameras = dict(first.camera_calibrations)
    cameras.pop("FRONT_LEFT")
    yield "camera", [replace(first, camera_calibrations=cameras)], "camera FRONT_LEFT has no calibration"
    lasers = {"REAR": first.laser_calibrations["REAR"]}
    yield "laser", [replace(first, laser_calibrations=lasers)], "laser TOP has no calibration"
    beams = replace(first.laser_calibrations["TOP"], inclinations=np.zeros(5))
    yield "beams", [replace(first, laser_calibrations={**lasers, "TOP": beams})], "6 rows.*5 inclinations"
    yield "other", [first, replace(second, segment="b")], "a frame of b follows"
    yield "none", [], "there is no frame"


@pytest.mark.parametrize(
    ("frames", "told"), [case[1:] for case in broken()], ids=[case[0] for case in broken()]
)
def test_a_broken_segment_leaves_nothing(tmp_path: Path, frames: list[WaymoFrame], told: str) -> None:
    write_segment(tmp_path / "a.tfrecord", frames)
    with pytest.raises(UserError, match=told):
        convert_frames(read_segment(tmp_path / "a.tfrecord"), tmp_path / "000")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tfrecord"]


def test_scenes_have_the_numbers_of_the_sorted_list(tmp_path: Path) -> None:
    names = [f"segment-{digits}_with_camera_labels" for digits in ("1001_1", "1002_2", "1003_3")]
    (tmp_path / "list.txt").write_text("\n".join(names) + "\n")
    assert read_list(tmp_path / "list.txt") == names
    assert [scene.segment for scene in scenes_of_ids([2, 0], names)] == [names[2], names[0]]
    assert context_name(names[1]) == "1002_2"
    split = tmp_path / "split.txt"
    split.write_text(
        "# scene_id, seg_name, start_timestep, end_timestep, scene_type\n1,seg1002,5,-1,dynamic\n"
    )
    (scene,) = scenes_of_split(split, names)
    assert (scene.number, scene.segment) == (1, names[1])
    split.write_text("# header\n2,seg1002,0,-1,dynamic\n")
    with pytest.raises(UserError, match="line 2: scene 2 is seg1002"):
        scenes_of_split(split, names)
    with pytest.raises(UserError, match="scene 3 was asked for"):
        scenes_of_ids([3], names)
    (tmp_path / "list.txt").write_text("b\na\n")
    with pytest.raises(UserError, match="no sorted list"):
        read_list(tmp_path / "list.txt")
