"""DynamicCity's files: names, keys, shapes and types that its own loaders expect."""

from pathlib import Path

import numpy as np
import torch

from generation.legacy_dumps import LegacyDumps
from scene.occupancy.classes import CARLASC
from tests.scene.occupancy.recordings import scene

VEHICLE = CARLASC.vehicle


def written(folder: Path, *, rollouts: bool = True, layouts: int = 2) -> LegacyDumps:
    dumps = LegacyDumps(folder, "carlasc", "myvae", 3, rollouts=rollouts, layouts=layouts)
    drive = scene("Town01_Light")
    window = drive.read(range(4, 7))
    window.classes[:] = 0
    window.classes[1, 5, 0, 1] = VEHICLE
    rollout = torch.arange(2 * 5 * 5).view(2, 5, 5).half()
    assert dumps.are_there("train", drive, 4) == (not rollouts and not layouts)
    dumps.write("train", drive, 4, window, rollout)
    assert dumps.are_there("train", drive, 4)
    return dumps


def test_rollouts(tmp_path: Path) -> None:
    written(tmp_path, layouts=0)
    (path,) = tmp_path.rglob("*.npz")
    assert str(path.relative_to(tmp_path)) == "rollout/carlasc/myvae/Train/Town01_Light/000004.npz"
    with np.load(path, allow_pickle=False) as archive:
        assert archive.files == ["rollout"]
        rollout = archive["rollout"]
    assert (rollout.shape, rollout.dtype) == ((1, 2, 5, 5), np.float16)
    assert np.array_equal(rollout.ravel(), np.arange(50))


def test_layouts(tmp_path: Path) -> None:
    written(tmp_path, rollouts=False)
    (path,) = tmp_path.rglob("*.npz")
    assert str(path.relative_to(tmp_path)) == "layout/carlasc/3/Train/Town01_Light/000004.npz"
    with np.load(path, allow_pickle=False) as archive:
        layout = archive["layout"]
    assert (layout.shape, layout.dtype) == ((3, 3, 2), np.uint8)
    assert np.argwhere(layout).tolist() == [[1, 2, 0]]


def test_a_window_is_there_when_all_of_its_files_are(tmp_path: Path) -> None:
    for kind in ("rollout", "layout"):
        dumps = written(tmp_path / kind)
        (path,) = (tmp_path / kind / kind).rglob("*.npz")
        path.unlink()
        assert not dumps.are_there("train", scene("Town01_Light"), 4)


def test_voxels(tmp_path: Path) -> None:
    dumps = written(tmp_path, rollouts=False, layouts=0)
    original, rebuilt = (torch.full((2, 3, 4, 5), value, dtype=torch.uint8) for value in (1, 2))
    dumps.write_voxels("test", 7, original, rebuilt)
    folder = tmp_path / "voxel" / "myvae" / "Test-7"
    names = ["0_orig.npy", "0_pred.npy", "1_orig.npy", "1_pred.npy"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert np.array_equal(np.load(folder / "1_pred.npy"), np.full((3, 4, 5), 2, np.uint8))
