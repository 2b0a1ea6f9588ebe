from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from scene.occupancy.classes import CARLASC, ClassSet
from scene.occupancy.files import read_facts, read_legacy, read_occupancy, write_legacy, write_occupancy
from scene.occupancy.sequence import Grid, Occupancy
from tests.scene.occupancy.streets import GRID, street


def assert_same(one: Occupancy, other: Occupancy) -> None:
    assert torch.equal(one.classes, other.classes)
    assert one.class_set == other.class_set
    assert one.grid == other.grid
    for name in ("invalid", "world_from_ego"):
        first, second = getattr(one, name), getattr(other, name)
        assert (first is None) == (second is None)
        assert first is None or (torch.equal(first, second) and first.dtype == second.dtype)
    assert one.frame_names == other.frame_names
    assert one.seconds_per_frame == other.seconds_per_frame


def test_what_is_written_is_read(tmp_path: Path) -> None:
    facts = {"command": "left", "seed": 3, "trajectory": [[0.5, 0.0]], "name": "Zürich"}
    write_occupancy(tmp_path / "a.npz", street(), facts)
    assert_same(read_occupancy(tmp_path / "a.npz"), street())
    assert read_facts(tmp_path / "a.npz") == facts


def test_what_is_not_known_stays_unknown(tmp_path: Path) -> None:
    own = ClassSet("own", ("free", "thing"), ((0, 0, 0), (1, 2, 3)), (), (1,))
    bare = Occupancy(
        torch.ones(2, 3, 4, 5, dtype=torch.uint8), own, Grid((3, 4, 5), (0.0, 0.0, 0.0), (1.0, 1.0, 2.0))
    )
    write_occupancy(tmp_path / "a.npz", bare)
    assert_same(read_occupancy(tmp_path / "a.npz"), bare)
    assert read_facts(tmp_path / "a.npz") == {}


def test_an_archive_opens_without_this_project(tmp_path: Path) -> None:
    write_occupancy(tmp_path / "a.npz", street())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["classes"].shape == (3, *GRID.size)
        assert arrays["class_names"][10] == "vehicle"
        assert arrays["palette"][10].tolist() == [0, 215, 255]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"classes": np.full((3, *GRID.size), 12, np.uint8)}, "class 12 but names 12 classes, 0 to 11"),
        ({"classes": np.zeros((3, *GRID.size), np.int64)}, "classes is int64"),
        ({"classes": np.zeros(GRID.size, np.uint8)}, r"uint8 \[T,X,Y,Z\] was expected"),
        ({"palette": np.zeros((3, 3), np.uint8)}, "12 colours was expected"),
        ({"frame_names": np.array(["a", "b"])}, "3 names or none"),
        ({"world_from_ego": np.zeros((2, 4, 4))}, "3 matrices 4x4"),
        ({"invalid": np.zeros((3, 1, 1, 1), bool)}, "invalid is bool"),
        ({"voxel_m": np.array([0.4, 0.0, 0.4])}, "positive lengths"),
        ({"origin_m": np.array([0.4, np.nan, 0.4])}, "finite numbers"),
        ({"ground": np.array([99])}, "classes from 0 to 11"),
        ({"seconds_per_frame": np.array(-1.0)}, "a positive number"),
        ({"class_set": np.array(3)}, "text was expected"),
        ({"facts": None}, "damaged or another kind of file"),
    ],
)
def test_files_that_contradict_themselves(tmp_path: Path, changes: dict[str, object], sentence: str) -> None:
    write_occupancy(tmp_path / "a.npz", street())
    with np.load(tmp_path / "a.npz") as arrays:
        content = dict(arrays) | changes
    content = {name: value for name, value in content.items() if value is not None}
    np.savez(tmp_path / "b.npz", **content)
    with pytest.raises(UserError, match=sentence):
        read_occupancy(tmp_path / "b.npz")


def test_files_that_are_broken_or_foreign(tmp_path: Path) -> None:
    write_occupancy(tmp_path / "a.npz", street())
    data = (tmp_path / "a.npz").read_bytes()
    for name, content in (("cut.npz", data[: len(data) // 2]), ("text.npz", b"hello"), ("none.npz", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=name):
            read_occupancy(tmp_path / name)
    np.savez(tmp_path / "objects.npz", classes=np.array([{}], object))
    with pytest.raises(UserError, match=r"objects\.npz"):
        read_occupancy(tmp_path / "objects.npz")
    with pytest.raises(UserError, match="cannot read"):
        read_occupancy(tmp_path / "absent.npz")


def test_facts_that_are_not_json(tmp_path: Path) -> None:
    write_occupancy(tmp_path / "a.npz", street())
    with np.load(tmp_path / "a.npz") as arrays:
        content = dict(arrays)
    for text, sentence in (("{", "not JSON"), ("[1]", "are a list")):
        np.savez(tmp_path / "b.npz", **(content | {"facts": np.array(text)}))
        with pytest.raises(UserError, match=sentence):
            read_facts(tmp_path / "b.npz")


def test_raw_volumes_have_the_bytes_that_others_write(tmp_path: Path) -> None:
    sequence = street(11)
    write_legacy(tmp_path / "0", sequence)
    raw = np.fromfile(tmp_path / "0" / "10.npy", np.uint8).reshape(GRID.size)
    assert np.array_equal(raw, sequence.classes[10].numpy())
    read = read_legacy(tmp_path / "0", CARLASC, GRID)
    assert torch.equal(read.classes, sequence.classes)  # 10 comes after 9, not after 1
    assert read.frame_names == tuple(map(str, range(11)))


def test_real_npy_volumes_are_read_too(tmp_path: Path) -> None:
    for number, frame in enumerate(street().classes):
        np.save(tmp_path / f"{number}.npy", frame.numpy().astype(np.int32))
    assert torch.equal(read_legacy(tmp_path, CARLASC, GRID).classes, street().classes)


@pytest.mark.parametrize(
    ("volume", "sentence"),
    [
        (b"\0" * 100, "holds 100 bytes; 24 x 16 x 6 = 2304 classes were expected"),
        (b"\x0c" * 2304, "class 12; 0 to 11 of carlasc"),
        (np.zeros((2, 2, 2), np.uint8), r"uint8 \[2, 2, 2\]"),
        (np.zeros(GRID.size, np.float32), "float32"),
        (np.full(GRID.size, -1), "class -1"),
        (b"\x93NUMPY\x01\x00v\x00{", "cut off or damaged"),
    ],
)
def test_bad_volumes(tmp_path: Path, volume: bytes | np.ndarray, sentence: str) -> None:
    if isinstance(volume, bytes):
        (tmp_path / "0.npy").write_bytes(volume)
    else:
        np.save(tmp_path / "0.npy", volume)
    with pytest.raises(UserError, match=sentence):
        read_legacy(tmp_path, CARLASC, GRID)


def test_a_folder_without_volumes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.npy volumes"):
        read_legacy(tmp_path, CARLASC, GRID)
    with pytest.raises(UserError, match="cannot read"):
        read_legacy(tmp_path / "absent", CARLASC, GRID)


def test_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError):
        write_occupancy(tmp_path / "file" / "a.npz", street())
    with pytest.raises(TypeError):
        write_occupancy(tmp_path / "a.npz", street(), {"not": object()})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
