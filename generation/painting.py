"""What is known when part of a scene is kept: which cells of the planes, and planes moved with a window.

A cell of a plane sums up all voxels that project onto it along the two axes that the plane lacks. It is known
when all of them are: one unknown voxel, and the cell must be generated. This is exact for projections; cells
also see a few voxels around theirs through the encoder's convolutions, and a frame's statistics through its
normalisation, which the rule leaves out.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.errors import UserError
from generation.diffusion.known import Known
from generation.rollout import PLANES, LatentSize, roll_out, size_of

_AXES = "txyz"


def known_cells(region: Bool[Tensor, "T X Y Z"], size: LatentSize) -> dict[str, Bool[Tensor, "h w"]]:
    """Which cells of each plane are known when a region of space and time is.

    Args:
        region: voxels that are known, at any resolution that is a multiple of the planes'.
        size: of the planes.

    Raises:
        UserError: the resolution is no such multiple.
    """
    shape = []
    for axis, voxels, cells in zip(_AXES, region.shape, size, strict=True):
        if voxels % cells:
            raise UserError(f"a region of {voxels} along {axis} is no multiple of the planes' {cells} cells")
        shape += [cells, voxels // cells]
    blocks = region.reshape(shape).all(dim=7).all(dim=5).all(dim=3).all(dim=1)
    cells = {}
    for plane in PLANES:
        first, second = (place for place, axis in enumerate(_AXES) if axis not in plane)
        cells[plane] = blocks.all(dim=second).all(dim=first)
    return cells


def inpainting(planes: Mapping[str, Float[Tensor, "B D h w"]], region: Bool[Tensor, "T X Y Z"]) -> Known:
    """What is known of scenes of which a region is kept and the rest generated anew.

    Args:
        planes: of the scenes, as the autoencoder gives them.
        region: voxels that are kept.

    Raises:
        UserError: the region's resolution is no multiple of the planes'.
    """
    masks = known_cells(region, size_of(planes))
    return Known(roll_out(planes), roll_out(masks)[None, None])


def outpainting(
    planes: Mapping[str, Float[Tensor, "B D h w"]],
    axis: Literal["x", "y"],
    cells: int | None = None,
    keep_others: bool = False,
) -> Known:
    """What is known of the scenes whose window lies further along an axis, where both windows overlap.

    Planes that have the axis move along: what the overlap holds is known, the rest is generated. Planes that
    lack it sum up the old window along the axis. Of the new window they are not true, so that they are
    generated; `keep_others` keeps them, which binds the new window more closely to the old one and leaves it
    less freedom.

    Args:
        planes: of the old windows.
        axis: along which the window moves.
        cells: how far, in cells of the planes; positive = to larger coordinates, forward or to the left.
            None = half the window.
        keep_others: whether planes that lack the axis are known as they were.

    Raises:
        UserError: the windows do not overlap, or are the same.
    """
    size = size_of(planes)
    length: int = getattr(size, axis)
    cells = length // 2 if cells is None else cells
    if not 0 < abs(cells) < length:
        raise UserError(
            f"a window of {length} cells along {axis} can move by 1 to {length - 1} cells, got {cells}"
        )
    moved, masks = {}, {}
    for name, plane in planes.items():
        masks[name] = torch.zeros(plane.shape[-2:], dtype=torch.bool, device=plane.device)
        if axis not in name:
            moved[name] = plane
            masks[name][:] = keep_others
            continue
        dim = name.index(axis) - 2
        start = max(-cells, 0)
        moved[name] = plane.roll(-cells, dims=dim)
        masks[name].narrow(dim, start, length - abs(cells))[:] = True
    return Known(roll_out(moved), roll_out(masks)[None, None])
