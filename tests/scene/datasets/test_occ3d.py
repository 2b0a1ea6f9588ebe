import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.files import read_json, write_json
from scene.datasets.occ3d import Occ3DOptions, read_occ3d
from scene.occupancy.classes import CARLASC, OCC3D_NUSCENES, OCC3D_WAYMO
from scene.occupancy.sequence import OCC3D_GRID

SIZE = OCC3D_GRID.size
TOKENS = ("ccc", "aaa", "bbb")
"""Of the first scene's frames, in the order of time."""


def nuscenes_arrays(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    arrays = {"semantics": random.integers(0, 18, SIZE, dtype=np.uint8)}
    return arrays | {
        key: random.integers(0, 2, SIZE, dtype=np.uint8) for key in ("mask_lidar", "mask_camera")
    }


def waymo_arrays(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 16, SIZE, dtype=np.uint8)
    labels[labels == 15] = 23
    masks = ("origin_voxel_state", "final_voxel_state", "infov")
    return {"voxel_label": labels} | {key: random.integers(0, 2, SIZE, dtype=np.uint8) for key in masks}


def save(path: Path, arrays: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


@pytest.fixture
def nuscenes(tmp_path: Path) -> Path:
    for row, token in enumerate(TOKENS):
        save(tmp_path / "gts" / "scene-0001" / token / "labels.npz", nuscenes_arrays(row))
    save(tmp_path / "gts" / "scene-0003" / "ddd" / "labels.npz", nuscenes_arrays(3))
    infos = {
        "scene-0001": {
            token: {
                "timestamp": str(1_000_000 + row),
                "ego_pose": {"translation": [600.0 + row, 1600.0, 0.0], "rotation": [0.6, 0.0, 0.0, 0.8]},
            }
            for row, token in enumerate(TOKENS)
        }
    }
    write_json(
        tmp_path / "annotations.json",
        {"train_split": ["scene-0001"], "val_split": ["scene-0003"], "scene_infos": infos},
    )
    return tmp_path


@pytest.fixture
def waymo(tmp_path: Path) -> Path:
    for split, scene, count in (("training", "000", 3), ("training", "001", 1), ("validation", "000", 1)):
        for row in range(count):
            save(tmp_path / split / scene / f"{row:03d}_04.npz", waymo_arrays(row))
            save(tmp_path / split / scene / f"{row:03d}.npz", {"voxel_label": np.zeros((2, 2, 2))})
    return tmp_path


def test_nuscenes(nuscenes: Path) -> None:
    """Frames in the order of time, with poses; classes one higher than in the files, and free first."""
    data = read_occ3d(nuscenes)
    assert [scene.name for scene in data.train] == ["scene-0001"]
    assert [scene.name for scene in data.test] == ["scene-0003"]
    (scene,) = data.train
    assert scene.frame_names == TOKENS
    assert scene.seconds_per_frame == 0.5
    occupancy = scene.read(range(3))
    assert occupancy.class_set is OCC3D_NUSCENES
    assert occupancy.invalid is not None
    assert occupancy.world_from_ego is not None
    for row in range(3):
        arrays = nuscenes_arrays(row)
        raw = torch.from_numpy(arrays["semantics"]).long()
        assert torch.equal(occupancy.classes[row].long(), torch.where(raw == 17, 0, raw + 1))
        assert torch.equal(occupancy.invalid[row], torch.from_numpy(arrays["mask_lidar"] == 0))
        assert occupancy.world_from_ego[row, :3, 3].tolist() == [600.0 + row, 1600.0, 0.0]
    assert data.test[0].world_from_ego is None


def test_masks_of_the_camera(nuscenes: Path, waymo: Path) -> None:
    options = Occ3DOptions(observed_by="camera")
    _, invalid = read_occ3d(nuscenes, options).train[0].read_frame(0)
    assert invalid is not None
    assert torch.equal(invalid, torch.from_numpy(nuscenes_arrays(0)["mask_camera"] == 0))
    (nuscenes / "gts").rename(nuscenes / "elsewhere")  # the same folder holds Waymo's too
    _, invalid = read_occ3d(waymo, options).train[0].read_frame(1)
    arrays = waymo_arrays(1)
    assert invalid is not None
    assert torch.equal(invalid, torch.from_numpy((arrays["final_voxel_state"] & arrays["infov"]) == 0))


def test_waymo(waymo: Path) -> None:
    data = read_occ3d(waymo)
    assert [(scene.name, len(scene)) for scene in data.train] == [("000", 3), ("001", 1)]
    assert [(scene.name, len(scene)) for scene in data.test] == [("000", 1)]
    scene = data.train[0]
    assert scene.class_set is OCC3D_WAYMO
    assert scene.frame_names == ("000", "001", "002")
    classes, invalid = scene.read_frame(2)
    arrays = waymo_arrays(2)
    raw = torch.from_numpy(arrays["voxel_label"]).long()
    assert torch.equal(classes.long(), torch.where(raw == 23, 0, raw + 1))
    assert invalid is not None
    assert torch.equal(invalid, torch.from_numpy(arrays["origin_voxel_state"] == 0))


def test_classes_of_carlasc(waymo: Path) -> None:
    scene = read_occ3d(waymo, Occ3DOptions(occ3d_classes="carlasc")).train[0]
    assert scene.class_set is CARLASC
    classes, _ = scene.read_frame(0)
    raw = torch.from_numpy(waymo_arrays(0)["voxel_label"])
    vehicle, free = CARLASC.names.index("vehicle"), 0
    assert torch.equal(classes == vehicle, raw == 1)
    assert torch.equal(classes == free, raw == 23)


def test_without_annotations_nobody_knows_the_order_of_frames(nuscenes: Path) -> None:
    """A single frame needs none."""
    (nuscenes / "annotations.json").unlink()
    with pytest.raises(UserError, match=r"annotations\.json is missing or does not tell of scene-0001"):
        read_occ3d(nuscenes)
    shutil.rmtree(nuscenes / "gts" / "scene-0001")
    (scene,) = read_occ3d(nuscenes).train
    assert (scene.frame_names, scene.world_from_ego) == (("ddd",), None)


def test_a_file_that_is_cut_off_is_told(nuscenes: Path) -> None:
    path = nuscenes / "gts" / "scene-0001" / "aaa" / "labels.npz"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"aaa/labels\.npz is damaged"):
        read_occ3d(nuscenes).train[0].read_frame(1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"semantics": np.full(SIZE, 18, np.uint8)}, "class 18; 0 to 16, or 17 for free"),
        ({"semantics": np.full((200, 200, 8), 17, np.uint8)}, r"semantics of whole numbers \(200, 200, 16\)"),
        ({"semantics": np.zeros(SIZE, np.float32)}, "semantics of whole numbers"),
        ({"mask_lidar": np.zeros((3, 3), np.uint8)}, "mask_lidar of whole numbers"),
        ({"mask_lidar": ...}, "damaged or another kind of file"),
    ],
)
def test_arrays_that_do_not_fit_are_told(nuscenes: Path, change: dict[str, Any], told: str) -> None:
    arrays = nuscenes_arrays(0) | change
    path = nuscenes / "gts" / "scene-0001" / "ccc" / "labels.npz"
    save(path, {key: value for key, value in arrays.items() if value is not ...})
    with pytest.raises(UserError, match=told) as error:
        read_occ3d(nuscenes).train[0].read_frame(0)
    assert str(path) in str(error.value)


