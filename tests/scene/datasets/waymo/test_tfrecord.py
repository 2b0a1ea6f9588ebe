from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from scene.datasets.waymo.crc32c import crc32c
from scene.datasets.waymo.tfrecord import masked_crc, read_records, write_records

RECORDS = [b"first", b"", bytes(range(256)) * 300]


def bitwise(data: bytes) -> int:
    state = 0xFFFFFFFF
    for octet in data:
        state ^= octet
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)],
)
def test_published_checksums(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


@given(st.binary(min_size=1, max_size=40), st.sampled_from([1, 411, 1023]))
def test_checksums_of_any_length(data: bytes, repeats: int) -> None:
    data = data * repeats
    assert crc32c(data) == bitwise(data)


def test_masking_is_undone_by_its_inverse() -> None:
    unmasked = (masked_crc(b"foo") - 0xA282EAD8) & 0xFFFFFFFF
    assert ((unmasked >> 17) | (unmasked << 15)) & 0xFFFFFFFF == crc32c(b"foo")


def test_round_trip(tmp_path: Path) -> None:
    write_records(tmp_path / "a.tfrecord", RECORDS)
    assert list(read_records(tmp_path / "a.tfrecord")) == RECORDS


@pytest.mark.parametrize("kept", [5, 12, 14, 21, 30, 40])
def test_a_file_that_is_cut_off_is_told(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.tfrecord"
    write_records(path, RECORDS)
    path.write_bytes(path.read_bytes()[:kept])
    number = 0 if kept < 21 else 1 if kept < 37 else 2
    if kept == 21:
        assert list(read_records(path)) == RECORDS[:1]
        return
    with pytest.raises(UserError, match=f"record {number}: the file is cut off"):
        list(read_records(path))


def test_a_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def records() -> object:
        yield b"first"
        raise UserError("no second")

    with pytest.raises(UserError, match="no second"):
        write_records(tmp_path / "a.tfrecord", records())  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("place", "number"), [(0, 0), (3, 0), (9, 0), (13, 0), (18, 0), (21, 1), (60, 2)])
def test_a_flipped_bit_is_found_and_its_record_named(tmp_path: Path, place: int, number: int) -> None:
    path = tmp_path / "a.tfrecord"
    write_records(path, RECORDS)
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)
    with pytest.raises(UserError, match=f"record {number}: .*checksum"):
        list(read_records(path))
