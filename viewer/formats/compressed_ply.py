"""`.compressed.ply`: 16 bytes a Gaussian, and 45 for spherical harmonics of degree 3.

Gaussians stand in Morton order, so that each 256 of them are neighbours; what a chunk spans is stored beside
its numbers, which say where in that span they are. Axes are those of the scene, as in `.ply`.
Source: PlayCanvas, https://github.com/playcanvas/splat-transform, what its writer and its reader of this
format make of each field.
"""

from pathlib import Path

import numpy as np
import plyfile
from jaxtyping import Float32, Float64, Int64, UInt8, UInt32, UInt64
from numpy import ndarray

from core.errors import UserError
from core.files import atomic_write
from core.ply import SplatArrays, read_elements
from core.sh import C0
from viewer.formats.gaussians import (
    ROWS_AT_ONCE,
    GaussianScene,
    blocks,
    empty,
    logits_of_bytes,
    opacity_bytes,
    take,
)
from viewer.formats.quaternions import pack_even, unpack_even

_CHUNK = 256
_SPANS = tuple(
    f"{end}_{name}" for names in (("x", "y", "z"), ("scale_x", "scale_y", "scale_z"), ("r", "g", "b"))
    for end in ("min", "max") for name in names
)  # fmt: skip
_PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
_DEGREES = {0: 0, 9: 1, 24: 2, 45: 3}  # by the numbers of coefficients beside the constant colour
_SH_REACH = 4.0  # coefficients from -4 to 4
_LARGEST_LOG_SCALE = 20.0
_MORTON_BITS = 21  # an axis
# Where the bits of each axis stand in a word, and how many there are.
_SHIFTS = np.array([21, 11, 0], np.uint32)
_MOST = np.array([2**11 - 1, 2**10 - 1, 2**11 - 1], np.uint32)
_COLOR_SHIFTS = np.array([24, 16, 8], np.uint32)

_Span = Float32[ndarray, "C 1 3"]


def write_compressed_ply(path: Path, scene: GaussianScene) -> None:
    """Write a scene, whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    count, rest = len(scene), 3 * (scene.splats.sh.shape[1] - 1)
    chunks = np.empty((-(-count // _CHUNK), len(_SPANS)), "<f4")
    words = np.empty((count, len(_PACKED)), "<u4")
    rest_bytes = np.empty((count, rest), np.uint8)
    order = morton_order(scene.splats.means)
    for rows in blocks(count, ROWS_AT_ONCE):
        some = take(scene.splats, order[rows])
        first = rows.start // _CHUNK
        spans, packed = _packed(some)
        chunks[first : first + len(spans)], words[rows] = spans, packed
        rest_bytes[rows] = _sh_bytes(some)
    tables = {"chunk": _named(chunks, _SPANS), "vertex": _named(words, _PACKED)}
    if rest:
        tables["sh"] = _named(rest_bytes, [f"f_rest_{number}" for number in range(rest)])
    elements = [plyfile.PlyElement.describe(table, name) for name, table in tables.items()]
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        plyfile.PlyData(elements, byte_order="<").write(file)


def read_compressed_ply(path: Path) -> GaussianScene:
    """Read a scene; its Gaussians come in the order of the file.

    Raises:
        UserError: the file cannot be read, is cut off, or is no such file.
    """
    tables = read_elements(path)
    rest = len(tables["sh"].dtype.names or ()) if "sh" in tables else 0
    chunks, words = (
        _columns(tables, name, names) for name, names in (("chunk", _SPANS), ("vertex", _PACKED))
    )
    if chunks is None or words is None or rest not in _DEGREES or len(words) > len(chunks) * _CHUNK:
        raise UserError(
            f"{path} holds no compressed Gaussians; elements chunk, vertex with {_PACKED[0]} and so on, and "
            "sh with 9, 24 or 45 properties were expected"
        )
    splats = empty(len(words), _DEGREES[rest])
    for rows in blocks(len(words), ROWS_AT_ONCE):
        first = rows.start // _CHUNK
        spans = chunks[first : first + ROWS_AT_ONCE // _CHUNK].repeat(_CHUNK, 0)[: rows.stop - rows.start]
        _unpack(words[rows], spans.reshape(-1, 3, 2, 3), take(splats, rows))
        if rest:
            _unpack_sh(tables["sh"][rows], take(splats, rows))
    return GaussianScene(splats)


def is_compressed_ply(path: Path) -> bool:
    """Whether the header of a PLY file names packed Gaussians; False for what is no file."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _PACKED[0].encode() in file.read(4096).partition(b"end_header")[0]


def morton_order(means: Float32[ndarray, "N 3"]) -> Int64[ndarray, " N"]:
    """Rows along a curve that visits a cell's eight parts one after the other, at every scale."""
    low, high = means.min(0).astype(np.float64), means.max(0).astype(np.float64)
    steps = (2**_MORTON_BITS - 1) / np.where(high > low, high - low, 1)
    codes = np.empty(len(means), np.uint64)
    for rows in blocks(len(means)):
        cells = ((means[rows] - low) * steps).astype(np.uint64)
        codes[rows] = np.bitwise_or.reduce(_spread(cells) << np.arange(3, dtype=np.uint64), axis=1)
    return np.argsort(codes, kind="stable")


