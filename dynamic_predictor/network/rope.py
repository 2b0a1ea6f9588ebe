"""Rotary position embedding of patches: half of a head's channels turn with the row, half with the column.

Source: J. Su et al., RoFormer (2021), eq. 15 and 34; in two dimensions P. Weinzaepfel et al., CroCo v2
(ICCV 2023).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

BASE = 100.0
"""Ratio of the fastest frequency to the one after the slowest."""


@dataclass(frozen=True)
class Rotary:
    """Cosines and sines that turn the queries and keys of one image's patches.

    Args:
        cosines: of the angle by which each channel of each token turns.
        sines: of the angle of each token, axis (row, column) and frequency.
        turns: cosine + i sine of each pair of channels.
    """

    cosines: Float[Tensor, "T D"]
    sines: Float[Tensor, "T 2 F"]
    turns: Complex[Tensor, "T pairs"]


def patch_positions(rows: int, columns: int, device: torch.device | str = "cpu") -> Int[Tensor, "T 2"]:
    """(row, column) of each patch in the order of the tokens, row by row."""
    grid = torch.meshgrid(
        torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij"
    )
    return torch.stack(grid, dim=-1).reshape(rows * columns, 2)


def rotary(positions: Int[Tensor, "T 2"], head_dim: int, dtype: torch.dtype = torch.float32) -> Rotary:
    """Angle = position x 100^(-k / F) for the F = head_dim / 4 frequencies k.

    The angles are computed in float32 whatever the dtype, as the published weights were trained with.

    Raises:
        ValueError: `head_dim` is no multiple of 4.
    """
    if head_dim % 4:
        raise ValueError(f"head_dim {head_dim} is no multiple of 4: two axes, and pairs of channels on each")
    steps = torch.arange(0, head_dim // 2, 2, dtype=torch.float32, device=positions.device)
    frequencies = 1.0 / BASE ** (steps / (head_dim // 2))
    angles = (positions.to(torch.float32)[..., None] * frequencies).to(dtype)
    # Partners turn by one angle: each axis has its frequencies twice.
    cosines, sines = angles.cos(), angles.sin()
    turns = torch.complex(cosines, sines).flatten(1)
    return Rotary(cosines[:, :, None].expand(-1, -1, 2, -1).flatten(1), sines, turns)


def rotate(vectors: Float[Tensor, "*batch T D"], by: Rotary) -> Float[Tensor, "*batch T D"]:
    """Each channel k of an axis and its partner k + F, turned by the angle of that axis and frequency.

    Computed in the dtype of the angles and returned in that of the vectors.
    """
    turned = vectors * by.cosines
    # Axis by axis in place: the whole at once would be strided, and take three times as long.
    pairs = vectors.unflatten(-1, (2, 2, by.sines.shape[-1]))
    turned_pairs = turned.unflatten(-1, (2, 2, by.sines.shape[-1]))
    for axis in range(2):
        sines = by.sines[:, axis]
        first, second = pairs[..., axis, 0, :], pairs[..., axis, 1, :]
        turned_pairs[..., axis, 0, :].addcmul_(second.to(sines.dtype), sines, value=-1)
        turned_pairs[..., axis, 1, :].addcmul_(first.to(sines.dtype), sines)
    return turned.to(vectors.dtype, memory_format=torch.contiguous_format)


def partners_adjacent(head_dim: int) -> Int[Tensor, "D"]:
    """The order of a head's channels in which each stands beside its partner."""
    return torch.arange(head_dim).unflatten(0, (2, 2, -1)).transpose(1, 2).flatten()


def rotate_adjacent(vectors: Float[Tensor, "*batch T D"], by: Rotary) -> Float[Tensor, "*batch T D"]:
    """As `rotate`, of channels in the order of `partners_adjacent`: products of complex numbers.

    On a CPU in a fifth of the time.
    """
    dtype = by.turns.real.dtype
    exact = vectors.to(dtype, memory_format=torch.contiguous_format)
    turned = torch.view_as_complex(exact.unflatten(-1, (-1, 2))) * by.turns
    return torch.view_as_real(turned).flatten(-2).to(vectors.dtype)
