"""Tables as old versions of pandas pickled them, written without pandas: things that go by its names."""

import gzip
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np


class _Thing:
    """Pickles as a call of its class with its arguments, and a state to be set."""

    def __init__(self, *arguments: object, state: object = None) -> None:
        self.arguments, self.state = arguments, state

    def __reduce__(self) -> tuple[object, ...]:
        call = type(self), self.arguments
        return call if self.state is None else (*call, self.state)


def _named(module: str, name: str) -> type[_Thing]:
    return type(name, (_Thing,), {"__module__": module})


_FRAME = _named("pandas.core.frame", "DataFrame")
_MANAGER = _named("pandas.core.internals.managers", "BlockManager")
_NEW_INDEX = _named("pandas.core.indexes.base", "_new_Index")
_INDEX = _named("pandas.core.indexes.base", "Index")
_WHOLE = _named("pandas.core.indexes.numeric", "Int64Index")


def write_table(path: Path, columns: Mapping[str, list[Any]]) -> None:
    """A table as pandas 0.25 pickles it: its columns in a block for each kind of values."""
    arrays = [np.array(values, object if isinstance(values[0], str) else None) for values in columns.values()]
    kinds: dict[np.dtype[Any], list[int]] = {}
    for place, array in enumerate(arrays):
        kinds.setdefault(array.dtype, []).append(place)
    blocks = [
        {"values": np.stack([arrays[place] for place in places]), "mgr_locs": np.array(places)}
        for places in kinds.values()
    ]
    axes = [
        _NEW_INDEX(_INDEX, {"data": np.array(list(columns), object), "name": None}),
        _NEW_INDEX(_WHOLE, {"data": np.arange(len(arrays[0])), "name": "index"}),
    ]
    manager = _MANAGER(state=(axes, [], [], {"0.14.1": {"axes": axes, "blocks": blocks}}))
    write_pickle(path, _FRAME(state={"_data": manager, "_typ": "dataframe"}))


def write_pickle(path: Path, value: object) -> None:
    """A compressed pickle in which the things above go by their names."""
    modules = {name: ModuleType(name) for name in ("pandas", "pandas.core", "pandas.core.indexes")}
    for kind in (_FRAME, _MANAGER, _NEW_INDEX, _INDEX, _WHOLE):
        setattr(modules.setdefault(kind.__module__, ModuleType(kind.__module__)), kind.__name__, kind)
    with patch.dict(sys.modules, modules):
        data = pickle.dumps(value, protocol=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data))
