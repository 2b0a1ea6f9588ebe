"""The class of a voxel from the points inside."""

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from scene.occupancy.classes import FREE, ClassSet

_STANDING_SHARE = 0.2
"""Things that stand on the ground win over it from this share of a voxel's points on: feet and wheels have
few where a road, seen from many places, has hundreds."""


def vote(
    voxels: Int64[Tensor, " P"], classes: UInt8[Tensor, " P"], class_set: ClassSet, total: int
) -> tuple[UInt8[Tensor, " V"], Int64[Tensor, " V"]]:
    """The class of most points in each voxel, and how many points it has; free where there are none.

    What stands is asked before the ground below it. Of classes with as many points each, the one that is
    rarer among all points wins: it is the smaller thing, which would be lost.

    Args:
        voxels: of the points, places in the flattened grid.
        classes: of the points; none is free.
        class_set: what the classes mean.
        total: voxels of the grid.
    """
    kinds = len(class_set)
    votes = torch.bincount(voxels * kinds + classes, minlength=total * kinds).view(total, kinds)
    counts = votes.sum(dim=1)
    ground = torch.zeros(kinds, dtype=torch.bool)
    ground[list(class_set.ground)] = True
    stands = votes[:, ~ground].sum(dim=1) >= (_STANDING_SHARE * counts).clamp_min(1)
    rarity = votes.sum(dim=0).argsort(descending=True, stable=True).argsort()
    ranked = votes * kinds + rarity  # whole numbers: ties, and nothing else, are decided by the second part
    asked = (votes > 0) & (ground != stands[:, None])
    winners = torch.where(asked, ranked, torch.full_like(ranked, -1)).argmax(dim=1)
    return torch.where(counts > 0, winners, FREE).to(torch.uint8), counts
