"""Tables in pickles of pandas, read without pandas, and without running anything that a file names.

A pickle says which functions are to be called. Here those of pandas are replaced by a thing that only keeps
what it is given, so that just numpy's own makers of arrays run; whatever else is named is refused. Then the
columns are taken out of what was kept: since pandas 1.3 blocks are arguments, before they were a state.
"""

import gzip
import io
import pickle
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from core.errors import UserError
from core.files import explain

_OF_PANDAS = frozenset(
    {
        "DataFrame", "BlockManager", "_unpickle_block", "new_block",
        "_new_Index", "Index", "RangeIndex", "Int64Index", "Float64Index",
    }
)  # fmt: skip
_OF_OTHERS = frozenset(
    {
        ("builtins", "slice"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy._core.numeric", "_frombuffer"),
    }
)
_OLD_STATE = "0.14.1"
# What loading, numpy's makers and the search for columns raise about a pickle that is damaged or no table.
_DAMAGED = (
    pickle.UnpicklingError, EOFError, AttributeError, LookupError, TypeError, ValueError, OverflowError,
    MemoryError,
)  # fmt: skip


def read_pandas_table(path: Path, names: Sequence[str]) -> dict[str, Shaped[ndarray, " N"]]:
    """Columns of a table in a `.pkl.gz` file, all of the same length.

    Args:
        path: of the file.
        names: of the columns.

    Raises:
        UserError: the file is missing, damaged or no table, names what a table does not need, or lacks a
            column.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is cut off or damaged ({error}); fetch it again") from error
    except OSError as error:
        raise explain(error, path, "read") from error
    try:
        columns = _columns(_Reader(content).load())
    except _RefusedError as error:
        raise UserError(
            f"{path} asks for {error} to be run, which a table of numbers does not need; it was not read: "
            "fetch the file again from where it was published"
        ) from error
    except _DAMAGED as error:
        raise UserError(
            f"{path} holds no table of pandas ({type(error).__name__}: {error}); fetch it again"
        ) from error
    missing = [name for name in names if name not in columns]
    if missing:
        raise UserError(f"{path} has no column {missing[0]}; it has {', '.join(map(str, columns))}")
    return {name: columns[name] for name in names}


class _RefusedError(Exception):
    """A pickle names something that is not to be run."""


class _Kept:
    """Something of pandas as the file has it: what it would be made of, and its state."""

    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: Any) -> "_Kept":
        made = super().__new__(cls)
        made.arguments, made.state = arguments, None
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Reader(pickle.Unpickler):
    """Makes arrays, and keeps what pandas would be given."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "pandas" and name in _OF_PANDAS:
            return _Kept
        if (module, name) in _OF_OTHERS:
            return super().find_class(module, name)
        raise _RefusedError(f"{module}.{name}")


def _columns(frame: _Kept) -> dict[str, Shaped[ndarray, " N"]]:
    manager = frame.state.get("_mgr", frame.state.get("_data"))
    if manager.arguments:
        blocks, axes = manager.arguments
        parts = [block.arguments[:2] for block in blocks]
    else:
        stored = manager.state[3][_OLD_STATE]
        axes = stored["axes"]
        parts = [(block["values"], block["mgr_locs"]) for block in stored["blocks"]]
    names = list(axes[0].arguments[1]["data"])
    places = np.arange(len(names))
    return {
        names[place]: row for values, where in parts for place, row in zip(places[where], values, strict=True)
    }
