"""Classes of lidar returns, as data sets number them, in the classes of voxels."""

from collections.abc import Mapping

import torch
from jaxtyping import UInt8
from torch import Tensor

from core.errors import UserError
from scene.occupancy.classes import CARLASC, OCC3D_NUSCENES, ClassSet
from scene.occupancy.unified import unified

NO_CLASS = 255
"""Of returns that are nothing: noise, smoke, mirror images, the own vehicle."""

_NUMBERS = 256

# `annotations/semseg_classes.json` of PandaSet. What is left out (smoke, exhaust, spray, reflections, birds)
# is nothing that a voxel holds. Two-wheelers and cones go where DynamicCity's table of mappings puts them.
_PANDASET: Mapping[str, tuple[int, ...]] = {
    "building": (41,),
    "barrier": (35, 39),
    "other": (33, 40, 42),
    "pedestrian": (30, 31),
    "pole": (34, 36, 37, 38),
    "road": (7, 8, 9, 10),
    "ground": (6, 12),
    "sidewalk": (11,),
    "vegetation": (5,),
    "vehicle": (13, 14, 15, 16, 17, 19, 20, 22, 23, 27, 28, 29),
    "bicycle": (18, 21, 24, 25, 26),
}

# nuScenes-lidarseg, 32 numbers, by the classes of Occ3D-nuScenes, which are those of its benchmark; 0 is
# noise and 31 the own vehicle.
_LIDARSEG: Mapping[str, tuple[int, ...]] = {
    "others": (1, 5, 7, 8, 10, 11, 13, 19, 20, 29),
    "barrier": (9,),
    "bicycle": (14,),
    "bus": (15, 16),
    "car": (17,),
    "construction vehicle": (18,),
    "motorcycle": (21,),
    "pedestrian": (2, 3, 4, 6),
    "traffic cone": (12,),
    "trailer": (22,),
    "truck": (23,),
    "driveable surface": (24,),
    "other flat": (25,),
    "sidewalk": (26,),
    "terrain": (27,),
    "manmade": (28,),
    "vegetation": (30,),
}

# The 16 classes of that benchmark; its 0 is everything else, of which most is the own vehicle.
_LIDARSEG16: Mapping[str, tuple[int, ...]] = {
    name: (number,) for number, name in enumerate(OCC3D_NUSCENES.names[2:], start=1)
}

_TABLES: Mapping[str, tuple[ClassSet, Mapping[str, tuple[int, ...]]]] = {
    "pandaset": (CARLASC, _PANDASET),
    "lidarseg": (OCC3D_NUSCENES, _LIDARSEG),
    "lidarseg16": (OCC3D_NUSCENES, _LIDARSEG16),
}


def lookup(numbering: str, class_set: ClassSet) -> UInt8[Tensor, "256"]:
    """The class for each number that a return may have, `NO_CLASS` for what is nothing.

    Args:
        numbering: `pandaset`, `lidarseg` (32 numbers) or `lidarseg16`.
        class_set: that the classes are of.

    Raises:
        UserError: the numbers cannot be told in these classes.
    """
    own, names = _TABLES[numbering]
    if class_set.name not in (own.name, CARLASC.name):
        raise UserError(
            f"--classes {class_set.name}: lidar classes of {numbering} can be told in those of "
            f"{' or '.join(dict.fromkeys((own.name, CARLASC.name)))}"
        )
    table = torch.full((_NUMBERS,), NO_CLASS, dtype=torch.uint8)
    for name, numbers in names.items():
        table[list(numbers)] = own.names.index(name)
    if class_set.name == own.name:
        return table
    known = table != NO_CLASS
    table[known] = unified(own)[table[known].long()]
    return table
