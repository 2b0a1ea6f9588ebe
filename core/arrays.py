"""Arrays of numbers as `.npy` and `.npz` files: written whole or not at all, nothing in them executed."""

import io
import threading
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.files import atomic_write, explain

# numpy parses headers as Python literals, and CPython 3.11's parser keeps a count that threads share: two at
# once can end in a SystemError (python/cpython issue 106905).
_HEADER_LOCK = threading.Lock()

# What numpy and zipfile raise about archives of which some bytes are wrong.
_DAMAGED = (
    KeyError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error
)  # fmt: skip


def write_array(path: Path, array: Float[Tensor, "*shape"]) -> None:
    """Write a tensor with the precision that it has.

    Raises:
        UserError: the file cannot be written.
    """
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.save(file, array.detach().cpu().numpy())


def read_array(path: Path, kinds: str = "f") -> Shaped[ndarray, "*shape"]:
    """An array of a `.npy` file: floating-point numbers, unless other kinds are named.

    Args:
        path: the file.
        kinds: letters of numpy's kinds: f floating-point numbers, i and u integers, b booleans.

    Raises:
        UserError: the file is missing, cut off, or holds anything else.
    """
    try:
        content = io.BytesIO(path.read_bytes())
        with _HEADER_LOCK:
            array = np.load(content, allow_pickle=False)
    except OSError as error:
        raise explain(error, path, "read") from error
    except (ValueError, EOFError) as error:
        raise UserError(
            f"{path} is no array of numbers ({error}); restore the file or make it anew"
        ) from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
        expected = "floating-point numbers" if kinds == "f" else "booleans" if kinds == "b" else "numbers"
        raise UserError(f"{path} holds no {expected}; restore the file or make it anew")
    return array


def read_archive(path: Path, names: Sequence[str]) -> list[Shaped[ndarray, "..."]]:
    """Arrays of an `.npz` file by their names, of any kind of numbers.

    Raises:
        UserError: the file is missing, cut off or damaged, or has no such array.
    """
    arrays = _read_archive(path, names)
    return [arrays[name] for name in names]


def read_archive_with(
    path: Path, names: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, Shaped[ndarray, "..."]]:
    """Arrays of an `.npz` file, of any kind of numbers or text, some of which may be absent.

    Args:
        path: the file.
        names: of arrays that must be there.
        optional: names of arrays that are read where they are there.

    Raises:
        UserError: as `read_archive`.
    """
    return _read_archive(path, names, optional)


def _read_archive(path: Path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, ndarray]:
    try:
        content = io.BytesIO(path.read_bytes())
        with _HEADER_LOCK:
            arrays = np.load(content, allow_pickle=False)
            if isinstance(arrays, np.ndarray):
                raise ValueError("it is one array by itself")
            with arrays:
                wanted = [*names, *(name for name in optional if name in arrays)]
                return {name: arrays[name] for name in wanted}
    except OSError as error:
        raise explain(error, path, "read") from error
    except _DAMAGED as error:
        raise UserError(
            f"{path} is damaged or another kind of file: an archive with {' and '.join(names)} was expected "
            f"({error}); restore the file or make it anew"
        ) from error
