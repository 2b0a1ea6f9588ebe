from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.files import read_json
from scene.occupancy.classes import CARLASC, OCC3D_NUSCENES
from scene.occupancy.from_lidar.building import LidarOccupancy, LogVoxels
from scene.occupancy.from_lidar.frames import LidarLog
from scene.occupancy.from_lidar.writing import RAW, scenes_of, write_scenes
from tests.scene.occupancy.from_lidar.lidar_worlds import DRIVER, HOUSE, drive, planar

OPTIONS = LidarOccupancy(grid_size=(32, 32, 8), grid_origin=(-6.4, -6.4, -2.0))
# CarlaSC's table of its own numbers, 0 to 22.
REMAP = np.array([0, 1, 2, 3, 4, 5, 6, 6, 8, 9, 10, 2, 5, 3, 7, 3, 3, 2, 5, 3, 3, 3, 7])


def log(numbers: tuple[int, ...] = (0, 1, 2, 3)) -> LidarLog:
    made = drive([HOUSE, DRIVER], [planar(0.5 * row, 0.0, 0.05 * row) for row in range(len(numbers))])
    frames = tuple(replace(f, number=n) for f, n in zip(made.frames, numbers, strict=True))
    return replace(made, frames=frames)


def test_files_say_what_was_built(tmp_path: Path) -> None:
    write_scenes(scenes_of(log(), OPTIONS, 0.25), tmp_path)
    folder = tmp_path / "Cartesian" / "Train" / "made_up_000" / "cartesian"
    built = LogVoxels(replace(log(), frames=log().frames[:3]), OPTIONS)
    assert [path.name for path in sorted((folder / "evaluation").iterdir())] == [
        *(f"00000{row}.{kind}" for row in range(3) for kind in ("bin", "label")),
        "params.json",
    ]
    for row, frame in enumerate(built):
        labels = np.fromfile(folder / "evaluation" / f"{row:06d}.label", "<u4").reshape(OPTIONS.grid_size)
        counts = np.fromfile(folder / "evaluation" / f"{row:06d}.bin", "<f4").reshape(OPTIONS.grid_size)
        assert np.array_equal(REMAP[labels], frame.classes.numpy())
        assert np.array_equal(counts, frame.counts.numpy())
    params = read_json(folder / "evaluation" / "params.json")
    assert params["grid_size"] == [32, 32, 8]
    assert params["min_bound"] == [-6.4, -6.4, -2.0]
    assert params["max_bound"] == pytest.approx([6.4, 6.4, 1.0])


def test_poses_are_in_the_first_frame(tmp_path: Path) -> None:
    write_scenes(scenes_of(log(), OPTIONS, 0.0), tmp_path)
    folder = tmp_path / "Cartesian" / "Train" / "made_up_000" / "cartesian"
    rows = np.loadtxt(folder / "poses.txt")
    assert rows.shape == (4, 12)
    for row, numbers in enumerate(rows):
        np.testing.assert_allclose(
            numbers.reshape(3, 4), planar(0.5 * row, 0.0, 0.05 * row)[:3], atol=2e-3, rtol=0
        )
    np.testing.assert_allclose(np.loadtxt(folder / "times.txt"), [0.0, 0.5, 1.0, 1.5])


def test_each_class_but_bicycles_comes_back() -> None:
    back = REMAP[RAW.numpy()]
    assert back[:11].tolist() == list(range(11))
    assert CARLASC.names[back[11]] == "other"


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_no_frame_is_learned_from_and_held_out(share: float) -> None:
    scenes = scenes_of(log(), OPTIONS, share)
    frames = {split: [] for split in ("Train", "Test")}
    for scene in scenes:
        frames[scene.split] += [scene.voxels.frames[row].number for row in scene.rows]
        assert len(scene.voxels) == len(scene.rows)
    assert frames["Train"] + frames["Test"] == [0, 1, 2, 3]
    assert len(frames["Test"]) == round(4 * share)


def test_a_gap_begins_another_scene() -> None:
    """What was learned of the whole part is in each of its scenes, but they do not pretend to be one."""
    scenes = scenes_of(log((40, 41, 45, 46)), OPTIONS, 0.0)
    assert [(scene.name, scene.rows) for scene in scenes] == [
        ("made_up_040", (0, 1)),
        ("made_up_045", (2, 3)),
    ]
    assert scenes[0].voxels is scenes[1].voxels


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_shares_out_of_range_are_refused(share: float) -> None:
    with pytest.raises(UserError, match="--test-share"):
        scenes_of(log(), OPTIONS, share)


def test_other_classes_are_refused() -> None:
    with pytest.raises(UserError, match="occ3d-nuscenes"):
        scenes_of(replace(log(), class_set=OCC3D_NUSCENES), OPTIONS, 0.0)


def test_a_scene_is_not_overwritten(tmp_path: Path) -> None:
    scenes = scenes_of(log((0, 1)), OPTIONS, 0.0)
    write_scenes(scenes, tmp_path)
    with pytest.raises(UserError, match="made_up_000 exists already"):
        write_scenes(scenes, tmp_path)


def test_nothing_is_left_of_a_scene_that_fails(tmp_path: Path) -> None:
    (scene,) = scenes_of(log((0, 1)), OPTIONS, 0.0)

    class Broken(LogVoxels):
        def frame(self, row: int) -> object:  # type: ignore[override]
            if row == 1:
                raise RuntimeError("out of memory")
            return super().frame(row)

    broken = replace(scene, voxels=Broken(scene.voxels.log, OPTIONS))
    with pytest.raises(RuntimeError, match="out of memory"):
        write_scenes([broken], tmp_path)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    assert not (tmp_path / "Cartesian" / "Train" / scene.name).exists()
    assert torch.is_tensor(scene.voxels.frame(0).classes)
