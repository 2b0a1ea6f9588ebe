"""The static model: one set of Gaussians, the same at every time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core import ply, sh
from scene.capture import PointCloud
from scene.points import initial_scales
from scene.splats import Splats

NAMES = ("means", "quats", "log_scales", "logit_opacities", "sh")
"""The tables, in the order in which `Splats` takes them."""


class StaticGaussians:
    """N Gaussians as raw parameters.

    Args:
        parameters: tables named as in `NAMES`, with N rows each. The mapping is shared with the optimiser,
            which replaces tables when the number of Gaussians changes.
    """

    names: ClassVar[tuple[str, ...]] = NAMES

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self.parameters: dict[str, Tensor] = {
            name: parameters[name].detach().requires_grad_() for name in self.names
        }

    @staticmethod
    def from_points(
        points: PointCloud,
        *,
        sh_degree: int = 3,
        opacity: float = 0.1,
        scale: float = 1.0,
        sizes: Float[Tensor, " P"] | None = None,
    ) -> "StaticGaussians":
        """Round Gaussians at points, as large as the points are apart.

        Args:
            points: at least one.
            sh_degree: colour may depend on the direction up to this degree; at first it does not.
            opacity: of every Gaussian, in (0, 1).
            scale: factor on the standard deviations.
            sizes: standard deviations in world units; by default they follow from the distances.

        Source: Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering", 2023, section
        5.1.
        """
        count = len(points)
        coefficients = torch.zeros(count, (sh_degree + 1) ** 2, 3)
        coefficients[:, 0] = sh.rgb_to_dc(points.rgb.float() / 255)
        sizes = (initial_scales(points.xyz) if sizes is None else sizes) * scale
        return StaticGaussians(
            {
                "means": points.xyz.float().clone(),
                "quats": torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(count, 1),
                "log_scales": sizes.float().log()[:, None].repeat(1, 3),
                "logit_opacities": torch.logit(torch.full((count,), opacity)),
                "sh": coefficients,
            }
        )

    @staticmethod
    def from_splats(splats: Splats) -> "StaticGaussians":
        """A model of given Gaussians; features are left out."""
        raw = splats.raw
        return StaticGaussians(
            {
                "means": splats.means,
                "quats": splats.quats,
                "log_scales": splats.scales if raw else splats.scales.log(),
                "logit_opacities": splats.opacities if raw else splats.opacities.logit(),
                "sh": splats.sh,
            }
        )

    def __len__(self) -> int:
        return len(self.parameters["means"])

    def splats(self, time: float | None = None, sh_degree: int | None = None) -> Splats:
        """The Gaussians for the renderer, raw.

        Args:
            time: not used: nothing moves.
            sh_degree: the degree evaluated; None means all that is stored.
        """
        return Splats(*(self.parameters[name] for name in NAMES), raw=True, sh_degree=sh_degree)

    def save_ply(self, path: Path) -> None:
        """Write the Gaussians in Inria's layout.

        Raises:
            UserError: the file cannot be written.
        """
        arrays = (self.parameters[name].detach().cpu().numpy() for name in NAMES)
        ply.write_splats_ply(path, ply.SplatArrays(*arrays))

    @staticmethod
    def load_ply(path: Path) -> "StaticGaussians":
        """Read Gaussians in Inria's layout.

        Raises:
            UserError: the file is missing, damaged, or holds no Gaussians.
        """
        tables = (torch.from_numpy(np.ascontiguousarray(array)) for array in ply.read_splats_ply(path))
        return StaticGaussians(dict(zip(NAMES, tables, strict=True)))

    def state_dict(self) -> dict[str, Any]:
        """The tables."""
        return {name: table.detach() for name, table in self.parameters.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, of whatever number of Gaussians."""
        for name in self.names:
            self.parameters[name] = state[name].clone().requires_grad_()


def camera_extent(centers: Float[Tensor, "C 3"]) -> float:
    """The radius that learning rates and sizes refer to.

    It is 1.1 times the largest distance of a camera from their mean. A single camera has no such radius; 1 is
    returned then.
    """
    radius = 1.1 * float((centers - centers.mean(0)).norm(dim=1).max())
    return radius if radius > 0 else 1.0
