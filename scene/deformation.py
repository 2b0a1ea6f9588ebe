"""How things that move leave a straight line: a field of space and time, and a network that reads it."""

from dataclasses import dataclass
from typing import NamedTuple

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

    deform_sh_degree: int = 0
    """Colours change up to this SH degree, 0 to the model's; 0 is the same change from all sides."""
    deform_scales: bool = False
    """Sizes change too."""
    deform_opacities: bool = False
    """Opacities change too."""

    def __post_init__(self) -> None:
        if self.deformation_width < 1:
            raise ValueError(f"deformation_width: at least 1 was expected, got {self.deformation_width}")
        if not self.deformation_reach_m > 0:
            raise ValueError(
                f"deformation_reach_m: a positive number was expected, got {self.deformation_reach_m}"
            )
        if not 0 <= self.deform_sh_degree <= 3:
            raise ValueError(f"deform_sh_degree: 0 to 3 was expected, got {self.deform_sh_degree}")


class Change(NamedTuple):
    """What the field says of M Gaussians.

    Args:
        means: shifts, metres.
        rotations: rotation vectors in world axes, radians.
        colors: of the first K SH coefficients.
        scales: of the logarithms of the standard deviations; None where sizes stay.
        opacities: of the logits of the opacities; None where they stay.
        features: of the field, for its regularisation.
    """

    means: Float[Tensor, "M 3"]
    rotations: Float[Tensor, "M 3"]
    colors: Float[Tensor, "M K 3"]
    scales: Float[Tensor, "M 3"] | None
    opacities: Float[Tensor, " M"] | None
    features: Float[Tensor, "M F"]

    def values(self) -> list[Tensor]:
        """All that changes, M rows each."""
        parts = (self.means, self.rotations, self.colors, self.scales, self.opacities)
        return [part for part in parts if part is not None]


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
        coefficients = (config.deform_sh_degree + 1) ** 2
        self.widths = [3, 3, 3 * coefficients, 3 * config.deform_scales, int(config.deform_opacities)]
        self.head = nn.Linear(width, sum(self.widths))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, xyz: Float[Tensor, "M 3"], times: Float[Tensor, "*times"]) -> Change:
        """What changes at places in space and time.

        Args:
            xyz: metres.
            times: of each place, or one for all, in [0, 1].
        """
        features = self.field(xyz, times)
        means, rotations, colors, scales, opacities = self.head(self.trunk(features)).split(
            self.widths, dim=-1
        )
        return Change(
            self.config.deformation_reach_m * means,
            rotations,
            colors.unflatten(-1, (-1, 3)),
            scales if self.config.deform_scales else None,
            opacities[:, 0] if self.config.deform_opacities else None,
            features,
        )
