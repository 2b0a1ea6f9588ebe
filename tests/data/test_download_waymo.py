import os
from pathlib import Path

import pytest

from core.errors import UserError
from data import download_waymo
from scene.datasets.waymo.scenes import read_list, scenes_of_split

NAMES = [f"segment-{number}_with_camera_labels" for number in (1001, 1002, 1003)]
TOOL = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$2" in
ls) for name in 1003 1001 1002; do echo "$3segment-${name}_with_camera_labels.tfrecord"; done ;;
cp) case "$3" in *1002*) echo "AccessDenied: 403" >&2; exit 1 ;; esac; echo content > "$4" ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tool called gcloud that writes down how it is called."""
    tool = tmp_path / "bin" / "gcloud"
    tool.parent.mkdir()
    tool.write_text(TOOL)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def download(target: Path, *more: str) -> int:
    return download_waymo.main(["--target_dir", str(target), *more])


def test_scenes_are_fetched_once_by_their_numbers(tmp_path: Path, calls: Path) -> None:
    target = tmp_path / "raw"
    assert download(target, "--scene_ids", "2", "0") == 0
    assert download(target, "--scene_ids", "2", "0") == 0
    assert read_list(target / "waymo_train_list.txt") == NAMES
    expected = {f"{NAMES[0]}.tfrecord", f"{NAMES[2]}.tfrecord", "waymo_train_list.txt"}
    assert {path.name for path in target.iterdir()} == expected
    assert sorted(line.split()[1] for line in calls.read_text().splitlines()) == ["cp", "cp", "ls"]


def test_a_refusal_is_told_and_leaves_nothing(
    tmp_path: Path, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text("\n".join(NAMES))
    assert download(tmp_path / "raw", "--scene_ids", "1", "--list", str(tmp_path / "list.txt")) == 2
    assert "could not get segment-1002_with_camera_labels.tfrecord: AccessDenied" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["waymo_train_list.txt"]
    assert "ls" not in [line.split()[1] for line in calls.read_text().splitlines()]


def test_missing_tools_and_scenes_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert download(tmp_path / "raw", "--scene_ids", "1") == 2
    assert download(tmp_path / "raw") == 2
    told = capsys.readouterr().err
    assert "neither gcloud nor gsutil is installed" in told
    assert "--split-file" in told


@pytest.mark.parametrize(("name", "count"), [("static32", 32), ("dynamic32", 32), ("diverse56", 56)])
def test_splits(repository: Path, name: str, count: int) -> None:
    names = [f"segment-{number:04d}" for number in range(798)]
    scenes = scenes_of_split(repository / "data" / "waymo_splits" / f"{name}.txt", names)
    assert len({scene.number for scene in scenes}) == len(scenes) == count


@pytest.mark.parametrize(("frames", "told"), [("9,3", "frames 9 to 3 are none"), ("x,3", "start, end, type")])
def test_splits_of_wrong_frames_are_told(tmp_path: Path, frames: str, told: str) -> None:
    (tmp_path / "split.txt").write_text(f"# scene_id\n0,-,0,-1,x\n1,-,{frames},x\n")
    with pytest.raises(UserError, match=f"line 3: .*{told}"):
        scenes_of_split(tmp_path / "split.txt", ["a", "b"])
