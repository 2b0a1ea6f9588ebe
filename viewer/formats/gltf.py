"""`.glb`: binary glTF with the extension KHR_gaussian_splatting; a viewer that does not know it shows points.

Axes are glTF's, x right, y up, z backward: a scene is turned by half a turn about x on its way in and out.
Source: the extension as ratified by Khronos in 2026, whose scales and opacities are linear. Drafts had
logarithms of scales, which are told by being negative.
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from scipy import special

from core.errors import UserError
from core.files import atomic_write, explain
from core.ply import SplatArrays
from core.sh import C0
from viewer.formats.gaussians import (
    GaussianScene,
    blocks,
    degree_of,
    empty,
    in_bytes,
    opacity_bytes,
    take,
    turned,
    unit,
)

EXTENSION = "KHR_gaussian_splatting"

_HEADER, _CHUNK = struct.Struct("<4sII"), struct.Struct("<I4s")
_FLOAT, _BYTE, _ARRAY_BUFFER, _POINTS = 5126, 5121, 34962, 0  # glTF's numbers for these
_COMPONENTS = {
    5120: np.dtype("i1"), 5121: np.dtype("u1"), 5122: np.dtype("<i2"), 5123: np.dtype("<u2"),
    _FLOAT: np.dtype("<f4"),
}  # fmt: skip
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
_LEAST_SCALE = 1e-30  # whose logarithm is finite
_LEAST_OPACITY = 1e-6


@dataclass(frozen=True)
class _Attribute:
    """An attribute of the points.

    Args:
        name: glTF's.
        kind: SCALAR, VEC3 or VEC4.
        of: its values for some Gaussians that have been turned: float32, or bytes that mean 255ths.
    """

    name: str
    kind: str
    of: Callable[[SplatArrays], ndarray]

    @property
    def component(self) -> int:
        """Bytes for the colour that points have elsewhere, numbers for the rest."""
        return _BYTE if self.name == "COLOR_0" else _FLOAT

    @property
    def width(self) -> int:
        """Bytes a Gaussian."""
        return _WIDTHS[self.kind] * _COMPONENTS[self.component].itemsize


def write_glb(path: Path, scene: GaussianScene) -> None:
    """Write a scene, whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    attributes = _attributes(degree_of(scene.splats))
    described = json.dumps(_described(attributes, scene), separators=(",", ":")).encode()
    described += b" " * (-len(described) % 4)
    size = len(scene) * sum(attribute.width for attribute in attributes)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        whole = _HEADER.size + 2 * _CHUNK.size + len(described) + size
        file.write(_HEADER.pack(b"glTF", 2, whole))
        file.write(_CHUNK.pack(len(described), b"JSON") + described + _CHUNK.pack(size, b"BIN\0"))
        for attribute in attributes:
            for rows in blocks(len(scene)):
                values = attribute.of(turned(take(scene.splats, rows)))
                file.write(np.ascontiguousarray(values, _COMPONENTS[attribute.component]).tobytes())


def read_glb(path: Path) -> GaussianScene:
    """Read the Gaussians of a file that has one cloud of them, which no node moves.

    Raises:
        UserError: the file cannot be read, is cut off, or is no such file.
    """
    try:
        data = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)
    except OSError as error:
        raise explain(error, path, "read") from error
    described, buffer = _chunks(data, path)
    try:
        return GaussianScene(_splats(described, buffer))
    except _UnreadableError as error:
        raise UserError(f"{path}: {error}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} is cut off or is no .glb of Gaussians; write or fetch it again") from error


class _UnreadableError(Exception):
    """A file of Gaussians that has something we do not read."""


def _sh_name(degree: int, number: int) -> str:
    return f"{EXTENSION}:SH_DEGREE_{degree}_COEF_{number}"


def _attributes(degree: int) -> list[_Attribute]:
    """In the order of the file."""

    def coefficients(row: int) -> Callable[[SplatArrays], ndarray]:
        return lambda splats: splats.sh[:, row]

    rows = [(each, number) for each in range(degree + 1) for number in range(2 * each + 1)]
    return [
        _Attribute("POSITION", "VEC3", lambda splats: splats.means),
        _Attribute("COLOR_0", "VEC4", _fallback_colors),
        _Attribute(f"{EXTENSION}:ROTATION", "VEC4", lambda splats: np.roll(unit(splats.quats), -1, axis=1)),
        _Attribute(f"{EXTENSION}:SCALE", "VEC3", lambda splats: np.exp(splats.log_scales)),
        _Attribute(f"{EXTENSION}:OPACITY", "SCALAR", lambda splats: special.expit(splats.logit_opacities)),
        *(_Attribute(_sh_name(*name), "VEC3", coefficients(row)) for row, name in enumerate(rows)),
    ]


def _fallback_colors(splats: SplatArrays) -> ndarray:
    rgb = in_bytes(255 * (0.5 + C0 * splats.sh[:, 0]))
    return np.concatenate([rgb, opacity_bytes(splats.logit_opacities)[:, None]], axis=1)


