"""What every file format holds, and what several of them do with it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int8, Int64, UInt8
from numpy import ndarray
from scipy import special

from core.ply import SplatArrays
from scene.cameras import Cameras

ROWS_AT_ONCE = 16_384
"""Gaussians that are packed together: what is made on the way to a file stays small beside the scene."""

# Signs of the spherical harmonics when y and z change theirs: a function changes with the number of factors y
# and z in it. In the order of `core.sh`.
_MIRRORED = np.array([1, -1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1], np.int8)
_QUARTER_STEP = 0.25 / 255


@dataclass(frozen=True)
class GaussianScene:
    """Gaussians and what a page that shows them knows beside.

    Args:
        splats: the Gaussians, raw.
        antialiased: whether they were trained with antialiasing, and should be drawn with it.
        white: white, not black, behind them.
        title: of the scene.
        cameras: places to look from.
        names: of these.
        start: the row of the camera that comes first.
    """

    splats: SplatArrays
    antialiased: bool = False
    white: bool = False
    title: str = ""
    cameras: Cameras | None = None
    names: tuple[str, ...] = ()
    start: int = 0

    def __len__(self) -> int:
        return len(self.splats.means)


def blocks(count: int, size: int = ROWS_AT_ONCE) -> Iterator[slice]:
    """Slices of at most `size` rows that cover `count` rows."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def take(splats: SplatArrays, rows: slice | Int64[ndarray, " M"]) -> SplatArrays:
    """Some of the Gaussians."""
    return SplatArrays(*(table[rows] for table in splats))


def empty(count: int, degree: int) -> SplatArrays:
    """Tables for `count` Gaussians, to be filled."""
    shapes = (3,), (4,), (3,), (), ((degree + 1) ** 2, 3)
    return SplatArrays(*(np.empty((count, *shape), np.float32) for shape in shapes))


def degree_of(splats: SplatArrays) -> int:
    """Of the spherical harmonics that are stored, 0 to 3."""
    return int(np.sqrt(splats.sh.shape[1])) - 1


def turned(splats: SplatArrays) -> SplatArrays:
    """The Gaussians after half a turn about the x axis.

    It leads from x right, y down, z forward to x right, y up, z backward, and back again.
    """
    signs = np.array([1, -1, -1], np.float32)
    mirrored: Int8[ndarray, " K"] = _MIRRORED[: splats.sh.shape[1]]
    return SplatArrays(
        splats.means * signs,
        splats.quats * np.array([1, 1, -1, -1], np.float32),
        splats.log_scales,
        splats.logit_opacities,
        splats.sh * mirrored[:, None].astype(np.float32),
    )


def unit(quats: Float32[ndarray, "M 4"]) -> Float64[ndarray, "M 4"]:
    """Quaternions of length one; one without a length turns nothing."""
    lengths = np.linalg.norm(quats.astype(np.float64), axis=1, keepdims=True)
    identity = np.array([1.0, 0, 0, 0])
    return np.where(lengths > 0, quats / np.where(lengths > 0, lengths, 1), identity)


def in_bytes(values: Float64[ndarray, "*shape"] | Float32[ndarray, "*shape"]) -> UInt8[ndarray, "*shape"]:
    """The nearest numbers from 0 to 255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def opacity_bytes(logits: Float32[ndarray, " M"]) -> UInt8[ndarray, " M"]:
    """Opacities in 255ths."""
    return in_bytes(255 * special.expit(logits.astype(np.float64)))


def logits_of_bytes(opacities: UInt8[ndarray, " M"]) -> Float32[ndarray, " M"]:
    """Logits of opacities in 255ths; those of 0 and 255 are finite, a quarter of a step inside."""
    inside = np.clip(opacities / 255, _QUARTER_STEP, 1 - _QUARTER_STEP)
    return special.logit(inside).astype(np.float32)
