"""Tileable noise on a square grid; rows run along v (down), columns along u (right)."""

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int64
from numpy import ndarray

Generator = np.random.Generator


def grid(size: int) -> tuple[Float32[ndarray, "S S"], Float32[ndarray, "S S"]]:
    """U and v in [0, 1) at the texel centres."""
    centers = (np.arange(size, dtype=np.float32) + 0.5) / size
    u, v = np.meshgrid(centers, centers)
    return u, v


def value_noise(rng: Generator, size: int, cells: tuple[int, int]) -> Float32[ndarray, "S S"]:
    """Smooth noise in [0, 1]: random values at a lattice of `cells` (along u, along v), joined by cubics."""
    across, down = (min(count, size) for count in cells)
    lattice = rng.random((down, across), np.float32)
    border = 3
    # The lattice repeats beyond its edges, so that the cubic is the same on both sides of the tile's seam.
    padded = np.pad(lattice, border, mode="wrap")
    x = (np.arange(size, dtype=np.float32) + 0.5) * (across / size) + (border - 0.5)
    y = (np.arange(size, dtype=np.float32) + 0.5) * (down / size) + (border - 0.5)
    smooth = cv2.remap(padded, *np.meshgrid(x, y), cv2.INTER_CUBIC)
    return np.clip(smooth, 0, 1).astype(np.float32)


def fbm(
    rng: Generator, size: int, cells: tuple[int, int] = (4, 4), octaves: int = 5, gain: float = 0.5
) -> Float32[ndarray, "S S"]:
    """Fractal noise in [0, 1] about 0.5: octaves of `value_noise`, each twice as fine and weaker by `gain`.

    Args:
        rng: where the numbers come from.
        size: texels a side.
        cells: lattice points of the first octave along u and v.
        octaves: how many; those finer than a texel add nothing to the first and are left out.
        gain: strength of an octave relative to the one before.
    """
    total = np.zeros((size, size), np.float32)
    weight = 0.0
    for octave in range(octaves):
        fine = (cells[0] << octave, cells[1] << octave)
        if octave and min(fine) > size:
            break
        total += gain**octave * value_noise(rng, size, fine)
        weight += gain**octave
    total /= weight
    return np.clip(0.5 + (total - 0.5) * np.float32(1.6), 0, 1)


def pebbles(
    rng: Generator, size: int, cells: int, jitter: float = 0.9
) -> tuple[Float32[ndarray, "S S"], Int64[ndarray, "S S"]]:
    """Rounded cells about scattered points.

    Args:
        rng: where the numbers come from.
        size: texels a side.
        cells: points along each side of the tile.
        jitter: how far points leave a regular grid, in cells.

    Returns:
        Distance to the nearest cell border in cells (0 on the border), and the cell's number.

    Source: S. Worley, "A cellular texture basis function", SIGGRAPH 1996.
    """
    u, v = grid(size)
    shift = (rng.random((2, cells, cells), np.float32) - np.float32(0.5)) * np.float32(jitter)
    x, y = u * cells, v * cells
    column, row = np.floor(x), np.floor(y)
    nearest = np.full((size, size), np.inf, np.float32)
    second = nearest.copy()
    number = np.zeros((size, size), np.int64)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            i, j = (row.astype(np.int64) + dy) % cells, (column.astype(np.int64) + dx) % cells
            half = np.float32(0.5)
            distance = np.hypot(column + dx + half + shift[0, i, j] - x, row + dy + half + shift[1, i, j] - y)
            closer = distance < nearest
            second = np.where(closer, nearest, np.minimum(second, distance))
            nearest = np.where(closer, distance, nearest)
            number = np.where(closer, i * cells + j, number)
    return second - nearest, number


def courses(
    size: int, rows: int, columns: int, shift: float = 0.5, warp: Float32[ndarray, "S S"] | None = None
) -> tuple[Float32[ndarray, "S S"], Float32[ndarray, "S S"], Int64[ndarray, "S S"]]:
    """Rows of equal blocks, each row shifted against the one above: bricks, slabs, planks, shingles.

    Args:
        size: texels a side.
        rows: rows a tile; even where `shift` is half a block, so that the tile repeats.
        columns: blocks a row.
        shift: of every other row, in blocks.
        warp: added to both coordinates, in blocks: makes edges uneven.

    Returns:
        Position in the block along u and along v, each in [0, 1), and the block's number.
    """
    u, v = grid(size)
    x, y = u * columns, v * rows
    if warp is not None:
        x, y = x + warp * (columns / rows), y + warp
    row = np.floor(y).astype(np.int64)
    x = x + np.float32(shift) * (row % 2).astype(np.float32)
    column = np.floor(x).astype(np.int64)
    number = (row % rows) * columns + column % columns
    return x - np.floor(x), y - np.floor(y), number


def edge_distance(
    x: Float32[ndarray, "S S"], y: Float32[ndarray, "S S"], width_m: float, height_m: float
) -> Float32[ndarray, "S S"]:
    """Distance in metres to the nearest edge of a block of the given size, from positions in [0, 1)."""
    return np.minimum(np.minimum(x, 1 - x) * np.float32(width_m), np.minimum(y, 1 - y) * np.float32(height_m))


def smoothstep(low: float, high: float, x: Float[ndarray, "..."]) -> Float32[ndarray, "..."]:
    """0 below `low`, 1 above `high`, a cubic between; falls instead where `low` > `high`."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)
