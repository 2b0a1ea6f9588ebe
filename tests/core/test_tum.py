"""Trajectory files: what is written is read again, in the published order, and bad lines are told."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.errors import UserError
from core.tum import read_tum, write_tum


def poses(count: int, seed: int) -> torch.Tensor:
    random = np.random.default_rng(seed)
    c2w = np.tile(np.eye(4), (count, 1, 1))
    c2w[:, :3, :3] = Rotation.random(count, random_state=seed).as_matrix()
    c2w[:, :3, 3] = random.normal(size=(count, 3)) * 10.0 ** random.integers(-3, 4)
    return torch.from_numpy(c2w)


@given(st.integers(1, 12), st.integers(0, 99))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, count: int, seed: int) -> None:
    path = tmp_path_factory.mktemp("tum") / "trajectory.txt"
    written = poses(count, seed)
    times = [1305031102.175304 + row / 30 for row in range(count)]
    write_tum(path, times, written)
    read_times, read = read_tum(path)
    assert read_times.tolist() == times
    torch.testing.assert_close(read, written, rtol=1e-14, atol=1e-14)


def test_the_scalar_comes_last(tmp_path: Path) -> None:
    """A quarter turn about z carries the camera's x axis to the world's y axis."""
    path = tmp_path / "t.txt"
    path.write_text(
        "# timestamp tx ty tz qx qy qz qw\n\n1.5, 1 2 3 0 0 0.7071067811865476 0.7071067811865476\n"
    )
    times, c2w = read_tum(path)
    assert times.tolist() == [1.5]
    expected = torch.tensor([[0.0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]], dtype=torch.float64)
    torch.testing.assert_close(c2w[0], expected)


def test_an_unnormalised_rotation_is_normalised(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("0 0 0 0 0 0 0 7\n")
    torch.testing.assert_close(read_tum(path)[1][0], torch.eye(4, dtype=torch.float64))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no pose"),
        (b"# only a remark\n", "holds no pose"),
        (b"0 0 0 0 0 0 0 1\n0 1 2 3\n", "line 2: 8 numbers were expected, got 4"),
        (b"0 0 0 0 0 0 0 1\n0 0 0 0 0 0 0 0\n", "pose 2 is none"),
        (b"0 0 0 nan 0 0 0 1\n", "pose 1 is none"),
        (b"0 0 0 x 0 0 0 1\n", "line 1: numbers were expected"),
        (b"\xff\xfe\x00", "is no text"),
    ],
)
def test_what_is_no_trajectory_is_told(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_tum(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*absent\.txt"):
        read_tum(tmp_path / "absent.txt")
