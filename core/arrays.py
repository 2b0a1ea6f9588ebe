"""Arrays of numbers as `.npy` files: written whole or not at all, read without executing anything."""

import io
import threading
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.files import atomic_write, explain

# numpy parses headers as Python literals, and CPython 3.11's parser keeps a count that threads share: two at
# once can end in a SystemError (python/cpython issue 106905).
_HEADER_LOCK = threading.Lock()


def write_array(path: Path, array: Float[Tensor, "*shape"]) -> None:
    """Write a tensor with the precision that it has.

    Raises:
        UserError: the file cannot be written.
    """
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.save(file, array.detach().cpu().numpy())


def read_array(path: Path) -> Float[ndarray, "*shape"]:
    """Floating-point numbers.

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
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        raise UserError(f"{path} holds no floating-point numbers; restore the file or make it anew")
    return array
