"""How things that move leave a straight line: a field of space and time, and a network that reads it."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from scene.fields.hash_grid import HashGrid
from scene.fields.hexplane import HexPlane


@dataclass(frozen=True)
class DeformationConfig:
    """The network that reads the field."""

    deformation_width: int = 64
    """Units of each of its two hidden layers."""
    deformation_reach_m: float = 1.0
    """What an output of one means for positions, metres; rotations are in radians, colours in units of SH."""

    def __post_init__(self) -> None:
        if self.deformation_width < 1:
            raise ValueError(f"deformation_width: at least 1 was expected, got {self.deformation_width}")
        if not self.deformation_reach_m > 0:
            raise ValueError(
                f"deformation_reach_m: a positive number was expected, got {self.deformation_reach_m}"
            )


class Change(NamedTuple):
    """What the field says of M Gaussians.

    Args:
        means: shifts, metres.
        rotations: rotation vectors in world axes, radians.
        colors: of the constant SH coefficient.
        features: of the field, for its regularisation.
    """

    means: Float[Tensor, "M 3"]
    rotations: Float[Tensor, "M 3"]
    colors: Float[Tensor, "M 3"]
    features: Float[Tensor, "M F"]


class Deformation(nn.Module):
    """A field, (place, time) -> features, and heads that start at zero: at first nothing is changed.

    Args:
        field: features of places and times.
        config: of the network.
    """

    def __init__(self, field: HashGrid | HexPlane, config: DeformationConfig) -> None:
        super().__init__()
        self.field = field
        self.config = config
        width = config.deformation_width
        hidden = [nn.Linear(field.features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
        self.trunk = nn.Sequential(*hidden)
        self.head = nn.Linear(width, 9)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, xyz: Float[Tensor, "M 3"], time: float) -> Change:
        """What changes at places at a time in [0, 1]."""
        features = self.field(xyz, torch.tensor(time, dtype=xyz.dtype, device=xyz.device))
        means, rotations, colors = self.head(self.trunk(features)).split(3, dim=-1)
        return Change(self.config.deformation_reach_m * means, rotations, colors, features)