def _spread(cells: UInt64[ndarray, "M 3"]) -> UInt64[ndarray, "M 3"]:
    """The 21 bits of each number, with two empty ones after each."""
    for shift, mask in (
        (32, 0x1F00000000FFFF), (16, 0x1F0000FF0000FF), (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3), (2, 0x1249249249249249),
    ):  # fmt: skip
        cells = (cells | cells << np.uint64(shift)) & np.uint64(mask)
    return cells


def _packed(splats: SplatArrays) -> tuple[Float32[ndarray, "C 18"], UInt32[ndarray, "M 4"]]:
    """The spans of chunks and the words of Gaussians."""
    words = np.empty((len(splats.means), len(_PACKED)), np.uint32)
    log_scales = np.clip(splats.log_scales, -_LARGEST_LOG_SCALE, _LARGEST_LOG_SCALE)
    *positions, shares = _shares(splats.means)
    words[:, 0] = _joined(np.rint(shares * _MOST), _SHIFTS)
    *scales, shares = _shares(log_scales)
    words[:, 2] = _joined(np.rint(shares * _MOST), _SHIFTS)
    *colors, shares = _shares(splats.sh[:, 0] * np.float32(C0) + np.float32(0.5))
    words[:, 3] = _joined(np.rint(shares * 255), _COLOR_SHIFTS) | opacity_bytes(splats.logit_opacities)
    words[:, 1] = pack_even(splats.quats)
    return np.concatenate([end[:, 0] for end in (*positions, *scales, *colors)], axis=1), words


def _shares(values: Float32[ndarray, "M 3"]) -> tuple[_Span, _Span, Float64[ndarray, "M 3"]]:
    """Least and greatest of each chunk, and where between them values are."""
    missing = -len(values) % _CHUNK
    chunks = np.concatenate([values, values[-1:].repeat(missing, 0)]).reshape(-1, _CHUNK, 3)
    low, high = chunks.min(1, keepdims=True), chunks.max(1, keepdims=True)
    span = (high - low).astype(np.float64)
    shares = (chunks - low) / np.where(span > 0, span, 1)
    return low, high, shares.reshape(-1, 3)[: len(values)]


def _joined(parts: Float64[ndarray, "M 3"], shifts: UInt32[ndarray, "3"]) -> UInt32[ndarray, " M"]:
    return np.bitwise_or.reduce(parts.astype(np.uint32) << shifts, axis=1)


def _unpack(words: UInt32[ndarray, "M 4"], spans: Float32[ndarray, "M 3 2 3"], to: SplatArrays) -> None:
    def between(which: int, shares: ndarray) -> Float64[ndarray, "M 3"]:
        low, high = spans[:, which, 0].astype(np.float64), spans[:, which, 1]
        return low * (1 - shares) + high * shares

    to.means[:] = between(0, (words[:, :1] >> _SHIFTS & _MOST) / _MOST)
    to.quats[:] = unpack_even(words[:, 1])
    to.log_scales[:] = between(1, (words[:, 2:3] >> _SHIFTS & _MOST) / _MOST)
    to.sh[:, 0] = (between(2, (words[:, 3:] >> _COLOR_SHIFTS & 255) / 255) - 0.5) / C0
    to.logit_opacities[:] = logits_of_bytes((words[:, 3] & 255).astype(np.uint8))


def _sh_bytes(splats: SplatArrays) -> UInt8[ndarray, "M R"]:
    """All coefficients of red, then of green, then of blue."""
    shares = splats.sh[:, 1:].transpose(0, 2, 1).reshape(len(splats.sh), -1) / (2 * _SH_REACH) + 0.5
    return np.clip(np.floor(shares * 256), 0, 255).astype(np.uint8)


def _unpack_sh(records: ndarray, to: SplatArrays) -> None:
    stored = np.stack([records[f"f_rest_{number}"] for number in range(3 * (to.sh.shape[1] - 1))], axis=1)
    shares = np.where(stored == 0, 0, np.where(stored == 255, 1, (stored + 0.5) / 256))
    values = (shares - 0.5) * (2 * _SH_REACH)
    to.sh[:, 1:] = values.reshape(len(records), 3, -1).transpose(0, 2, 1)


def _named(columns: ndarray, names: tuple[str, ...] | list[str]) -> ndarray:
    """Columns as a table of records, without a copy."""
    return columns.view([(name, columns.dtype) for name in names]).reshape(-1)


def _columns(tables: dict[str, ndarray], element: str, names: tuple[str, ...]) -> ndarray | None:
    """Some properties of an element as columns; None where there are no such properties."""
    if element not in tables or not set(names) <= set(tables[element].dtype.names or ()):
        return None
    return np.stack([tables[element][name] for name in names], axis=1)
