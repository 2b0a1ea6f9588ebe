"""Wishes that contradict each other, and files that hold something else, are one sentence."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from generation.wishes import Wishes, layout_files, read_layout, read_mask, read_trajectories

SCENE = Path("scene.npz")


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"clips": 0}, "clips: at least 1"),
        ({"inpaint": SCENE}, "one of --box and --mask must say"),
        ({"inpaint": SCENE, "box": (0, 1, 0, 1), "mask": SCENE}, "one of --box and --mask must say"),
        ({"box": (0, 1, 0, 1)}, "they belong to --inpaint"),
        ({"mask": SCENE}, "they belong to --inpaint"),
        ({"shift": 4}, "they belong to --outpaint"),
        ({"axis": "y"}, "they belong to --outpaint"),
        ({"legacy_trajectory": True}, "says what --trajectory"),
        ({"inpaint": SCENE, "box": (0, 1, 0, 1), "outpaint": SCENE}, "one of them at a time"),
        ({"clips": 2, "outpaint": SCENE}, "a single one was expected"),
        ({"clips": 2, "trajectory": SCENE}, "a single one was expected"),
    ],
)
def test_wishes_that_contradict_each_other(wishes: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Wishes(**wishes)


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def test_trajectories_of_any_numbers(tmp_path: Path) -> None:
    rows = np.arange(24).reshape(2, 4, 3)
    for kind in (np.float64, np.float32, np.int64):
        read = read_trajectories(saved(tmp_path / "t.npy", rows.astype(kind)), 4)
        assert read.dtype == torch.float32
        assert np.array_equal(read.numpy(), rows)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((2, 5, 3)), r"holds float64 \[2, 5, 3\]; numbers \[N, 4, 3\] were expected"),
        (np.zeros((0, 4, 3)), r"\[0, 4, 3\]"),
        (np.zeros((4, 3)), r"\[4, 3\]"),
        (np.full((1, 4, 3), np.nan), "not finite"),
        (np.zeros((1, 4, 3), bool), "holds no numbers"),
        (np.zeros((1, 4, 3), "U3"), "holds no numbers"),
    ],
)
def test_trajectories_that_are_something_else(tmp_path: Path, array: np.ndarray, sentence: str) -> None:
    with pytest.raises(UserError, match=rf"t\.npy.*{sentence}"):
        read_trajectories(saved(tmp_path / "t.npy", array), 4)


def test_files_that_are_missing_cut_off_or_would_be_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.npy"):
        read_trajectories(tmp_path / "none.npy", 4)
    path = saved(tmp_path / "t.npy", np.zeros((1, 4, 3)))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"t\.npy"):
        read_trajectories(path, 4)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"t\.npy"):
        read_trajectories(path, 4)


def test_masks(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((2, 3, 4, 5)) < 0.5
    path = saved(tmp_path / "m.npy", mask)
    assert np.array_equal(read_mask(path, (2, 3, 4, 5)).numpy(), mask)
    with pytest.raises(
        UserError, match=r"m\.npy holds bool \[2, 3, 4, 5\]; bool \[2, 3, 4, 6\] was expected"
    ):
        read_mask(path, (2, 3, 4, 6))
    with pytest.raises(UserError, match=r"m\.npy holds no booleans"):
        read_mask(saved(path, mask.astype(np.uint8)), (2, 3, 4, 5))


def test_layouts(tmp_path: Path) -> None:
    path = tmp_path / "l.npz"
    np.savez(path, layout=np.array([[[0, 3], [1, 0]]] * 4))
    assert read_layout(path, 4).tolist() == [[[0, 1], [1, 0]]] * 4
    with pytest.raises(UserError, match=r"l\.npz: layout is .*\[5, u, v\] expected"):
        read_layout(path, 5)
    np.savez(path, layout=np.zeros((4, 2, 2)))
    with pytest.raises(UserError, match=r"layout is float64"):
        read_layout(path, 4)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(UserError, match=r"l\.npz"):
        read_layout(path, 4)


def test_layouts_of_a_folder_are_sorted(tmp_path: Path) -> None:
    for name in ("b/1.npz", "a/2.npz", "a/1.npz", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [str(path.relative_to(tmp_path)) for path in layout_files(tmp_path)]
    assert names == ["a/1.npz", "a/2.npz", "b/1.npz"]
    assert layout_files(tmp_path / "a/1.npz") == [tmp_path / "a/1.npz"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no \.npz with a layout"):
        layout_files(tmp_path / "empty")
    with pytest.raises(UserError, match="nowhere does not exist"):
        layout_files(tmp_path / "nowhere")
