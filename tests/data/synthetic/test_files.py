"""Formats read back as their descriptions say, and folders that are whole or absent."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.errors import UserError
from data.synthetic.files import (
    DEPTH_UNIT_M,
    SKY_DEPTH_M,
    depth_image,
    new_folder,
    write_camera,
    write_depth,
    write_flow,
    write_image,
    write_trajectory,
)

RNG = np.random.default_rng(0)


def test_flow(tmp_path: Path) -> None:
    flow = RNG.normal(size=(3, 5, 2)).astype(np.float32)
    write_flow(tmp_path / "a.flo", flow)
    data = (tmp_path / "a.flo").read_bytes()
    assert data[:4] == b"PIEH"
    assert struct.unpack("<ii", data[4:12]) == (5, 3)
    np.testing.assert_array_equal(np.frombuffer(data[12:], "<f4").reshape(3, 5, 2), flow)
    np.testing.assert_array_equal(cv2.readOpticalFlow(str(tmp_path / "a.flo")), flow)


def test_depth(tmp_path: Path) -> None:
    depths = RNG.uniform(1, 50, (3, 5)).astype(np.float32)
    depths[0, 0] = np.inf
    write_depth(tmp_path / "a.dpt", depths)
    data = (tmp_path / "a.dpt").read_bytes()
    assert struct.unpack("<fii", data[:12]) == (202021.25, 5, 3)
    back = np.frombuffer(data[12:], "<f4").reshape(3, 5)
    assert back[0, 0] == np.float32(SKY_DEPTH_M)
    np.testing.assert_array_equal(back.ravel()[1:], depths.ravel()[1:])


def test_camera(tmp_path: Path) -> None:
    K, viewmat = RNG.normal(size=(3, 3)), RNG.normal(size=(4, 4))
    write_camera(tmp_path / "a.cam", K, viewmat)
    data = (tmp_path / "a.cam").read_bytes()
    assert struct.unpack("<f", data[:4]) == (202021.25,)
    stored = np.frombuffer(data[4:76], "<f8").reshape(3, 3)
    np.testing.assert_allclose(K - stored, [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]], atol=1e-12)
    np.testing.assert_array_equal(np.frombuffer(data[76:], "<f8").reshape(3, 4), viewmat[:3])


def test_trajectory(tmp_path: Path) -> None:
    c2w = np.tile(np.eye(4), (4, 1, 1))
    c2w[:, :3, :3] = Rotation.random(4, random_state=0).as_matrix()
    c2w[:, :3, 3] = RNG.normal(size=(4, 3))
    write_trajectory(tmp_path / "a.txt", np.arange(4) / 24, c2w)
    rows = np.loadtxt(tmp_path / "a.txt")
    np.testing.assert_allclose(rows[:, 0], np.arange(4) / 24, atol=1e-8)
    np.testing.assert_allclose(rows[:, 1:4], c2w[:, :3, 3], atol=1e-8)
    np.testing.assert_allclose(Rotation.from_quat(rows[:, 4:]).as_matrix(), c2w[:, :3, :3], atol=1e-7)


def test_depth_image_rounds_to_its_unit_and_drops_what_does_not_fit() -> None:
    depths = np.array([[0.5004, 12.3456, 65.4, 65.6, np.inf]], np.float32)
    stored = depth_image(depths)
    assert stored[0, 3:].tolist() == [0, 0]
    np.testing.assert_allclose(stored[0, :3] * DEPTH_UNIT_M, depths[0, :3], atol=DEPTH_UNIT_M / 2 + 1e-5)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_images_are_rgb(tmp_path: Path, suffix: str) -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[:] = (200, 100, 50)
    path = tmp_path / f"größe {suffix}"
    write_image(path, image)
    back = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_allclose(back.astype(int), image, atol=3)


def test_new_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()  # an empty folder may be there
    with new_folder(target) as folder:
        (folder / "a").write_text("b")
        assert not (target / "a").exists()
    assert (target / "a").read_text() == "b"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_new_folder_leaves_nothing_of_a_failure(tmp_path: Path) -> None:
    def interrupted() -> None:
        with new_folder(tmp_path / "deep" / "out") as folder:
            (folder / "a").write_text("b")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / "deep").iterdir()) == []


def test_new_folder_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"), new_folder(tmp_path):
        pytest.fail("the block must not run")
    with pytest.raises(UserError, match="is not empty"), new_folder(tmp_path / "kept.txt"):
        pytest.fail("the block must not run")
    assert (tmp_path / "kept.txt").read_text() == "mine"


def test_new_folder_under_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot"), new_folder(tmp_path / "file" / "out"):
        pytest.fail("the block must not run")
