"""A frame of occupancy as Gaussians, one for each voxel that can be seen."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from core import sh
from core.ply import SplatArrays
from scene.occupancy.classes import ClassSet
from scene.occupancy.meshes import exposed_faces
from scene.occupancy.sequence import Grid
from scene.splats import Splats


_OPACITY = 0.95
_SPREAD = 0.5  # standard deviation in edges of a voxel: neighbours melt into a closed surface
_THIN = 0.12  # the same, across a sheet
_SIDES = tuple((axis, side) for axis in range(3) for side in (0, 1))


def to_splats(voxels: UInt8[Tensor, "X Y Z"], class_set: ClassSet, grid: Grid) -> Splats:
    """Gaussians for the voxels that have a free neighbour, in the vehicle's frame, activated.

    A voxel of which one face alone is seen, such as of a road, becomes a thin sheet at that face, so that
    surfaces are flat; others fill their box.

    Args:
        voxels: classes.
        class_set: gives the colours.
        grid: where the voxels lie.
    """
    array = voxels.cpu().numpy()
    seen = torch.from_numpy(np.stack([exposed_faces(array, axis, side) for axis, side in _SIDES], 3))
    places = torch.nonzero(seen.any(3))
    x, y, z = places.unbind(1)
    centres, scales = places + 0.5, torch.full((len(places), 3), _SPREAD)
    sides = seen[x, y, z]
    alone = sides.sum(1) == 1
    for number, (axis, side) in enumerate(_SIDES):
        rows = alone & sides[:, number]
        scales[rows, axis] = _THIN
        centres[rows, axis] += (side - 0.5) * (1 - 2 * _THIN)
    colours = torch.tensor(class_set.colours)[voxels.cpu()[x, y, z].long()] / 255
    edges = torch.tensor(grid.voxel_m)
    return Splats(
        means=centres * edges + torch.tensor(grid.origin_m),
        quats=torch.tensor([1.0, 0, 0, 0]).repeat(len(places), 1),
        scales=scales * edges,
        opacities=torch.full((len(places),), _OPACITY),
        sh=((colours - 0.5) / sh.C0)[:, None],
    )


def to_splat_arrays(splats: Splats) -> SplatArrays:
    """Activated Gaussians as a PLY file holds them: logarithms of scales, logits of opacities."""

    def array(values: Float[Tensor, "*shape"]) -> Float[np.ndarray, "*shape"]:
        return np.ascontiguousarray(values.detach().cpu().numpy(), np.float32)

    splats = splats.activated()
    return SplatArrays(
        means=array(splats.means),
        quats=array(splats.quats),
        log_scales=array(splats.scales.log()),
        logit_opacities=array(splats.opacities.logit()),
        sh=array(splats.sh),
    )
