"""The hash grid in plain torch, on any device and in any dtype: the specification and the oracle."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int32, Int64
from torch import Tensor
from torch.nn import functional as F

PRIMES = (1, 2654435761, 805459861, 3674653429)
ROW_ALIGNMENT = 8
"""Levels begin at multiples of so many rows, for whole cache lines."""


def level_offsets(resolutions: Sequence[Sequence[int]], log2_rows: int) -> list[int]:
    """First row of each level, then the number of all rows.

    A level has a row for each of its vertices while they are at most 2^log2_rows, and else 2^log2_rows.

    Args:
        resolutions: cells of each level along each axis.
        log2_rows: binary logarithm of the most rows of a level.
    """
    offsets = [0]
    for cells in resolutions:
        vertices = math.prod(count + 1 for count in cells)
        aligned = -(-vertices // ROW_ALIGNMENT) * ROW_ALIGNMENT
        offsets.append(offsets[-1] + (aligned if vertices <= 2**log2_rows else 2**log2_rows))
    return offsets


def hash_grid(
    x: Float[Tensor, "N D"],
    tables: Float[Tensor, "R F"],
    resolutions: Int32[Tensor, "L D"],
    offsets: Int64[Tensor, " L1"],
    *,
    sparse: bool = False,
) -> Float[Tensor, "N LF"]:
    """Multilinear interpolation of features at the vertices of L grids; see `splat_kernels.hash_grid`.

    Args:
        x: points; [0, 1] spans the box along each axis.
        tables: of all levels, one after the other.
        resolutions: cells of each level along each axis.
        offsets: first row of each level, then R.
        sparse: whether the tables' gradient is a sparse tensor.

    Source: Müller et al., "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding", 2022,
    section 3 and eq. 4.
    """
    cells = resolutions.to(x)
    position = x.clamp(0, 1)[:, None] * cells  # [N, L, D]
    # A point that is no number gets a cell, so that looking it up is safe, and weights that are none.
    cell = position.detach().nan_to_num().floor().minimum(cells - 1)
    place = position - cell
    corners = torch.cartesian_prod(*[torch.arange(2, device=x.device)] * x.shape[1])  # [2^D, D]
    vertices = cell.long()[:, :, None] + corners  # [N, L, 2^D, D]
    weights = torch.where(corners.bool(), place[:, :, None], 1 - place[:, :, None]).prod(dim=-1)
    rows = _rows(vertices, resolutions.long(), offsets)
    features = F.embedding(rows, tables, sparse=sparse)  # [N, L, 2^D, F]
    return (weights[..., None] * features).sum(dim=2).flatten(1)


def _rows(
    vertices: Int64[Tensor, "N L C D"], resolutions: Int64[Tensor, "L D"], offsets: Int64[Tensor, " L1"]
) -> Int64[Tensor, "N L C"]:
    """The row of every vertex: numbered with the first axis fastest where a level has room, else hashed."""
    counts, rows = resolutions + 1, offsets.diff()
    strides = torch.cat([torch.ones_like(counts[:, :1]), counts[:, :-1].cumprod(dim=1)], dim=1)
    numbered = (vertices * strides[:, None]).sum(dim=-1)
    hashed = torch.zeros_like(numbered)
    for axis, prime in enumerate(PRIMES[: vertices.shape[-1]]):
        hashed ^= vertices[..., axis] * prime
    # Level by level in Python numbers: vertices of a fine level are more than 64 bits count.
    dense = [math.prod(row) <= size for row, size in zip(counts.tolist(), rows.tolist(), strict=True)]
    is_dense = torch.tensor(dense, device=vertices.device)[:, None]
    return offsets[:-1, None] + torch.where(is_dense, numbered, hashed & (rows[:, None] - 1))
