"""Rotations come back within what their bits allow."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.viewer.formats.scenes import angles
from viewer.formats.quaternions import pack_even, pack_signed, unpack_even, unpack_first_three, unpack_signed

SIGNED, EVEN = (pack_signed, unpack_signed), (pack_even, unpack_even)

# Three numbers, each wrong by half a step at most; the fourth, at least 1/2, by as much as they pull at it.
# An angle is twice the distance of the quaternions, and the fourth number adds less than the three have.
HALF_STEPS = {"signed": np.sqrt(0.5) / 511 / 2, "even": np.sqrt(2) / 1023 / 2}


def quaternions() -> np.ndarray:
    random = np.random.default_rng(3).normal(size=(2000, 4))
    special = [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, -1, 0],
        [0, 0, 0, -2],
        [1, 1, 1, 1],
        [-1, 1, -1, 1],
        [1, -1, 0, 0],
    ]
    return np.concatenate([random, np.array(special)]).astype(np.float32)


@pytest.mark.parametrize(("name", "way"), [("signed", SIGNED), ("even", EVEN)], ids=["signed", "even"])
def test_rotations_come_back(name: str, way: tuple[Callable, Callable]) -> None:
    pack, unpack = way
    quats = quaternions()
    packed = pack(quats)
    assert packed.dtype == np.uint32
    back = unpack(packed)
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)
    assert angles(quats, back).max() < 2 * np.sqrt(3 + 9) * HALF_STEPS[name]


@pytest.mark.parametrize(("pack", "unpack"), [SIGNED, EVEN])
def test_packing_what_was_unpacked_changes_nothing(pack: Callable, unpack: Callable) -> None:
    """But where two numbers are about as large, and the other one may be left out the second time."""
    once = unpack(pack(quaternions()))
    apart = angles(once, unpack(pack(once)))
    assert np.median(apart) == 0
    assert apart.max() < 0.002


@pytest.mark.parametrize("pack", [pack_signed, pack_even])
def test_a_quaternion_and_its_negative_are_one_rotation(pack: Callable) -> None:
    quats = quaternions()[:2000]
    np.testing.assert_array_equal(pack(quats), pack(-quats))


def test_the_highest_bits_say_which_was_largest() -> None:
    quats = np.eye(4, dtype=np.float32)[[2, 0, 3, 1]]
    for pack in (pack_signed, pack_even):
        np.testing.assert_array_equal(pack(quats) >> np.uint32(30), [2, 0, 3, 1])


def test_three_bytes_of_the_second_version() -> None:
    quats = quaternions()
    units = quats / np.linalg.norm(quats, axis=1, keepdims=True)
    units = units * np.where(units[:, 3:] < 0, -1, 1)  # x, y, z, w
    data = np.rint((units[:, :3] + 1) * 127.5).astype(np.uint8)
    back = unpack_first_three(data)
    assert (back[:, 3] >= 0).all()
    # Where w is nearly nothing it is known badly: the angle is as good as the square root of a step.
    assert angles(units, back).max() < 4 * np.sqrt(2 / 255)
    assert np.median(angles(units, back)) < 2 / 127.5
