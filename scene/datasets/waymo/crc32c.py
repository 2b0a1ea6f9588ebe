"""CRC-32C (Castagnoli) of large buffers, with numpy alone.

A checksum is linear over GF(2): the buffer is cut into lanes of one length, all lanes go through the byte
table together, and their remainders are joined pairwise, each time shifted by the length of what follows.

Source: G. Castagnoli et al., "Optimization of Cyclic Redundancy-Check Codes with 24 and 32 Parity Bits", IEEE
Transactions on Communications, 1993.
"""

import numpy as np
from jaxtyping import UInt32
from numpy import ndarray

_POLYNOMIAL = np.uint32(0x82F63B78)  # bit-reflected 0x1EDC6F41
_LANES = 4096  # a power of two; fewer steps than this in a buffer are not worth the cutting
_SHORT = 4 * _LANES
_ALL = 0xFFFFFFFF


def crc32c(data: bytes | memoryview) -> int:
    """The checksum of a buffer, as RFC 3720 defines it."""
    octets = np.frombuffer(data, np.uint8)
    if len(octets) < _SHORT:
        return _serial(octets, _ALL) ^ _ALL
    length = len(octets) // _LANES
    lanes = octets[: length * _LANES].reshape(_LANES, length)
    columns = np.ascontiguousarray(lanes.T)
    state = np.zeros(_LANES, np.uint32)
    state[0] = _ALL
    for column in columns:
        state = _TABLE[(state ^ column) & 0xFF] ^ (state >> np.uint32(8))
    shift = _shift_of(length)
    while len(state) > 1:
        state = _apply(shift, state[0::2]) ^ state[1::2]
        shift = _apply(shift, shift)
    return _serial(octets[length * _LANES :], int(state[0])) ^ _ALL


def _byte_table() -> UInt32[ndarray, "256"]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ _POLYNOMIAL, table >> np.uint32(1))
    return table.astype(np.uint32)


_TABLE = _byte_table()
_ENTRIES = [int(entry) for entry in _TABLE]


def _serial(octets: ndarray, state: int) -> int:
    for octet in octets.tobytes():
        state = _ENTRIES[(state ^ octet) & 0xFF] ^ (state >> 8)
    return state


def _shift_of(length: int) -> UInt32[ndarray, "32"]:
    """The linear map of `length` zero bytes: what each bit of a remainder becomes."""
    result = np.uint32(1) << np.arange(32, dtype=np.uint32)
    one_byte = _TABLE[result & 0xFF] ^ (result >> np.uint32(8))
    while length:
        if length & 1:
            result = _apply(one_byte, result)
        one_byte = _apply(one_byte, one_byte)
        length >>= 1
    return result


def _apply(images: UInt32[ndarray, "32"], states: UInt32[ndarray, " S"]) -> UInt32[ndarray, " S"]:
    """A linear map, given by the images of the 32 bits, on many remainders."""
    bits = (states[:, None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
    return np.bitwise_xor.reduce(np.where(bits != 0, images, np.uint32(0)), axis=1).astype(np.uint32)