def test_broken_annotations_are_told(nuscenes: Path) -> None:
    path = nuscenes / "annotations.json"
    whole = read_json(path)
    write_json(path, [1])
    with pytest.raises(UserError, match=r"annotations\.json: an object"):
        read_occ3d(nuscenes)
    frames = whole["scene_infos"]["scene-0001"]
    del frames["aaa"]["ego_pose"]
    write_json(path, whole)
    with pytest.raises(UserError, match="scene-0001: a timestamp and an ego_pose"):
        read_occ3d(nuscenes)
    del frames["aaa"]
    write_json(path, whole)
    with pytest.raises(UserError, match="has no frame aaa"):
        read_occ3d(nuscenes)
    whole["scene_infos"]["scene-0001"] = 3
    write_json(path, whole)
    with pytest.raises(UserError, match="scene-0001"):
        read_occ3d(nuscenes)


def test_poses_that_are_not_finite_are_told(nuscenes: Path) -> None:
    path = nuscenes / "annotations.json"
    whole = read_json(path)
    whole["scene_infos"]["scene-0001"]["aaa"]["ego_pose"]["translation"][0] = float("inf")
    write_json(path, whole)
    with pytest.raises(UserError, match="not finite"):
        read_occ3d(nuscenes)


def test_folders_without_frames_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder of Occ3D"):
        read_occ3d(tmp_path)
    (tmp_path / "gts" / "scene-0001").mkdir(parents=True)
    with pytest.raises(UserError, match="has no frames of occ3d-nuscenes"):
        read_occ3d(tmp_path)


@pytest.mark.data
def test_a_real_frame(captures: Path, tmp_path: Path) -> None:
    """Of 640,000 voxels the most are free; road lies at the height of the wheels."""
    source = captures / "occ3d_nuscenes_1" / "labels.npz"
    if not source.is_file():
        pytest.skip(f"{captures} has no occ3d_nuscenes_1")
    frame = tmp_path / "gts" / "scene-0001" / "token" / "labels.npz"
    frame.parent.mkdir(parents=True)
    frame.symlink_to(source.resolve())
    (scene,) = read_occ3d(tmp_path).train
    classes, invalid = scene.read_frame(0)
    assert invalid is not None
    assert 0.9 < float((classes == 0).float().mean()) < 1
    assert 0.1 < float(invalid.float().mean()) < 0.95
    road = torch.nonzero(classes == OCC3D_NUSCENES.names.index("driveable surface"))
    assert len(road) > 2000
    heights = (road[:, 2] + 0.5) * OCC3D_GRID.voxel_m[2] + OCC3D_GRID.origin_m[2]
    assert -1 < float(heights.median()) < 0.7
