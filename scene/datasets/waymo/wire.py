"""Protocol Buffers, as far as a data set needs them: a message is a table of fields, its content a dict.

A reader skips what its table does not list, and takes repeated numbers packed or not; a writer follows the
table.

Source: https://protobuf.dev/programming-guides/encoding.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy import ndarray

Scalar = Literal["int", "double", "float", "string", "bytes"]
Content = dict[str, Any]

_VARINT, _I64, _LENGTH, _I32 = 0, 1, 2, 5
_WIRE_TYPES: dict[Scalar, int] = {
    "int": _VARINT, "double": _I64, "float": _I32, "string": _LENGTH, "bytes": _LENGTH,
}  # fmt: skip
_DTYPES = {"double": np.dtype("<f8"), "float": np.dtype("<f4")}


class WireError(ValueError):
    """The bytes are no message of the expected kind."""


@dataclass(frozen=True)
class Field:
    """One field of a message.

    Args:
        number: its tag.
        kind: of its values; another message's table for an embedded one.
        repeated: whether it is a list; arrays for floating-point numbers.
        packed: whether a list of numbers is written as one block.
    """

    number: int
    kind: "Scalar | Message"
    repeated: bool = False
    packed: bool = False


@dataclass(frozen=True, eq=False)
class Message:
    """The table of a message: its fields by name."""

    name: str
    fields: Mapping[str, Field]


def decode(message: Message, data: bytes | memoryview) -> Content:
    """The content of a message. A listed field that was not sent is None, or empty if repeated.

    Raises:
        WireError: the bytes are cut off, or a field is of another kind.
    """
    names = {field.number: name for name, field in message.fields.items()}
    content: Content = {name: [] if field.repeated else None for name, field in message.fields.items()}
    for number, wire_type, value in _tagged(memoryview(data), message.name):
        name = names.get(number)
        if name is None:
            continue
        field = message.fields[name]
        where = f"{message.name}.{name}"
        if not field.repeated:
            content[name] = _value(field.kind, wire_type, value, where)
        elif wire_type == _LENGTH and field.kind in _DTYPES:
            content[name] = np.append(content[name], _floats(field.kind, value, where))
        elif wire_type == _LENGTH and field.kind == "int":
            content[name].extend(_ints(value, where))
        else:
            content[name].append(_value(field.kind, wire_type, value, where))
    return content


def encode(message: Message, content: Mapping[str, Any]) -> bytes:
    """The bytes of a message. What is None or not given is not sent.

    Raises:
        KeyError: the message has no such field.
    """
    parts: list[bytes] = []
    for name, given in content.items():
        field = message.fields[name]
        if given is None:
            continue
        if field.packed and len(given):
            block = _packed(field.kind, given)
            parts += [_tag(field.number, _LENGTH), _varint(len(block)), block]
            continue
        for value in given if field.repeated else [given]:
            parts += _encoded(field, value)
    return b"".join(parts)


def _tagged(data: memoryview, where: str) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and raw value of each field that was sent."""
    place = 0
    while place < len(data):
        tag, place = _read_varint(data, place, where)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, place = _read_varint(data, place, where)
            yield number, wire_type, value
            continue
        if wire_type == _LENGTH:
            size, place = _read_varint(data, place, where)
        elif wire_type in (_I64, _I32):
            size = 8 if wire_type == _I64 else 4
        else:
            raise WireError(f"{where} holds a field of wire type {wire_type}")
        if place + size > len(data):
            raise WireError(f"{where} is cut off in field {number}")
        yield number, wire_type, data[place : place + size]
        place += size


def _read_varint(data: memoryview, place: int, where: str) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if place >= len(data):
            raise WireError(f"{where} is cut off")
        octet = data[place]
        place += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, place
        shift += 7
    raise WireError(f"{where} holds a number of more than 64 bits")


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _value(kind: Scalar | Message, wire_type: int, value: Any, where: str) -> Any:
    expected = _LENGTH if isinstance(kind, Message) else _WIRE_TYPES[kind]
    if wire_type != expected:
        raise WireError(f"{where} has wire type {wire_type} where {expected} was expected")
    if isinstance(kind, Message):
        return decode(kind, value)
    if kind == "int":
        return _signed(value)
    if kind in _DTYPES:
        return struct.unpack("<d" if kind == "double" else "<f", value)[0]
    if kind == "bytes":
        return bytes(value)
    try:
        return bytes(value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError(f"{where} is no text") from error


def _floats(kind: Any, block: memoryview, where: str) -> ndarray:
    dtype = _DTYPES[kind]
    if len(block) % dtype.itemsize:
        raise WireError(f"{where} is cut off")
    return np.frombuffer(block, dtype)


def _ints(block: memoryview, where: str) -> list[int]:
    values, place = [], 0
    while place < len(block):
        value, place = _read_varint(block, place, where)
        values.append(_signed(value))
    return values


def _packed(kind: Scalar | Message, values: Any) -> bytes:
    if isinstance(kind, str) and kind in _DTYPES:
        return np.ascontiguousarray(values, _DTYPES[kind]).tobytes()
    return b"".join(_varint(int(value)) for value in values)


def _encoded(field: Field, value: Any) -> list[bytes]:
    kind = field.kind
    if kind == "int":
        return [_tag(field.number, _VARINT), _varint(int(value))]
    if kind == "double":
        return [_tag(field.number, _I64), struct.pack("<d", value)]
    if kind == "float":
        return [_tag(field.number, _I32), struct.pack("<f", value)]
    if isinstance(kind, Message):
        value = encode(kind, value)
    elif kind == "string":
        value = value.encode("utf-8")
    return [_tag(field.number, _LENGTH), _varint(len(value)), value]


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)
