"""TFRecord files: `u64 length, u32 crc(length), data, u32 crc(data)`, little-endian, checksums masked."""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from core.errors import UserError
from core.files import atomic_write, explain
from scene.datasets.waymo.crc32c import crc32c

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_MASK = 0xA282EAD8


def read_records(path: Path) -> Iterator[bytes]:
    """The records of a file, one at a time, each checked.

    Raises:
        UserError: the file cannot be read, is cut off, or a checksum does not hold; the record is named.
    """
    try:
        with path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size
            number = 0
            while left:
                record = _next_record(file, left, f"{path}, record {number}")
                yield record
                left -= _HEADER.size + len(record) + _FOOTER.size
                number += 1
    except OSError as error:
        raise explain(error, path, "read") from error


def write_records(path: Path, records: Iterable[bytes]) -> None:
    """Write a file of records, whole or not at all.

    Raises:
        UserError: it cannot be written.
    """
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        for record in records:
            length = struct.pack("<Q", len(record))
            file.write(length + _FOOTER.pack(masked_crc(length)))
            file.write(record)
            file.write(_FOOTER.pack(masked_crc(record)))


def masked_crc(data: bytes) -> int:
    """The checksum as it is stored: rotated and offset, so that data may hold checksums itself."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def _next_record(file: IO[bytes], left: int, where: str) -> bytes:
    """The next record of a file that has `left` bytes to go."""
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise UserError(f"{where}: the file is cut off in the header of the record; fetch it again")
    length, length_crc = _HEADER.unpack(header)
    if masked_crc(header[:8]) != length_crc:
        raise UserError(
            f"{where}: the checksum of its length does not hold; a TFRecord file without compression was "
            "expected, fetch it again"
        )
    if length + _HEADER.size + _FOOTER.size > left:
        raise UserError(
            f"{where}: the file is cut off, {length} bytes were announced and "
            f"{max(0, left - _HEADER.size)} follow; fetch it again"
        )
    data = file.read(length)
    if masked_crc(data) != _FOOTER.unpack(file.read(_FOOTER.size))[0]:
        raise UserError(f"{where}: its checksum (CRC-32C) does not hold, the file is damaged; fetch it again")
    return data
