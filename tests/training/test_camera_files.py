"""Rows are the views sorted by name; the files say which train, and where their cameras are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.run_folder import RunFolder
from scene.splits import Split
from tests.training.captures import tiny_capture
from training.camera_files import told_sizes, write_camera_files


def test_extrinsics_are_the_poses_of_the_cameras_in_the_world(tmp_path: Path) -> None:
    capture = tiny_capture()
    write_camera_files(RunFolder(tmp_path), capture, Split((0, 2), (1, 3, 4, 5), "by hand"))
    poses, intrinsics = np.load(tmp_path / "cam_extrinsics.npy"), np.load(tmp_path / "cam_intrinsics.npy")
    assert poses.shape == (6, 4, 4)
    np.testing.assert_allclose(poses @ capture.cameras.viewmats.double().numpy(), [np.eye(4)] * 6, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(poses[:, :3, 3], axis=1), np.hypot(4, 0.8), atol=1e-5)
    np.testing.assert_array_equal(intrinsics, capture.cameras.Ks.numpy())
    assert json.loads((tmp_path / "partition.json").read_text()) == {"train": [0, 2], "test": [1, 3, 4, 5]}


def test_sizes_are_told_as_one_or_as_a_range() -> None:
    capture = tiny_capture()
    assert told_sizes(capture) == "32x24 px"
    mixed = capture.cameras.resized(torch.tensor([32, 64, 32, 32, 32, 32]), torch.full((6,), 24))
    assert told_sizes(replace(capture, cameras=mixed)) == "32x24 to 64x24 px"
