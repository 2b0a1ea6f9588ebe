"""Arrays come back bit for bit; what is none is a sentence, and nothing in a file is executed."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.arrays import read_archive, read_archive_with, read_array, write_array
from core.errors import UserError


@given(hnp.arrays(st.sampled_from([np.float32, np.float64]), hnp.array_shapes(max_dims=3, max_side=4)))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("arrays") / "new" / "a.npy"
    write_array(path, torch.from_numpy(array))
    again = read_array(path)
    assert again.dtype == array.dtype
    assert np.array_equal(again, array, equal_nan=True)
    assert np.array_equal(np.load(path), array, equal_nan=True)


class Bomb:
    """What unpickling would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("the file was executed",))


def test_what_is_no_array_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with pytest.raises(UserError, match=r"cannot read .*a\.npy: it does not exist"):
        read_array(path)
    write_array(path, torch.rand(8, 8))
    content = path.read_bytes()
    for wrong in (b"", content[:-5], b"text", pickle.dumps(Bomb())):
        path.write_bytes(wrong)
        with pytest.raises(UserError, match="is no array of numbers"):
            read_array(path)
    np.save(path, np.arange(4))
    with pytest.raises(UserError, match="holds no floating-point numbers"):
        read_array(path)
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    (tmp_path / "several.npz").rename(path)
    with pytest.raises(UserError, match="holds no floating-point numbers"):
        read_array(path)


def test_threads_may_read_at_once(tmp_path: Path) -> None:
    for row in range(8):
        write_array(tmp_path / f"{row}.npy", torch.full((3, 4), float(row)))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda row: read_array(tmp_path / f"{row % 8}.npy")[0, 0], range(400)))
    assert found == [row % 8 for row in range(400)]


def test_an_archive_is_whole_or_told(tmp_path: Path) -> None:
    """Cut off anywhere, and with any byte changed: the arrays, or one sentence, and nothing else."""
    path = tmp_path / "a.npz"
    first, second = np.arange(6, dtype=np.int16).reshape(2, 3), np.full(2, 7, np.uint8)
    np.savez_compressed(path, first=first, second=second)
    content = path.read_bytes()
    for wrong in (content[: len(content) // 2], content[:-3], b"", b"text", pickle.dumps(Bomb())):
        path.write_bytes(wrong)
        with pytest.raises(UserError, match=r"a\.npz is damaged .* first and second was expected"):
            read_archive(path, ("first", "second"))
    told = 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            found = read_archive(path, ("first", "second"))
        except UserError:
            told += 1
        else:
            assert [array.tolist() for array in found] == [first.tolist(), second.tolist()]
    assert told > len(content) // 2
    np.save(path.with_suffix(".npy"), first)
    for file, names in ((path, ("third",)), (path.with_suffix(".npy"), ("first",)), (tmp_path / "no", ())):
        with pytest.raises(UserError, match=file.name):
            read_archive(file, names)


def test_what_is_optional_may_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, first=np.arange(3), second=np.array("text"))
    found = read_archive_with(path, ("first",), ("second", "third"))
    assert set(found) == {"first", "second"}
    assert str(found["second"]) == "text"
    with pytest.raises(UserError, match="first and third"):
        read_archive_with(path, ("first", "third"))
