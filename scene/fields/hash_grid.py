"""A multiresolution hash grid over space and time."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.errors import UserError
from scene.fields.box import checked_box, place_in_box
from scene.fields.hash_grid_reference import hash_grid, level_offsets

try:
    import splat_kernels
except ImportError:  # plain torch serves until the kernels are installed; core.doctor says how
    splat_kernels = None

INITIAL_SIZE = 1e-4
"""Features begin in U(-1e-4, 1e-4): Müller et al. 2022, section 4."""


@dataclass(frozen=True)
class HashGridConfig:
    """A hash grid over space and time."""

    hash_levels: int = 16
    """Grids, from coarse to fine; resolutions grow geometrically."""
    hash_features: int = 2
    """Features a level: 1, 2 or 4; with 2 the kernels are fastest."""
    hash_log2_rows: int = 15
    """Binary logarithm of the most rows of a level's table; a level whose vertices fit is not hashed."""
    hash_space_min: int = 16
    """Cells of the coarsest level along the longest side of the box; other sides have cells of that size."""
    hash_space_max: int = 512
    """Cells of the finest level along the longest side of the box."""
    hash_time_min: int = 4
    """Cells of the coarsest level over the clip; fewer where the finest has fewer."""
    hash_time_max: int = 0
    """Cells of the finest level over the clip; 0 is one from each frame to the next."""
    hash_sparse: bool = False
    """Gradients of the rows read alone: pays where tables are much larger than what a step reads."""


class HashGrid(nn.Module):
    """L levels of F features, whose resolution in time is their own.

    Args:
        config: sizes.
        aabb: lower and upper corner of the box, world units. Beyond it features are those at its surface.
        frames: of the clip; the finest level has a vertex at each.
        seed: of the initial features.
        kernels: whether the native kernels serve where they can: float32 on a CPU.

    Raises:
        UserError: a size is out of its range, or the box has no volume.

    Source: Müller et al., "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding", 2022.
    """

    aabb: Tensor
    resolutions: Tensor
    offsets: Tensor

    def __init__(
        self,
        config: HashGridConfig,
        aabb: Float[Tensor, "2 3"],
        frames: int,
        *,
        seed: int = 0,
        kernels: bool = True,
    ) -> None:
        super().__init__()
        _check(config)
        self.config = config
        self.kernels = kernels
        box = checked_box(aabb)
        resolutions = grid_resolutions(config, box, frames)
        offsets = level_offsets(resolutions, config.hash_log2_rows)
        self.register_buffer("aabb", box)
        self.register_buffer("resolutions", torch.tensor(resolutions, dtype=torch.int32), persistent=False)
        self.register_buffer("offsets", torch.tensor(offsets), persistent=False)
        random = torch.Generator().manual_seed(seed)
        tables = torch.rand(offsets[-1], config.hash_features, generator=random)
        self.tables = nn.Parameter((2 * tables - 1) * INITIAL_SIZE)

    @property
    def features(self) -> int:
        """Numbers that a place gets: L times F."""
        return self.config.hash_levels * self.config.hash_features

    def forward(self, xyz: Float[Tensor, "N 3"], times: Float[Tensor, "*times"]) -> Float[Tensor, "N C"]:
        """Features of places in space and time.

        Args:
            xyz: world units.
            times: of each place, or one for all; 0 is the clip's first frame, 1 its last.
        """
        interpolate = self._interpolate()
        inside = place_in_box(xyz, times, self.aabb)
        return interpolate(
            inside, self.tables, self.resolutions, self.offsets, sparse=self.config.hash_sparse
        )

    def _interpolate(self) -> Callable[..., Tensor]:
        native_can = self.tables.device.type == "cpu" and self.tables.dtype == torch.float32
        if self.kernels and native_can and splat_kernels is not None:
            return splat_kernels.hash_grid
        return hash_grid


def grid_resolutions(
    config: HashGridConfig, aabb: Float[Tensor, "2 3"], frames: int
) -> list[tuple[int, int, int, int]]:
    """Cells of each level along x, y, z and t.

    Args:
        config: the coarsest and the finest level.
        aabb: lower and upper corner of the box, world units.
        frames: of the clip.
    """
    sides = aabb[1] - aabb[0]
    last = max(config.hash_levels - 1, 1)
    time_max = config.hash_time_max or max(frames - 1, 1)
    time_min = min(config.hash_time_min, time_max)

    def between(low: int, high: int, level: int) -> float:
        return low * (high / low) ** (level / last)

    resolutions = []
    for level in range(config.hash_levels):
        longest = between(config.hash_space_min, config.hash_space_max, level)
        x, y, z = (max(round(side), 1) for side in (longest * sides / sides.max()).tolist())
        resolutions.append((x, y, z, round(between(time_min, time_max, level))))
    return resolutions


def _check(config: HashGridConfig) -> None:
    ranges = {
        "hash-levels": (config.hash_levels, 1, 64),
        "hash-log2-rows": (config.hash_log2_rows, 4, 24),
        "hash-space-min": (config.hash_space_min, 1, config.hash_space_max),
        "hash-space-max": (config.hash_space_max, 1, 2**20),
        "hash-time-min": (config.hash_time_min, 1, config.hash_time_max or 2**20),
        "hash-time-max": (config.hash_time_max, 0, 2**20),
    }
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise UserError(f"--{name}: {low} to {high} was expected, got {value}")
    if config.hash_features not in (1, 2, 4):
        raise UserError(f"--hash-features: 1, 2 or 4 was expected, got {config.hash_features}")
