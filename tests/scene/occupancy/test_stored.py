from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from scene.occupancy.classes import CARLASC, OCC3D_WAYMO
from scene.occupancy.files import write_occupancy
from scene.occupancy.sequence import CARLASC_GRID
from scene.occupancy.stored import find_scenes
from tests.scene.occupancy.streets import street


def raw(folder: Path, size: int) -> Path:
    folder.mkdir(parents=True)
    np.ones(size, np.uint8).tofile(folder / "0.npy")
    return folder


def test_archives_alone_and_in_folders(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_occupancy(tmp_path / f"{name}.npz", street())
    (tmp_path / "notes.txt").write_text("")
    scenes = find_scenes([tmp_path, tmp_path / "b.npz"])
    assert [scene.name for scene in scenes] == ["a", "b", "b"]
    assert torch.equal(scenes[0].read().classes, street().classes)


def test_raw_volumes_of_carlasc_are_known_by_their_size(tmp_path: Path) -> None:
    raw(tmp_path / "gen" / "0", 131_072)
    raw(tmp_path / "gen" / "1", 131_072)
    scenes = find_scenes([tmp_path / "gen"])
    assert [scene.name for scene in scenes] == ["0", "1"]
    read = find_scenes([tmp_path / "gen" / "0"])[0].read()
    assert (read.class_set, read.grid) == (CARLASC, CARLASC_GRID)


def test_other_raw_volumes_need_to_be_named(tmp_path: Path) -> None:
    folder = raw(tmp_path / "0", 640_000)
    with pytest.raises(UserError, match="--classes"):
        find_scenes([folder])[0].read()
    assert find_scenes([folder], "occ3d-waymo")[0].read().class_set == OCC3D_WAYMO


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("absent", "does not exist"), ("empty", "holds no scenes"), ("raw/0.npy", "is one frame")],
)
def test_paths_without_scenes(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    raw(tmp_path / "raw", 131_072)
    with pytest.raises(UserError, match=sentence):
        find_scenes([tmp_path / name])


def test_unknown_classes_and_no_path() -> None:
    with pytest.raises(UserError, match="unknown"):
        find_scenes([], "kitti")
    with pytest.raises(UserError, match="no scene was named"):
        find_scenes([])
