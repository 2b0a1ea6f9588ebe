"""Rotations in 32 bits or fewer: the largest number of a unit quaternion follows from the three others.

Each of these is at most 1/sqrt(2) in size. Which was the largest stands in the two highest bits, then come
the others in their order, ten bits each.
"""

import numpy as np
from jaxtyping import Float32, Float64, UInt8, UInt32
from numpy import ndarray

from viewer.formats.gaussians import unit

_HALF_ROOT = np.sqrt(0.5)
_SIGN, _MOST = 1 << 9, (1 << 9) - 1
_SHIFTS = np.array([20, 10, 0], np.uint32)
_TEN_BITS = np.uint32((1 << 10) - 1)

_Three = Float64[ndarray, "M 3"]


def pack_signed(quats: Float32[ndarray, "M 4"]) -> UInt32[ndarray, " M"]:
    """Quaternions in any order of their numbers; each of the three as a sign and nine bits, as in `.spz`."""
    largest, three = _smallest_three(quats)
    sizes = np.floor(np.abs(three) / _HALF_ROOT * _MOST + 0.5).astype(np.uint32)
    return _joined(largest, np.where(three < 0, sizes | _SIGN, sizes).astype(np.uint32))


def unpack_signed(packed: UInt32[ndarray, " M"]) -> Float32[ndarray, "M 4"]:
    """What `pack_signed` made of unit quaternions."""
    largest, three = _parted(packed)
    sizes = (three & _MOST) / _MOST * _HALF_ROOT
    return _completed(largest, np.where(three & _SIGN, -sizes, sizes))


def pack_even(quats: Float32[ndarray, "M 4"]) -> UInt32[ndarray, " M"]:
    """The same; each of the three as ten bits from -1/sqrt(2) to 1/sqrt(2), as `.compressed.ply` has it."""
    largest, three = _smallest_three(quats)
    shares = np.clip(three * _HALF_ROOT + 0.5, 0, 1)
    return _joined(largest, np.floor(shares * _TEN_BITS + 0.5).astype(np.uint32))


def unpack_even(packed: UInt32[ndarray, " M"]) -> Float32[ndarray, "M 4"]:
    """What `pack_even` made of unit quaternions."""
    largest, three = _parted(packed)
    return _completed(largest, (three / _TEN_BITS - 0.5) / _HALF_ROOT)


def unpack_first_three(data: UInt8[ndarray, "M 3"]) -> Float32[ndarray, "M 4"]:
    """x, y, z, w of x, y, z in bytes, where w is not negative: version 2 of `.spz`."""
    three = data / 127.5 - 1
    last = np.sqrt(np.maximum(0, 1 - np.square(three).sum(1, keepdims=True)))
    return unit(np.concatenate([three, last], 1).astype(np.float32)).astype(np.float32)


def _smallest_three(quats: Float32[ndarray, "M 4"]) -> tuple[ndarray, _Three]:
    """Which number is largest, and the others, of the quaternion or its negative, where that is positive."""
    units = unit(quats)
    largest = np.abs(units).argmax(1)
    rows = np.arange(len(units))
    units *= np.where(units[rows, largest] < 0, -1, 1)[:, None]
    others = np.arange(4) != largest[:, None]
    return largest, units[others].reshape(-1, 3)


def _completed(largest: ndarray, three: _Three) -> Float32[ndarray, "M 4"]:
    quats = np.empty((len(three), 4))
    others = np.arange(4) != largest[:, None]
    quats[others] = three.reshape(-1)
    quats[~others] = np.sqrt(np.maximum(0, 1 - np.square(three).sum(1)))
    return quats.astype(np.float32)


def _joined(largest: ndarray, three: UInt32[ndarray, "M 3"]) -> UInt32[ndarray, " M"]:
    return (largest.astype(np.uint32) << np.uint32(30)) | np.bitwise_or.reduce(three << _SHIFTS, axis=1)


def _parted(packed: UInt32[ndarray, " M"]) -> tuple[ndarray, UInt32[ndarray, "M 3"]]:
    return packed >> np.uint32(30), (packed[:, None] >> _SHIFTS) & _TEN_BITS
