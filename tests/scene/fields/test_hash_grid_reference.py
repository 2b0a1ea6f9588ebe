"""The reference of the hash grid is the formula, and its gradients are its own."""

import itertools
import math

import numpy as np
import pytest
import torch

from scene.fields import hash_grid_reference as reference


def by_loops(
    x: np.ndarray, tables: np.ndarray, resolutions: list[list[int]], offsets: list[int]
) -> list[float]:
    """Features of one point: the paper's formula, corner by corner."""
    features = []
    for cells, first, end in zip(resolutions, offsets[:-1], offsets[1:], strict=True):
        vertices, total = math.prod(count + 1 for count in cells), np.zeros(tables.shape[1])
        position = [value * count for value, count in zip(np.clip(x, 0, 1), cells, strict=True)]
        cell = [min(math.floor(value), count - 1) for value, count in zip(position, cells, strict=True)]
        for corner in itertools.product((0, 1), repeat=len(cells)):
            at = [low + up for low, up in zip(cell, corner, strict=True)]
            weight = math.prod(1 - abs(value - vertex) for value, vertex in zip(position, at, strict=True))
            if vertices <= end - first:
                row = sum(v * math.prod(n + 1 for n in cells[:axis]) for axis, v in enumerate(at))
            else:
                row = 0
                for vertex, prime in zip(at, (1, 2654435761, 805459861, 3674653429), strict=False):
                    row ^= vertex * prime
                row %= end - first
            total += weight * tables[first + row]
        features.extend(total)
    return features


@pytest.mark.parametrize("axes", [3, 4])
def test_the_reference_is_the_formula(axes: int) -> None:
    cells = [row[:axes] for row in ([3, 2, 2, 1], [9, 8, 7, 6], [900, 700, 650, 25])]
    offsets = reference.level_offsets(cells, 7)
    x = 1.3 * torch.rand(20, axes, dtype=torch.float64) - 0.15
    x[0], x[1] = 0.0, 1.0
    tables = torch.randn(offsets[-1], 2, dtype=torch.float64)
    found = reference.hash_grid(x, tables, torch.tensor(cells, dtype=torch.int32), torch.tensor(offsets))
    expected = [by_loops(point, tables.numpy(), cells, offsets) for point in x.numpy()]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-10)


def test_gradients_of_the_reference() -> None:
    cells = [[2, 3, 2, 2], [11, 9, 8, 3]]
    offsets = torch.tensor(reference.level_offsets(cells, 7))
    x = torch.rand(6, 4, dtype=torch.float64, requires_grad=True)
    tables = torch.randn(int(offsets[-1]), 2, dtype=torch.float64, requires_grad=True)
    resolutions = torch.tensor(cells, dtype=torch.int32)
    assert torch.autograd.gradcheck(lambda *a: reference.hash_grid(*a, resolutions, offsets), (x, tables))


def test_levels_are_numbered_while_they_fit() -> None:
    offsets = reference.level_offsets([[1, 1, 1, 1], [3, 3, 3, 3], [4, 3, 3, 3]], 8)
    assert offsets == [0, 16, 272, 528]
