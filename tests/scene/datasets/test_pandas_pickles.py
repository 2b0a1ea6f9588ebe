import gzip
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import UserError
from scene.datasets.pandas_pickles import read_pandas_table
from tests.scene.datasets.published_tables import write_pickle, write_table

COLUMNS: dict[str, list[Any]] = {
    "uuid": ["a", "b", "c"],
    "x": [1.5, -2.0, 1e5],
    "moves": [True, False, True],
    "y": [0.0, 0.5, 1.0],
    "label": ["Car", "Bus", "Car"],
    "d": [0, 1, 0],
}


def write_by_pandas(path: Path, columns: dict[str, list[Any]]) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas, which publishes such tables, is not installed")
    # Text as objects, as it was before pandas 3.
    arrays = {name: np.array(values, object) for name, values in columns.items()}
    series = {name: pandas.Series(array, dtype=object) for name, array in arrays.items()}
    numbers = {name: values for name, values in columns.items() if not isinstance(values[0], str)}
    frame = pandas.DataFrame({**series, **numbers})
    frame.columns = pandas.Index(list(columns), dtype=object)
    frame.to_pickle(path, compression="gzip")


@pytest.mark.parametrize("write", [write_table, write_by_pandas])
def test_columns_are_those_of_the_table(
    tmp_path: Path, write: Callable[[Path, dict[str, list[Any]]], None]
) -> None:
    write(tmp_path / "a.pkl.gz", COLUMNS)
    found = read_pandas_table(tmp_path / "a.pkl.gz", ("d", "uuid", "x", "moves"))
    assert {name: column.tolist() for name, column in found.items()} == {
        name: COLUMNS[name] for name in ("d", "uuid", "x", "moves")
    }
    assert found["x"].dtype == np.float64
    with pytest.raises(UserError, match=r"a\.pkl\.gz has no column z; it has .*uuid"):
        read_pandas_table(tmp_path / "a.pkl.gz", ("x", "z"))


class Bomb:
    """What unpickling would run."""

    def __init__(self, run: object) -> None:
        self.run = run

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return self.run, ("the file was executed",)


@pytest.mark.parametrize(("run", "name"), [(print, "print"), (eval, "builtins.eval"), (getattr, "getattr")])
def test_nothing_in_a_file_is_run(tmp_path: Path, run: object, name: str) -> None:
    path = tmp_path / "a.pkl.gz"
    write_table(path, {"x": [1.0, 2.0]})
    for value in (Bomb(run), {"_mgr": [Bomb(run)]}, np.array([Bomb(run)])):
        write_pickle(path, value)
        with pytest.raises(UserError, match=rf"a\.pkl\.gz asks for .*{name} to be run"):
            read_pandas_table(path, ("x",))


@pytest.mark.parametrize("value", [3, None, {}, [np.zeros(3)], np.zeros(3)])
def test_what_is_no_table_is_told(tmp_path: Path, value: object) -> None:
    path = tmp_path / "a.pkl.gz"
    write_pickle(path, value)
    with pytest.raises(UserError, match="holds no table of pandas"):
        read_pandas_table(path, ("x",))


def test_what_is_damaged_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl.gz"
    write_table(path, COLUMNS)
    content = path.read_bytes()
    for wrong in (b"", content[:-20], content[:40] + b"?" + content[41:], pickle.dumps(3)):
        path.write_bytes(wrong)
        with pytest.raises(UserError, match=r"a\.pkl\.gz (is cut off or damaged|holds no table)"):
            read_pandas_table(path, ("x",))
    plain = gzip.decompress(content)
    for place in range(0, len(plain), 7):  # a table, or a sentence
        path.write_bytes(gzip.compress(plain[:place] + b"\xff" + plain[place + 1 :], 0))
        with suppress(UserError):
            read_pandas_table(path, ("x",))
    with pytest.raises(UserError, match="does not exist"):
        read_pandas_table(tmp_path / "none.pkl.gz", ("x",))