def _described(attributes: list[_Attribute], scene: GaussianScene) -> dict[str, Any]:
    count, views, accessors, start = len(scene), [], [], 0
    for number, attribute in enumerate(attributes):
        size = count * attribute.width
        views.append({"buffer": 0, "byteOffset": start, "byteLength": size, "target": _ARRAY_BUFFER})
        accessor = {
            "bufferView": number,
            "componentType": attribute.component,
            "count": count,
            "type": attribute.kind,
        }
        if attribute.component == _BYTE:
            accessor["normalized"] = True
        accessors.append(accessor)
        start += size
    low, high = scene.splats.means.min(0), scene.splats.means.max(0)
    ends = turned(_at([low, high])).means
    accessors[0] |= {"min": ends.min(0).tolist(), "max": ends.max(0).tolist()}
    kind = {
        "kernel": "ellipse", "colorSpace": "srgb_rec709_display", "projection": "perspective",
        "sortingMethod": "cameraDistance",
    }  # fmt: skip
    primitive = {
        "mode": _POINTS, "extensions": {EXTENSION: kind},
        "attributes": {attribute.name: number for number, attribute in enumerate(attributes)},
    }  # fmt: skip
    return {
        "asset": {"version": "2.0", "generator": "Splatworks"}, "extensionsUsed": [EXTENSION],
        "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0, "name": scene.title or "Gaussians"}],
        "meshes": [{"primitives": [primitive]}], "accessors": accessors, "bufferViews": views,
        "buffers": [{"byteLength": start}],
    }  # fmt: skip


def _at(means: list[Float32[ndarray, "3"]]) -> SplatArrays:
    splats = empty(len(means), 0)
    splats.means[:] = means
    return splats


def _chunks(data: ndarray, path: Path) -> tuple[Any, ndarray]:
    """The description and the buffer of a file."""
    parts: dict[bytes, ndarray] = {}
    whole = 0
    if len(data) >= _HEADER.size:
        magic, version, whole = _HEADER.unpack(data[: _HEADER.size].tobytes())
        whole = whole if magic == b"glTF" and version == 2 else 0
    if not 0 < whole <= len(data):
        raise UserError(f"{path} is cut off or is no .glb file of version 2; write or fetch it again")
    start = _HEADER.size
    while start + _CHUNK.size <= whole:
        size, kind = _CHUNK.unpack(data[start : start + _CHUNK.size].tobytes())
        start += _CHUNK.size
        parts.setdefault(kind, data[start : start + size])
        start += size
    try:
        return json.loads(parts[b"JSON"].tobytes()), parts.get(b"BIN\0", data[:0])
    except (KeyError, ValueError) as error:
        raise UserError(f"{path} has no description in it; write or fetch it again") from error


def _splats(described: Any, buffer: ndarray) -> SplatArrays:
    primitives = [each for mesh in described.get("meshes", []) for each in mesh["primitives"]]
    clouds = [each for each in primitives if EXTENSION in each.get("extensions", {})]
    if len(clouds) != 1:
        raise _UnreadableError(f"{len(clouds)} clouds of Gaussians ({EXTENSION}) are in it; one was expected")
    if clouds[0]["extensions"][EXTENSION].get("extensions"):
        raise _UnreadableError(f"its Gaussians are compressed; plain attributes of {EXTENSION} were expected")
    moved = {"matrix", "translation", "rotation", "scale"}
    if any(moved & set(node) for node in described.get("nodes", [])):
        raise _UnreadableError("its nodes move the Gaussians; nodes without a transform were expected")

    def values(name: str) -> ndarray:
        return _values(described, buffer, clouds[0]["attributes"][name])

    names = clouds[0]["attributes"]
    degree = max(each for each in range(4) if _sh_name(each, 2 * each) in names)
    means = values("POSITION")
    splats = empty(len(means), degree)
    splats.means[:] = means
    splats.quats[:] = np.roll(values(f"{EXTENSION}:ROTATION"), 1, axis=1)
    scales = values(f"{EXTENSION}:SCALE")
    splats.log_scales[:] = scales if (scales < 0).any() else np.log(np.maximum(scales, _LEAST_SCALE))
    opacities = values(f"{EXTENSION}:OPACITY")[:, 0]
    splats.logit_opacities[:] = special.logit(np.clip(opacities, _LEAST_OPACITY, 1 - _LEAST_OPACITY))
    rows = [(each, number) for each in range(degree + 1) for number in range(2 * each + 1)]
    for row, name in enumerate(rows):
        splats.sh[:, row] = values(_sh_name(*name))
    for rows_now in blocks(len(means)):
        for table, back in zip(splats, turned(take(splats, rows_now)), strict=True):
            table[rows_now] = back
    return splats


def _values(described: Any, buffer: ndarray, number: int) -> ndarray:
    """What an accessor names, [N, width]; whole numbers that stand for shares as shares."""
    accessor = described["accessors"][number]
    view = described["bufferViews"][accessor["bufferView"]]
    dtype, width = _COMPONENTS[accessor["componentType"]], _WIDTHS[accessor["type"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    stride = view.get("byteStride", width * dtype.itemsize)
    if stride < width * dtype.itemsize:
        raise ValueError(f"a stride of {stride} bytes")  # rows that overlap, or go backwards
    shape, strides = (accessor["count"], width), (stride, dtype.itemsize)
    # The constructor refuses what would lie beyond the buffer.
    values = np.ascontiguousarray(np.ndarray(shape, dtype, buffer, start, strides))
    if not accessor.get("normalized"):
        return values
    return np.maximum(values / np.float32(np.iinfo(dtype).max), -1)
