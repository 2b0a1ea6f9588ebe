"""Classes of Occ3D in those of CarlaSC, so that one model serves all data sets.

Of Occ3D-Waymo nine classes other than free space are left: it has no barriers and no ground beside roads.
Source: H. Bian et al., "DynamicCity: Large-Scale 4D Occupancy Generation from Dynamic Scenes", ICLR 2025, the
table of label mappings in its appendix.
"""

from collections.abc import Mapping

import torch
from jaxtyping import UInt8
from torch import Tensor

from core.errors import UserError
from scene.occupancy.classes import CARLASC, FREE, OCC3D_NUSCENES, OCC3D_WAYMO, ClassSet

_MEMBERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    OCC3D_NUSCENES.name: {
        "free": ("free",),
        "building": ("manmade",),
        "barrier": ("barrier",),
        "other": ("others",),
        "pedestrian": ("pedestrian",),
        "pole": ("traffic cone",),
        "road": ("driveable surface",),
        "ground": ("other flat", "terrain"),
        "sidewalk": ("sidewalk",),
        "vegetation": ("vegetation",),
        "vehicle": ("bus", "car", "construction vehicle", "trailer", "truck"),
        "bicycle": ("bicycle", "motorcycle"),
    },
    OCC3D_WAYMO.name: {
        "free": ("free",),
        "building": ("building",),
        "other": ("general object",),
        "pedestrian": ("pedestrian",),
        "pole": ("sign", "traffic light", "pole", "construction cone"),
        "road": ("road",),
        "sidewalk": ("walkable",),
        "vegetation": ("vegetation", "tree trunk"),
        "vehicle": ("vehicle",),
        "bicycle": ("cyclist", "bicycle", "motorcycle"),
    },
}


def unified(source: ClassSet) -> UInt8[Tensor, " K"]:
    """The class of CarlaSC for each class of a set.

    Raises:
        UserError: nothing is known of the set.
    """
    if source.name == CARLASC.name:
        return torch.arange(len(CARLASC), dtype=torch.uint8)
    if source.name not in _MEMBERS:
        raise UserError(f"classes {source.name!r} have no counterparts among CarlaSC's; use them as they are")
    table = torch.full((len(source),), FREE, dtype=torch.uint8)
    for name, members in _MEMBERS[source.name].items():
        table[[source.names.index(member) for member in members]] = CARLASC.names.index(name)
    return table
