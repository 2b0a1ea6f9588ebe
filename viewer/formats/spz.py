"""`.spz`, version 3: Gaussians in bytes, attribute by attribute, in a gzip stream; a tenth of a `.ply`.

Axes are x right, y up, z backward: a scene is turned by half a turn about x on its way in and out.
Source: Niantic, https://github.com/nianticlabs/spz, its README and the numbers in src/cc/load-spz.cc.
"""

import gzip
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from core.errors import UserError
from core.files import atomic_write, explain
from core.ply import SplatArrays
from viewer.formats.gaussians import (
    GaussianScene,
    blocks,
    degree_of,
    empty,
    in_bytes,
    logits_of_bytes,
    opacity_bytes,
    take,
    turned,
)
from viewer.formats.quaternions import pack_signed, unpack_first_three, unpack_signed

_HEADER = struct.Struct("<IIIBBBB")
_MAGIC = 0x5053474E
_VERSION = 3
_ANTIALIASED = 1  # a flag
_FRACTION_BITS = 12
_POSITION_BITS = 24
_COLOR_SCALE = 0.15  # so that colours a good deal beyond [0, 1] fit
_SCALE_STEPS, _SCALE_OFFSET = 16, 10  # steps of the logarithm, and what is added to it
_SH_STEPS = 128
_SH_BUCKETS = (4, 4)  # steps between the values that occur, in degree 1 and beyond
_LEVEL = 6  # of gzip
_GREATEST_RATIO = 1032  # that deflate reaches: a header that claims more has been damaged


def write_spz(path: Path, scene: GaussianScene) -> None:
    """Write a scene, whole or not at all.

    Raises:
        UserError: the scene reaches too far, or the file cannot be written.
    """
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        pack_spz(file, scene)


def pack_spz(file: BinaryIO, scene: GaussianScene) -> None:
    """Write a scene into an open file.

    Raises:
        UserError: the scene reaches too far.
    """
    splats, degree = scene.splats, degree_of(scene.splats)
    bits = fraction_bits(splats.means)
    flags = _ANTIALIASED if scene.antialiased else 0
    # No name and no time in the stream: the same scene gives the same bytes.
    with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as stream:
        stream.write(_HEADER.pack(_MAGIC, _VERSION, len(scene), degree, bits, flags, 0))
        for attribute in _attributes(degree, bits, _VERSION):
            for rows in blocks(len(scene)):
                stream.write(attribute.pack(turned(take(splats, rows))).tobytes())


def read_spz(path: Path) -> GaussianScene:
    """Read a scene of version 2 or 3.

    Raises:
        UserError: the file cannot be read, is cut off, or is no such file.
    """
    try:
        with path.open("rb") as file:
            return unpack_spz(file, path.stat().st_size, path)
    except OSError as error:
        raise explain(error, path, "read") from error


def unpack_spz(file: BinaryIO, size: int, path: Path) -> GaussianScene:
    """Read a scene from an open file.

    Args:
        file: at the beginning of the stream.
        size: of the stream, in bytes.
        path: the file's name in messages.

    Raises:
        UserError: it is cut off, or is no such stream.
    """
    try:
        with gzip.GzipFile("", "rb", fileobj=file) as stream:
            header = stream.read(_HEADER.size)
            count, degree, bits, flags, version = _checked(header, path)
            attributes = _attributes(degree, bits, version)
            width = sum(attribute.width for attribute in attributes)
            if count * width > _GREATEST_RATIO * size:
                raise EOFError
            splats = empty(count, degree)
            for attribute in attributes:
                for rows in blocks(count):
                    data = stream.read((rows.stop - rows.start) * attribute.width)
                    attribute.unpack(_table(data, rows, attribute.width), take(splats, rows))
            for rows in blocks(count):
                for table, back in zip(splats, turned(take(splats, rows)), strict=True):
                    table[rows] = back
    except (EOFError, zlib.error) as error:
        raise UserError(f"{path} is cut off; write or fetch it again") from error
    except gzip.BadGzipFile as error:
        raise UserError(f"{path} is no .spz file of version 2 or 3 ({error})") from error
    return GaussianScene(splats, antialiased=bool(flags & _ANTIALIASED))


def fraction_bits(means: Float32[ndarray, "N 3"]) -> int:
    """How many of a position's 24 bits stand behind the point.

    They are 12, or fewer where the scene reaches farther than 2048 units.

    Raises:
        UserError: the scene reaches farther than 8 million units.
    """
    reach = max((float(np.abs(means[rows]).max()) for rows in blocks(len(means))), default=0.0)
    for bits in range(_FRACTION_BITS, -1, -1):
        if reach * 2**bits + 1 < 2 ** (_POSITION_BITS - 1):
            return bits
    raise UserError(f"the scene reaches {reach:.3g} units far, more than .spz can hold; cut it by --crop")


