"""Features of space and time as products of six planes: the baseline that the hash grid is compared with."""

from dataclasses import dataclass
from functools import reduce
from operator import mul

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import UserError
from scene.fields.box import checked_box, place_in_box

AXES = {"xy": (0, 1), "xz": (0, 2), "yz": (1, 2), "tx": (3, 0), "ty": (3, 1), "tz": (3, 2)}
"""The two of x, y, z, t that a plane's rows and columns span."""


@dataclass(frozen=True)
class HexPlaneConfig:
    """Six planes a scale, at the full size of S3Gaussian."""

    plane_channels: int = 32
    """Features of a scale."""
    plane_resolution: int = 64
    """Vertices of the coarsest scale along each side of the box."""
    plane_scales: tuple[int, ...] = (1, 2, 4, 8)
    """Factors on that number, one a scale; time has the same vertices in all of them."""
    plane_time: int = 0
    """Vertices over the clip; 0 is one a frame."""


class HexPlane(nn.Module):
    """Products over six planes of their bilinear interpolations, scales side by side.

    Args:
        config: sizes.
        aabb: lower and upper corner of the box, world units. Beyond it features are those at its surface.
        frames: of the clip.
        seed: of the initial planes.

    Raises:
        UserError: a size is below its least, or the box has no volume.

    Source: Cao and Johnson, "HexPlane", 2023; Wu et al., "4D Gaussian Splatting", 2024, section 4.2.
    """

    aabb: Tensor

    def __init__(
        self, config: HexPlaneConfig, aabb: Float[Tensor, "2 3"], frames: int, *, seed: int = 0
    ) -> None:
        super().__init__()
        _check(config)
        self.config = config
        self.register_buffer("aabb", checked_box(aabb))
        random = torch.Generator().manual_seed(seed)
        times = config.plane_time or max(frames, 2)
        planes = {}
        for factor in config.plane_scales:
            space = factor * config.plane_resolution
            for name in AXES:
                rows = times if _is_time(name) else space
                values = 0.1 + 0.4 * torch.rand(config.plane_channels, rows, space, generator=random)
                # Planes of time begin as 1 and so leave the product alone.
                planes[f"{name}_{factor}"] = torch.ones_like(values) if _is_time(name) else values
        self.planes = nn.ParameterDict(planes)

    @property
    def features(self) -> int:
        """Numbers that a place gets: channels times scales."""
        return self.config.plane_channels * len(self.config.plane_scales)

    def forward(self, xyz: Float[Tensor, "N 3"], times: Float[Tensor, "*times"]) -> Float[Tensor, "N C"]:
        """Features of places in space and time.

        Args:
            xyz: world units.
            times: of each place, or one for all; 0 is the clip's first frame, 1 its last.
        """
        # The box of grid_sample is [-1, 1], in time as in space.
        place = 2 * place_in_box(xyz, times, self.aabb) - 1
        return torch.cat([self._product(factor, place) for factor in self.config.plane_scales], dim=1)

    def _product(self, factor: int, place: Float[Tensor, "N 4"]) -> Float[Tensor, "N D"]:
        """One scale's features at places in [-1, 1]^4."""
        values = []
        for name, (row, column) in AXES.items():
            plane, at = self.planes[f"{name}_{factor}"], place[None, :, None, [column, row]]
            value = F.grid_sample(plane[None], at, align_corners=True, padding_mode="border")
            values.append(value[0, :, :, 0])
        return reduce(mul, values).T

    def regularisation(
        self, *, plane_tv: float = 1e-4, time_smoothness: float = 1e-2, time_l1: float = 1e-4
    ) -> Float[Tensor, ""]:
        """What keeps planes smooth and time quiet: weighted sums over planes and scales.

        Args:
            plane_tv: weight of squared second differences along both axes of planes of space.
            time_smoothness: weight of squared second differences in time.
            time_l1: weight of |1 - value| in planes of time, which are 1 where nothing changes.

        Source: Fridovich-Keil et al., "K-Planes", 2023, section 4; the weights are S3Gaussian's.
        """
        parts = [self.aabb.new_zeros(())]
        for name, plane in self.planes.items():
            if not _is_time(name):
                parts.append(plane_tv / 2 * (_roughness(plane) + _roughness(plane.mT)))
            else:
                parts.append(time_smoothness * _roughness(plane) + time_l1 * (1 - plane).abs().mean())
        return torch.stack(parts).sum()


def _is_time(name: str) -> bool:
    """Whether a plane's rows are times."""
    return name.startswith("t")


def _roughness(plane: Float[Tensor, "D H W"]) -> Float[Tensor, ""]:
    """Mean squared second difference along the rows' axis; 0 where there are fewer than three rows."""
    if plane.shape[1] < 3:
        return plane.new_zeros(())
    return plane.diff(n=2, dim=1).square().mean()


def _check(config: HexPlaneConfig) -> None:
    least = {
        "plane-channels": (config.plane_channels, 1),
        "plane-resolution": (config.plane_resolution, 2),
        "plane-scales": (min(config.plane_scales, default=0), 1),
        "plane-time": (config.plane_time or 2, 2),
    }
    for name, (value, low) in least.items():
        if value < low:
            raise UserError(f"--{name}: {low} or more was expected, got {value}")
