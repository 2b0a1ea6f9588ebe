from contextlib import suppress

import numpy as np
import pytest
from google.protobuf import struct_pb2, wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st

from scene.datasets.waymo.wire import Field, Message, WireError, decode, encode

INNER = Message("Inner", {"name": Field(1, "string"), "values": Field(2, "double", repeated=True)})
OUTER = Message(
    "Outer",
    {
        "number": Field(1, "int"),
        "ratio": Field(2, "float"),
        "blob": Field(20, "bytes"),
        "inner": Field(4, INNER, repeated=True),
        "block": Field(5, "float", repeated=True, packed=True),
        "counts": Field(6, "int", repeated=True, packed=True),
    },
)

inners = st.fixed_dictionaries(
    {"name": st.text(max_size=5), "values": st.lists(st.floats(allow_nan=False), max_size=3)}
)
outers = st.fixed_dictionaries(
    {
        "number": st.integers(-(2**63), 2**63 - 1),
        "ratio": st.floats(width=32, allow_nan=False),
        "blob": st.binary(max_size=300),
        "inner": st.lists(inners, max_size=3),
        "block": st.lists(st.floats(width=32, allow_nan=False), max_size=5),
        "counts": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    }
)


@given(outers)
def test_what_is_written_is_read(content: dict[str, object]) -> None:
    found = decode(OUTER, encode(OUTER, content))
    assert np.array_equal(found.pop("block"), np.array(content.pop("block"), np.float32))
    assert found == content


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_those_of_protobuf(value: int) -> None:
    message = Message("Int64Value", {"value": Field(1, "int")})
    theirs = wrappers_pb2.Int64Value(value=value).SerializeToString()
    assert decode(message, theirs)["value"] == (value or None)
    assert encode(message, {"value": value or None}) == theirs


def test_embedded_messages_are_those_of_protobuf() -> None:
    value = Message("Value", {"number": Field(2, "double"), "text": Field(3, "string")})
    values = Message("ListValue", {"values": Field(1, value, repeated=True)})
    theirs = struct_pb2.ListValue()
    theirs.extend([1.5, "straße", -2e300])
    found = decode(values, theirs.SerializeToString())["values"]
    assert [entry["number"] or entry["text"] for entry in found] == [1.5, "straße", -2e300]
    sent = [{key: entry[key] for key in entry} for entry in found]
    assert encode(values, {"values": sent}) == theirs.SerializeToString()


def test_what_was_not_sent_is_none_or_empty_and_what_is_unknown_is_skipped() -> None:
    other = Message("Other", {"x": Field(7, "int"), "y": Field(8, "double"), "z": Field(9, "bytes")})
    found = decode(OUTER, encode(other, {"x": 5, "y": 2.0, "z": b"abc"}))
    assert found == {"number": None, "ratio": None, "blob": None, "inner": [], "block": [], "counts": []}


@given(outers, st.data())
def test_any_bytes_are_read_or_refused(content: dict[str, object], data: st.DataObject) -> None:
    whole = encode(OUTER, content)
    cut = whole[: data.draw(st.integers(0, len(whole)))] + data.draw(st.binary(max_size=4))
    with suppress(WireError):  # and no other error
        assert set(decode(OUTER, cut)) == set(OUTER.fields)


def test_a_field_of_another_kind_is_refused() -> None:
    other = Message("Other", {"x": Field(1, "double")})
    with pytest.raises(WireError, match=r"Outer\.number"):
        decode(OUTER, encode(other, {"x": 5.0}))