def _checked(header: bytes, path: Path) -> tuple[int, int, int, int, int]:
    """What a header says: count, degree, bits of fractions, flags, version.

    Extensions, which one of the flags announces, stand behind everything and are not read.
    """
    if len(header) < _HEADER.size:
        raise EOFError
    magic, version, count, degree, bits, flags, _ = _HEADER.unpack(header)
    if magic != _MAGIC or version not in (2, 3):
        raise UserError(f"{path} is no .spz file of version 2 or 3; write it anew as one of these")
    if degree > 3 or bits >= _POSITION_BITS:
        raise UserError(
            f"{path} holds spherical harmonics of degree {degree} and positions with {bits} bits of "
            f"fractions; degree 0 to 3 and fewer than {_POSITION_BITS} bits were expected"
        )
    return count, degree, bits, flags, version


def _table(data: bytes, rows: slice, width: int) -> UInt8[ndarray, "M W"]:
    if len(data) < (rows.stop - rows.start) * width:
        raise EOFError
    return np.frombuffer(data, np.uint8).reshape(-1, width)


@dataclass(frozen=True)
class _Attribute:
    """How one attribute is stored.

    Args:
        width: bytes a Gaussian.
        pack: Gaussians to bytes, [M, width].
        unpack: bytes into the tables of as many Gaussians.
    """

    width: int
    pack: Callable[[SplatArrays], UInt8[ndarray, "M W"]]
    unpack: Callable[[UInt8[ndarray, "M W"], SplatArrays], None]


def _attributes(degree: int, bits: int, version: int) -> list[_Attribute]:
    """In the order of the file."""
    rest = 3 * ((degree + 1) ** 2 - 1)
    return [
        _Attribute(
            9, lambda splats: _pack_means(splats, bits), lambda data, to: _unpack_means(data, to, bits)
        ),
        _Attribute(1, lambda splats: opacity_bytes(splats.logit_opacities)[:, None], _unpack_opacities),
        _Attribute(3, _pack_colors, _unpack_colors),
        _Attribute(3, _pack_scales, _unpack_scales),
        _Attribute(4 if version >= 3 else 3, _pack_quats, _unpack_quats),
        *([_Attribute(rest, _pack_sh, _unpack_sh)] if rest else []),
    ]


def _pack_means(splats: SplatArrays, bits: int) -> UInt8[ndarray, "M 9"]:
    steps = np.rint(splats.means.astype(np.float64) * 2**bits).astype("<i4")
    return np.ascontiguousarray(steps).view(np.uint8).reshape(-1, 3, 4)[..., :3].reshape(-1, 9)


def _unpack_means(data: UInt8[ndarray, "M 9"], splats: SplatArrays, bits: int) -> None:
    low, middle, high = data.reshape(-1, 3, 3).astype(np.int32).transpose(2, 0, 1)
    steps = low | middle << 8 | (high ^ 0x80) - 0x80 << 16  # the highest byte has the sign
    splats.means[:] = steps / 2**bits


def _unpack_opacities(data: UInt8[ndarray, "M 1"], splats: SplatArrays) -> None:
    splats.logit_opacities[:] = logits_of_bytes(data[:, 0])


def _pack_colors(splats: SplatArrays) -> UInt8[ndarray, "M 3"]:
    return in_bytes(255 * (0.5 + _COLOR_SCALE * splats.sh[:, 0]))


def _unpack_colors(data: UInt8[ndarray, "M 3"], splats: SplatArrays) -> None:
    splats.sh[:, 0] = (data / 255 - 0.5) / _COLOR_SCALE


def _pack_scales(splats: SplatArrays) -> UInt8[ndarray, "M 3"]:
    return in_bytes(_SCALE_STEPS * (splats.log_scales + _SCALE_OFFSET))


def _unpack_scales(data: UInt8[ndarray, "M 3"], splats: SplatArrays) -> None:
    splats.log_scales[:] = data / _SCALE_STEPS - _SCALE_OFFSET


def _pack_quats(splats: SplatArrays) -> UInt8[ndarray, "M 4"]:
    xyzw = np.roll(splats.quats, -1, axis=1)
    return np.ascontiguousarray(pack_signed(xyzw).astype("<u4"))[:, None].view(np.uint8)


def _unpack_quats(data: UInt8[ndarray, "M W"], splats: SplatArrays) -> None:
    if data.shape[1] == 3:
        xyzw = unpack_first_three(data)
    else:
        xyzw = unpack_signed(np.ascontiguousarray(data).view("<u4")[:, 0])
    splats.quats[:] = np.roll(xyzw, 1, axis=1)


def _pack_sh(splats: SplatArrays) -> UInt8[ndarray, "M W"]:
    first, beyond = _SH_BUCKETS
    buckets = np.where(np.arange(1, splats.sh.shape[1]) < 4, first, beyond)[:, None]
    steps = np.rint(splats.sh[:, 1:] * _SH_STEPS) + _SH_STEPS
    return in_bytes(np.floor((steps + buckets // 2) / buckets) * buckets).reshape(len(steps), -1)


def _unpack_sh(data: UInt8[ndarray, "M W"], splats: SplatArrays) -> None:
    splats.sh[:, 1:] = ((data.astype(np.float32) - _SH_STEPS) / _SH_STEPS).reshape(len(data), -1, 3)
