"""Cameras that the user brings: a trajectory or a model."""

from pathlib import Path

import pytest
import torch
from scipy.spatial.transform import Rotation

from core.errors import UserError
from core.tum import write_tum
from dynamic_predictor.user_poses import read_user_poses

FRAME = torch.zeros(40, 60, 3, dtype=torch.uint8)
NAMES = ("b.png", "a.png", "c.png")


def poses() -> torch.Tensor:
    """Three world-from-camera transforms, in float64."""
    c2w = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    c2w[:, :3, :3] = torch.from_numpy(Rotation.random(3, random_state=1).as_matrix())
    c2w[:, :3, 3] = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 1.5], [-1.0, 0.2, 4.0]])
    return c2w


def write_model(folder: Path, c2w: torch.Tensor, names: tuple[str, ...], size: tuple[int, int]) -> None:
    """A COLMAP model as text, with a camera of f = 1.5 widths and a principal point off the centre."""
    folder.mkdir(parents=True)
    width, height = size
    lens = (1.5 * width, 1.5 * width, 0.4 * width, 0.6 * height)
    (folder / "cameras.txt").write_text(f"1 PINHOLE {width} {height} {' '.join(map(str, lens))}\n")
    lines = []
    for number, (pose, name) in enumerate(zip(torch.linalg.inv(c2w).numpy(), names, strict=True), start=1):
        x, y, z, w = Rotation.from_matrix(pose[:3, :3]).as_quat()
        numbers = " ".join(str(float(value)) for value in (w, x, y, z, *pose[:3, 3]))
        lines += [f"{number} {numbers} 1 {name}", ""]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    (folder / "points3D.txt").write_text("")


def test_a_trajectory_is_read_in_the_order_of_the_frames(tmp_path: Path) -> None:
    write_tum(tmp_path / "walk.txt", [0.0, 1.0, 2.0], poses())
    cameras, known = read_user_poses(tmp_path / "walk.txt", FRAME, NAMES, 90.0)
    assert known.all()
    assert cameras.size == (60, 40)
    torch.testing.assert_close(cameras.c2w, poses().float(), atol=1e-5, rtol=1e-5)
    expected = torch.tensor([[90.0, 0, 30], [0, 90, 20], [0, 0, 1]])
    torch.testing.assert_close(cameras.Ks, expected.repeat(3, 1, 1))


def test_a_trajectory_without_a_focal_length_gets_a_guess(tmp_path: Path) -> None:
    write_tum(tmp_path / "walk.txt", [0.0, 1.0, 2.0], poses())
    cameras, _ = read_user_poses(tmp_path / "walk.txt", FRAME, NAMES, None)
    assert cameras.Ks[:, 0, 0].tolist() == pytest.approx([72.0] * 3)
    assert cameras.Ks[:, 1, 1].tolist() == pytest.approx([72.0] * 3)


@pytest.mark.parametrize("inner", [".", "sparse/0"])
def test_a_model_is_matched_by_names_and_brought_to_the_frames_size(tmp_path: Path, inner: str) -> None:
    write_model(tmp_path / "model" / inner, poses(), ("a.jpg", "b.jpg", "c.jpg"), (120, 80))
    cameras, known = read_user_poses(tmp_path / "model", FRAME, NAMES, None)
    assert known.all()
    assert cameras.size == (60, 40)
    torch.testing.assert_close(cameras.c2w, poses()[[1, 0, 2]].float(), atol=1e-5, rtol=1e-5)
    expected = torch.tensor([[90.0, 0, 24], [0, 90, 24], [0, 0, 1]])
    torch.testing.assert_close(cameras.Ks, expected.repeat(3, 1, 1))


def test_a_trajectory_of_another_length_is_refused(tmp_path: Path) -> None:
    write_tum(tmp_path / "walk.txt", [0.0, 1.0, 2.0], poses())
    with pytest.raises(UserError, match="3 poses for 2 frames") as caught:
        read_user_poses(tmp_path / "walk.txt", FRAME, NAMES[:2], None)
    assert "\n" not in str(caught.value)


def test_frames_without_a_camera_are_named(tmp_path: Path) -> None:
    write_model(tmp_path / "model", poses(), ("a.jpg", "b.jpg", "z.jpg"), (120, 80))
    with pytest.raises(UserError, match=r"no camera for 1 of 3 frames, such as c\.png") as caught:
        read_user_poses(tmp_path / "model", FRAME, NAMES, None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "1 2 3\n", "a b c d e f g h\n", "0 0 0 0 0 0 0 0\n"])
def test_what_is_no_trajectory_is_refused_in_one_sentence(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "walk.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"walk\.txt") as caught:
        read_user_poses(path, FRAME, NAMES, None)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing") as caught:
        read_user_poses(tmp_path, FRAME, NAMES, None)
    assert "\n" not in str(caught.value)
