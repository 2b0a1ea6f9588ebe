"""Rotary embedding: the law it exists for, a naive loop, stored numbers."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dynamic_predictor.network.rope import (
    partners_adjacent,
    patch_positions,
    rotary,
    rotate,
    rotate_adjacent,
)

PLACES = st.tuples(st.integers(0, 40), st.integers(0, 40))


def turned(vector: torch.Tensor, place: tuple[int, int]) -> torch.Tensor:
    by = rotary(torch.tensor([place]), vector.shape[0], torch.float64)
    return rotate(vector[None, None, None], by)[0, 0, 0]


@given(PLACES, PLACES, PLACES)
def test_products_depend_on_relative_places(
    first: tuple[int, int], second: tuple[int, int], shift: tuple[int, int]
) -> None:
    query, key = torch.randn(2, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    moved = [(place[0] + shift[0], place[1] + shift[1]) for place in (first, second)]
    here = turned(query, first) @ turned(key, second)
    there = turned(query, moved[0]) @ turned(key, moved[1])
    torch.testing.assert_close(here, there, rtol=0, atol=1e-4)  # angles of 80 rad in float32


@given(PLACES)
def test_lengths_stay_and_the_origin_turns_nothing(place: tuple[int, int]) -> None:
    vector = torch.arange(1.0, 17.0, dtype=torch.float64)
    torch.testing.assert_close(turned(vector, place).norm(), vector.norm())
    torch.testing.assert_close(turned(vector, (0, 0)), vector, rtol=0, atol=0)


def test_rows_turn_the_first_half_and_columns_the_second() -> None:
    vector = torch.ones(16, dtype=torch.float64)
    down, right = turned(vector, (3, 0)), turned(vector, (0, 3))
    torch.testing.assert_close(down[8:], vector[8:])
    torch.testing.assert_close(right[:8], vector[:8])
    torch.testing.assert_close(down[:8], right[8:])


def test_a_naive_loop_agrees() -> None:
    vector = torch.randn(64, dtype=torch.float64)
    place = (5, 9)
    expected = vector.clone()
    for axis in range(2):
        for k in range(16):
            angle = place[axis] * 100 ** (-k / 16)
            a, b = vector[32 * axis + k], vector[32 * axis + 16 + k]
            expected[32 * axis + k] = a * math.cos(angle) - b * math.sin(angle)
            expected[32 * axis + 16 + k] = a * math.sin(angle) + b * math.cos(angle)
    torch.testing.assert_close(turned(vector, place), expected, rtol=0, atol=1e-5)


def test_places_go_row_by_row() -> None:
    assert patch_positions(2, 3).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]


def test_vectors_of_half_precision_are_turned_in_that_of_the_angles() -> None:
    vectors = torch.randn(1, 2, 6, 16).to(torch.bfloat16)
    by = rotary(patch_positions(2, 3), 16)
    expected = rotate(vectors.float(), by).to(torch.bfloat16)
    assert torch.equal(rotate(vectors, by), expected)


def test_channels_come_in_fours() -> None:
    with pytest.raises(ValueError, match="no multiple of 4"):
        rotary(patch_positions(1, 1), 6)


@pytest.mark.parametrize("width", [16, 64])
@pytest.mark.parametrize(
    ("dtype", "kind", "tolerance"), [(torch.float64, "f64", 1e-12), (torch.float32, "f32", 1e-6)]
)
def test_original_numbers(golden: Path, width: int, dtype: torch.dtype, kind: str, tolerance: float) -> None:
    flat = torch.arange(2 * 2 * 6 * width, dtype=torch.float64)
    inputs = {"q": (0.7 * flat + 0.3).sin(), "k": (0.9 * flat - 0.2).cos()}
    with np.load(golden / "das3r" / "rope.npz") as stored:
        for name, values in inputs.items():
            for image, places in enumerate(stored["pos"]):
                by = rotary(torch.from_numpy(places), width, dtype)
                vectors = values.reshape(2, 2, 6, width)[image : image + 1].to(dtype)
                expected = stored[f"D{width}_{name}_out_{kind}"][image : image + 1]
                np.testing.assert_allclose(rotate(vectors, by), expected, rtol=0, atol=tolerance)


@given(st.lists(PLACES, min_size=1, max_size=5), st.sampled_from([4, 8, 64]))
def test_with_partners_side_by_side_it_is_the_same_rotation(
    places: list[tuple[int, int]], head_dim: int
) -> None:
    by = rotary(torch.tensor(places), head_dim, torch.float64)
    vectors = torch.randn(2, 3, len(places), head_dim, dtype=torch.float64)
    order = partners_adjacent(head_dim)
    assert sorted(order.tolist()) == list(range(head_dim))
    torch.testing.assert_close(rotate_adjacent(vectors[..., order], by), rotate(vectors, by)[..., order])
