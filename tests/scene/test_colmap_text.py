"""COLMAP itself reads what is written, and finds the same cameras."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.errors import UserError
from scene import Cameras, PointCloud
from scene.colmap_text import read_points_text, write_colmap_text, wxyz_of
from scene.datasets.pycolmap_import import pycolmap


def cameras(count: int, seed: int) -> Cameras:
    random = np.random.default_rng(seed)
    viewmats = np.tile(np.eye(4), (count, 1, 1))
    viewmats[:, :3, :3] = Rotation.random(count, random_state=seed).as_matrix()
    viewmats[:, :3, 3] = random.normal(size=(count, 3))
    Ks = np.tile(np.eye(3), (count, 1, 1))
    Ks[:, 0, 0], Ks[:, 1, 1] = random.uniform(20, 90, (2, count))
    Ks[:, 0, 2], Ks[:, 1, 2] = random.uniform(10, 30, (2, count))
    size = (torch.full((count,), side) for side in (64, 48))
    return Cameras(torch.from_numpy(viewmats).float(), torch.from_numpy(Ks).float(), *size)


@settings(max_examples=8)
@given(st.integers(1, 6), st.integers(0, 99), st.booleans())
def test_colmap_reads_it(
    tmp_path_factory: pytest.TempPathFactory, count: int, seed: int, with_points: bool
) -> None:
    folder = tmp_path_factory.mktemp("model")
    truth, names = cameras(count, seed), [f"{row:05d}.jpg" for row in range(count)]
    random = torch.Generator().manual_seed(seed)
    rgb = (255 * torch.rand(7, 3, generator=random)).to(torch.uint8)
    points = PointCloud(torch.randn(7, 3, generator=random), rgb) if with_points else None
    write_colmap_text(folder, truth, names, points)
    model = pycolmap.Reconstruction(str(folder))
    assert len(model.images) == count
    assert len(model.points3D) == (7 if with_points else 0)
    for row in range(count):
        image = model.images[row + 1]
        assert image.name == names[row]
        np.testing.assert_allclose(
            image.cam_from_world().matrix(), truth.viewmats[row, :3].numpy(), atol=1e-6
        )
        camera = model.cameras[image.camera_id]
        assert (camera.model_name, camera.width, camera.height) == ("PINHOLE", 64, 48)
        np.testing.assert_allclose(camera.calibration_matrix(), truth.Ks[row].numpy(), rtol=1e-6)
    again = read_points_text(folder / "points3D.txt")
    if points is None:
        assert again is None
    else:
        assert again is not None
        assert torch.equal(again.xyz, points.xyz)
        assert torch.equal(again.rgb, points.rgb)


@given(st.integers(1, 20), st.integers(0, 99))
def test_quaternions_are_scalar_first_and_unique(count: int, seed: int) -> None:
    rotations = Rotation.random(count, random_state=seed)
    quats = wxyz_of(rotations.as_matrix())
    assert (quats[:, 0] >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(quats, axis=1), 1)
    again = Rotation.from_quat(quats[:, [1, 2, 3, 0]])
    assert (again.inv() * rotations).magnitude().max() < 1e-7


def test_points_that_cannot_be_read(tmp_path: Path) -> None:
    assert read_points_text(tmp_path / "points3D.txt") is None
    (tmp_path / "points3D.txt").write_text("1 2 3\n")
    with pytest.raises(UserError, match=r"points3D\.txt, line 1: 8 numbers were expected, got 3"):
        read_points_text(tmp_path / "points3D.txt")
