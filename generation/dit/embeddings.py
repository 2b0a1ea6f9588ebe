"""Places and times as sinusoids, and patches as tokens."""

import math

import torch
from jaxtyping import Float, Float64, Num
from torch import Tensor, nn

_PERIOD = 10_000.0
_FREQUENCIES = 256


def _sines_and_cosines(places: Float64[Tensor, "N"], channels: int) -> Float64[Tensor, "N channels"]:
    frequencies = _PERIOD ** (-torch.arange(channels // 2, dtype=torch.float64) / (channels // 2))
    angles = places[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def position_table(rows: int, columns: int, channels: int) -> Float[Tensor, "1 N channels"]:
    """Fixed codes of the places on a grid, row by row: half the channels tell the column, half the row.

    Args:
        rows: of the grid.
        columns: of the grid.
        channels: of a code, a multiple of 4.

    Source: Vaswani et al. 2017, section 3.5, once for each axis.
    """
    row, column = torch.meshgrid(
        torch.arange(rows, dtype=torch.float64), torch.arange(columns, dtype=torch.float64), indexing="ij"
    )
    halves = [_sines_and_cosines(places.flatten(), channels // 2) for places in (column, row)]
    return torch.cat(halves, dim=1)[None].float()


def timestep_code(timesteps: Num[Tensor, "B"]) -> Float[Tensor, "B 256"]:
    """Codes of diffusion steps: cosines, then sines.

    Args:
        timesteps: of the training's chain, also where sampling takes fewer steps.
    """
    half = _FREQUENCIES // 2
    steps = torch.arange(half, dtype=torch.float32, device=timesteps.device)
    angles = timesteps[:, None].float() * torch.exp(-math.log(_PERIOD) * steps / half)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class TimestepEmbedder(nn.Module):
    """Diffusion steps as vectors."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, timesteps: Num[Tensor, "B"]) -> Float[Tensor, "B width"]:
        """The vectors."""
        return self.mlp(timestep_code(timesteps).to(next(self.mlp.parameters()).dtype))


class PatchEmbed(nn.Module):
    """Patches of an image as tokens, row by row."""

    def __init__(self, channels: int, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel_size=patch, stride=patch)

    def forward(self, image: Float[Tensor, "B channels H W"]) -> Float[Tensor, "B N width"]:
        """The tokens."""
        return self.proj(image).flatten(2).mT
