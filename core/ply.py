"""PLY files: Gaussians under the field names that viewers of 3DGS expect, and coloured points.

Those field names appear here and nowhere else. DAS3R's files have two more: the opacity before it is
multiplied by how static a Gaussian is, and that factor.
Source: B. Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering", 2023, and the files
of its released scenes; K. Xu et al., "DAS3R: Dynamics-Aware Gaussian Splatting for Static Scene
Reconstruction", 2024, and its released code's files.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import plyfile
from jaxtyping import Float32, UInt8
from numpy import ndarray
from numpy.lib import recfunctions
from scipy import special

from core.errors import UserError
from core.files import GIT_LFS_MARK, atomic_write, explain

_ROWS_AT_ONCE = 65_536  # a second copy of a million Gaussians is a quarter of a gigabyte

_MEANS: tuple[str, ...] = ("x", "y", "z")
_NORMALS = ("nx", "ny", "nz")
_SH_DC = ("f_dc_0", "f_dc_1", "f_dc_2")
_OPACITY = ("opacity",)
_DAS3R_OPACITY = ("opacity_ori", "opacity", "conf_static")
_SCALES = ("scale_0", "scale_1", "scale_2")
_QUATS = ("rot_0", "rot_1", "rot_2", "rot_3")
_COLORS: tuple[str, ...] = ("red", "green", "blue")

_GREY = 128
_LEAST_OPACITY = 1e-6  # and its distance from 1: logits stay finite, pictures stay the same
_PLY_TYPES = {np.dtype("<f4"): "float", np.dtype("u1"): "uchar"}


class SplatArrays(NamedTuple):
    """Raw Gaussians, as they are optimised and stored.

    Args:
        means: centres in the world.
        quats: rotations, wxyz, of any non-zero length.
        log_scales: logarithms of the standard deviations along the local axes.
        logit_opacities: logits of the opacities.
        sh: real spherical harmonics, coefficient-major, K = (degree + 1)^2.
    """

    means: Float32[ndarray, "N 3"]
    quats: Float32[ndarray, "N 4"]
    log_scales: Float32[ndarray, "N 3"]
    logit_opacities: Float32[ndarray, " N"]
    sh: Float32[ndarray, "N K 3"]


class PointArrays(NamedTuple):
    """Coloured points.

    Args:
        xyz: positions in the world.
        rgb: 8-bit sRGB.
    """

    xyz: Float32[ndarray, "P 3"]
    rgb: UInt8[ndarray, "P 3"]


def write_splats_ply(path: Path, splats: SplatArrays) -> None:
    """Write Gaussians, whole or not at all: little-endian float32, 62 numbers a Gaussian at degree 3.

    Raises:
        UserError: the file cannot be written.
    """
    _write_splats(path, splats, _OPACITY, splats.logit_opacities[:, None])


def write_das3r_ply(path: Path, splats: SplatArrays, staticness: Float32[ndarray, " N"]) -> None:
    """Write Gaussians with the 64 numbers that DAS3R has for each at degree 3; ordinary viewers open it too.

    Args:
        path: where to.
        splats: with opacities as if every Gaussian were static.
        staticness: in [0, 1], the factor on the opacity of each.

    Raises:
        UserError: the file cannot be written.
    """
    seen = _static_logits(splats.logit_opacities, staticness)
    opacities = np.stack([splats.logit_opacities, seen, staticness], axis=1)
    _write_splats(path, splats, _DAS3R_OPACITY, opacities)


def _write_splats(
    path: Path, splats: SplatArrays, opacity_names: tuple[str, ...], opacities: Float32[ndarray, "N K"]
) -> None:
    count, coefficients = splats.sh.shape[:2]
    names = (*_MEANS, *_NORMALS, *_SH_DC, *_sh_rest(coefficients), *opacity_names, *_SCALES, *_QUATS)
    dtype = np.dtype([(name, "<f4") for name in names])

    def table(start: int) -> ndarray:
        chosen = slice(start, start + _ROWS_AT_ONCE)
        sh = splats.sh[chosen]
        # Coefficients of red, then of green, then of blue; degree 0 has a place of its own before the others.
        rest = sh[:, 1:].transpose(0, 2, 1).reshape(len(sh), 3 * (coefficients - 1))
        columns = (
            splats.means[chosen], np.zeros_like(splats.means[chosen]), sh[:, 0], rest,
            opacities[chosen], splats.log_scales[chosen], splats.quats[chosen],
        )  # fmt: skip
        return np.concatenate(columns, axis=1).astype("<f4", copy=False).view(dtype)[:, 0]

    _write_vertices(path, dtype, count, map(table, range(0, count, _ROWS_AT_ONCE)))


def read_splats_ply(path: Path) -> SplatArrays:
    """Read Gaussians of degree 0 to 3: binary or ASCII, with their properties in any order and among others.

    Of DAS3R's, the opacity is that of the static scene.

    Raises:
        UserError: the file is missing, cut off, or holds no Gaussians of that kind.
    """
    vertices = _read_vertices(path)
    names = vertices.dtype.names or ()
    if "packed_position" in names:
        raise UserError(
            f"{path} holds compressed Gaussians; make an ordinary file of them by "
            f"python -m viewer.export {path} --to ply"
        )
    required = (*_MEANS, *_SH_DC, *_OPACITY, *_SCALES, *_QUATS)
    missing = [name for name in required if name not in names]
    if missing:
        raise UserError(f"{path} holds no Gaussians: its vertices have no property {', '.join(missing)}")
    rest_count = sum(name.startswith("f_rest_") for name in names)
    coefficients = 1 + rest_count // 3
    rest_names = _sh_rest(coefficients)
    if coefficients not in (1, 4, 9, 16) or rest_count % 3 or not set(rest_names) <= set(names):
        raise UserError(
            f"{path} has {rest_count} properties f_rest_*; 0, 9, 24 or 45 were expected (spherical harmonics "
            "of degree 0 to 3)"
        )
    rows = _to_rows(vertices)

    def columns(wanted: tuple[str, ...]) -> Float32[ndarray, "N _"]:
        return np.take(rows, [names.index(name) for name in wanted], axis=1)

    sh = np.empty((len(rows), coefficients, 3), np.float32)
    sh[:, 0] = columns(_SH_DC)
    rest_columns = [names.index(name) for name in rest_names]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        rest = np.take(rows[start : start + _ROWS_AT_ONCE], rest_columns, axis=1)
        by_channel = rest.reshape(len(rest), 3, coefficients - 1)
        sh[start : start + _ROWS_AT_ONCE, 1:] = by_channel.transpose(0, 2, 1)
    logits = columns(_OPACITY)[:, 0]
    if set(_DAS3R_OPACITY) <= set(
        names
    ):  # where its product is 0 or 1, what it stores as its logit is not finite
        logits = _static_logits(*columns((_DAS3R_OPACITY[0], _DAS3R_OPACITY[2])).T)
    return SplatArrays(columns(_MEANS), columns(_QUATS), columns(_SCALES), logits, sh)


def write_points_ply(path: Path, points: PointArrays) -> None:
    """Write coloured points, whole or not at all, with zero normals that some viewers insist on.

    Raises:
        UserError: the file cannot be written.
    """
    layout = [(name, "<f4") for name in (*_MEANS, *_NORMALS)] + [(name, "u1") for name in _COLORS]
    vertices = np.zeros(len(points.xyz), layout)
    for axis in range(3):
        vertices[_MEANS[axis]] = points.xyz[:, axis]
        vertices[_COLORS[axis]] = points.rgb[:, axis]
    _write_vertices(path, vertices.dtype, len(vertices), [vertices])


def read_points_ply(path: Path) -> PointArrays:
    """Read points; those without colour are grey.

    Raises:
        UserError: the file is missing, cut off, or holds no points.
    """
    vertices = _read_vertices(path)
    names = vertices.dtype.names or ()
    if not set(_MEANS) <= set(names):
        raise UserError(f"{path} holds no points: its vertices have no properties x, y, z")
    xyz = np.array(_to_rows(vertices[list(_MEANS)]))  # the records' strides suit no tensor
    if not set(_COLORS) <= set(names):
        return PointArrays(xyz, np.full((len(xyz), 3), _GREY, np.uint8))
    rgb = _to_rows(vertices[list(_COLORS)])
    if vertices.dtype["red"].kind == "f":  # colours in [0, 1]
        rgb = rgb * 255
    return PointArrays(xyz, rgb.round().clip(0, 255).astype(np.uint8))


def count_vertices(path: Path) -> int:
    """How many vertices, Gaussians or points, a PLY file has.

    Raises:
        UserError: as `read_splats_ply`.
    """
    return len(_read_vertices(path))


def _static_logits(
    logits: Float32[ndarray, " N"], staticness: Float32[ndarray, " N"]
) -> Float32[ndarray, " N"]:
    """Logits of sigmoid(logit) times staticness, whose values beyond [0, 1] mean its ends; always finite."""
    factors = np.clip(np.nan_to_num(staticness.astype(np.float64)), 0, 1)
    opacities = np.clip(
        factors * special.expit(logits.astype(np.float64)), _LEAST_OPACITY, 1 - _LEAST_OPACITY
    )
    return special.logit(opacities).astype(np.float32)


def _sh_rest(coefficients: int) -> tuple[str, ...]:
    return tuple(f"f_rest_{index}" for index in range(3 * (coefficients - 1)))


def _to_rows(vertices: ndarray) -> Float32[ndarray, "N _"]:
    """The properties of each vertex as a row of float32: a view where they already are."""
    return recfunctions.structured_to_unstructured(vertices, dtype=np.float32)


def read_elements(path: Path) -> dict[str, ndarray]:
    """The tables of a PLY file by the names of its elements, one record a row.

    Raises:
        UserError: the file is missing, cut off, or no PLY file.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(GIT_LFS_MARK)) == GIT_LFS_MARK:
                raise UserError(
                    f"{path} is a Git-LFS pointer, not a PLY file; run `git lfs pull` in its repository"
                )
        # By name, not by handle: so that plyfile can map the file instead of reading it.
        elements = plyfile.PlyData.read(str(path))
    except OSError as error:
        raise explain(error, path, "read") from error
    except (plyfile.PlyParseError, ValueError) as error:
        raise UserError(f"{path} is cut off or is no PLY file ({error}); write or fetch it again") from error
    return {element.name: element.data for element in elements}


def _read_vertices(path: Path) -> ndarray:
    """The vertex table of a PLY file, one record a vertex.

    Raises:
        UserError: the file is missing, cut off, or no PLY file with vertices.
    """
    elements = read_elements(path)
    if "vertex" not in elements:
        raise UserError(f"{path} holds no vertices; a PLY file of points or Gaussians was expected")
    return elements["vertex"]


def _write_vertices(path: Path, dtype: np.dtype, count: int, tables: Iterable[ndarray]) -> None:
    """Write `count` vertices, which come as tables of that type, as binary little-endian PLY."""
    names = dtype.names or ()
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    header += [f"property {_PLY_TYPES[dtype[name]]} {name}" for name in names]
    header += ["end_header", ""]
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write("\n".join(header).encode("ascii"))
        for vertices in tables:
            file.write(vertices.view(np.uint8).data)  # not tofile, which does not say why a write fails
