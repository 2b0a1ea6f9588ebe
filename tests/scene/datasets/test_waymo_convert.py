from pathlib import Path

import pytest

from scene.datasets import waymo_convert
from scene.datasets.waymo.write import write_segment
from tests.scene.datasets.waymo_segments import SEGMENT, frame

NAME = f"segment-{SEGMENT}_with_camera_labels"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two segments, the second of which is damaged."""
    raw = tmp_path / "raw"
    write_segment(raw / f"{NAME}.tfrecord", [frame(0)])
    data = (raw / f"{NAME}.tfrecord").read_bytes()
    (raw / "segment-2_with_camera_labels.tfrecord").write_bytes(data[:-100])
    (raw / "waymo_train_list.txt").write_text(
        f"segment-1000_with_camera_labels\n{NAME}\nsegment-2_with_camera_labels\n"
    )
    return raw


def convert(root: Path, *more: str) -> int:
    # The flags as the original's documentation writes them.
    words = ["--data_root", str(root), "--target_dir", str(root.parent / "out"), "--split", "training", *more]
    return waymo_convert.main(words)


def test_scenes_are_converted_by_number_and_left_alone_then(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ("--process_keys", "images", "lidar", "calib", "pose", "dynamic_masks")
    assert convert(root, "--workers", "1", "--scene_ids", "1", *keys) == 0
    target = root.parent / "out" / "training" / "001"
    made = (target / "frame_info.json").stat().st_mtime_ns
    assert (target / "images" / "000_4.jpg").is_file()
    assert convert(root, "--scene_ids", "1", *keys) == 0
    assert (target / "frame_info.json").stat().st_mtime_ns == made
    assert "1 of 1 scenes are there" in capsys.readouterr().err


def test_a_damaged_segment_is_told_and_the_others_are_converted(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(root, "--workers", "1", "--process_keys", "pose") == 2
    told = capsys.readouterr().err
    assert "error: scene 002:" in told
    assert "record 0: the file is cut off" in told
    names = [path.name for path in (root.parent / "out" / "training").iterdir()]
    assert names == ["001"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--scene_ids", "3"], "scene 3 was asked for"),
        (["--list", "nowhere.txt"], "nowhere.txt"),
        (["--process_keys", "masks"], "masks"),
        (["--start_idx", "3"], "holds no segment"),
    ],
)
def test_wrong_flags(root: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    assert convert(root, *words) == 2
    assert told in capsys.readouterr().err


def test_without_a_list_scenes_have_no_numbers(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "waymo_train_list.txt").unlink()
    assert convert(root, "--scene_ids", "1") == 2
    assert "download_waymo" in capsys.readouterr().err
