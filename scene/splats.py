"""Gaussians as every model hands them to every renderer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

_TENSORS = ("means", "quats", "scales", "opacities", "sh", "features")


@dataclass(frozen=True)
class Splats:
    """N Gaussians, raw or activated.

    Raw: `scales` are logarithms and `opacities` logits, as an optimiser holds them; the native kernels fuse
    the activations. Activated: standard deviations in world units and opacities in (0, 1).

    Args:
        means: centres in the world.
        quats: rotations, wxyz, of any non-zero length; renderers normalise them.
        scales: standard deviations along the local axes, or their logarithms.
        opacities: opacities, or their logits.
        sh: real spherical harmonics, coefficient-major, K = (degree + 1)^2; colour = evaluation + 0.5.
        features: extra channels blended like colour.
        raw: which of the two forms `scales` and `opacities` have.
        sh_degree: the degree evaluated, at most that stored; None means all of it.
    """

    means: Float[Tensor, "N 3"]
    quats: Float[Tensor, "N 4"]
    scales: Float[Tensor, "N 3"]
    opacities: Float[Tensor, " N"]
    sh: Float[Tensor, "N K 3"]
    features: Float[Tensor, "N F"] | None = None
    raw: bool = False
    sh_degree: int | None = None

    def __post_init__(self) -> None:
        stored = {1: 0, 4: 1, 9: 2, 16: 3}.get(self.sh.shape[1])
        if stored is None:
            raise ValueError(
                f"sh holds {self.sh.shape[1]} coefficients a Gaussian; expected 1, 4, 9 or 16 (degree 0-3)"
            )
        if self.sh_degree is None:
            object.__setattr__(self, "sh_degree", stored)
        elif not 0 <= self.sh_degree <= stored:
            raise ValueError(f"sh_degree {self.sh_degree} asked for, but sh stores degree {stored}")

    def __len__(self) -> int:
        return self.means.shape[0]

    def activated(self) -> "Splats":
        """The same Gaussians with standard deviations, opacities in (0, 1) and unit quaternions."""
        quats = torch.nn.functional.normalize(self.quats, dim=-1)
        if not self.raw:
            return replace(self, quats=quats)
        return replace(
            self, quats=quats, scales=self.scales.exp(), opacities=self.opacities.sigmoid(), raw=False
        )

    def map(self, change: Callable[[Tensor], Tensor]) -> "Splats":
        """The Gaussians whose tensors are `change` of these; it must treat rows alike in all of them."""
        named = {name: getattr(self, name) for name in _TENSORS}
        return replace(self, **{name: change(value) for name, value in named.items() if value is not None})

    def select(self, rows: Tensor) -> "Splats":
        """The Gaussians at `rows` (indices or a boolean mask)."""
        return self.map(lambda values: values[rows])

    def to(self, device: torch.device | str) -> "Splats":
        """The Gaussians on `device`."""
        return self.map(lambda values: values.to(device))
