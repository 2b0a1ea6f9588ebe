"""The reference numbers of DAS3R's global alignment, in our order: quaternions wxyz, flows [E, P, 2]."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dynamic_predictor.alignment.pointmaps import Pointmaps, pixel_grid
from dynamic_predictor.alignment.variables import Variables

SIZE = (24, 32)


class Published:
    """Arrays of the file as tensors of float64."""

    def __init__(self, folder: Path) -> None:
        self._arrays = np.load(folder / "das3r" / "align.npz")
        self.edges = torch.from_numpy(self._arrays["edges"])
        self.pixels = pixel_grid(*SIZE, center=0.0, dtype=torch.float64)

    def __getitem__(self, name: str) -> Tensor:
        array = torch.from_numpy(self._arrays[name])
        return array.double() if array.is_floating_point() else array

    def pairs(self) -> Pointmaps:
        sides = {
            name: torch.stack([self[f"{name}{side}"] for side in (1, 2)], dim=1).flatten(2)
            for name in ("conf", "dynamic_mask")
        }
        points = torch.stack([self["pts3d"], self["pts3d_in_other_view"]], dim=1).flatten(2, 3)
        return Pointmaps(5, self.edges, self.pixels, points, sides["conf"], sides["dynamic_mask"])

    def variables(self, prefix: str) -> Variables:
        poses, pairs = self[f"{prefix}_im_poses"], self[f"{prefix}_pw_poses"]
        return Variables(
            self[f"{prefix}_im_depthmaps"],
            wxyz(poses[:, :4]),
            poses[:, 4:],
            self[f"{prefix}_im_focals"].flatten(),
            wxyz(pairs[:, :4]),
            pairs[:, 4:7],
            pairs[:, 7],
        )

    def flow(self, name: str) -> Tensor:
        return self[name].flatten(2).mT


def wxyz(quats: Tensor) -> Tensor:
    """From scalar-last order."""
    return quats[:, [3, 0, 1, 2]]
