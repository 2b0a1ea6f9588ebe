"""The classes that a voxel may have, and the colours they are shown in. Class 0 is free space in all sets."""

from dataclasses import dataclass

from core.errors import UserError

FREE = 0
"""The class of a voxel in which there is nothing."""


@dataclass(frozen=True)
class ClassSet:
    """Classes of voxels.

    Args:
        name: of the set.
        names: of the classes; the first is free space.
        colours: of each class, RGB from 0 to 255.
        ground: classes that lie under everything.
        movable: classes whose things may move; the first are vehicles.
    """

    name: str
    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    ground: tuple[int, ...]
    movable: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.colours):
            raise ValueError(
                f"{len(self.names)} classes and {len(self.colours)} colours; one each was expected"
            )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def vehicle(self) -> int:
        """The class of vehicles, of which layouts are made."""
        return self.movable[0]


# Colours by DynamicCity's colormap, but for free space and road: white on white cannot be told apart.
CARLASC = ClassSet(
    name="carlasc",
    names=(
        *("free", "building", "barrier", "other", "pedestrian", "pole"),
        *("road", "ground", "sidewalk", "vegetation", "vehicle", "bicycle"),
    ),
    colours=(
        *((255, 255, 255), (255, 118, 72), (100, 40, 40), (55, 90, 80), (0, 0, 255), (153, 153, 153)),
        *((128, 100, 128), (31, 135, 23), (179, 52, 255), (159, 255, 84), (0, 215, 255), (102, 102, 156)),
    ),
    ground=(6, 7, 8),
    movable=(10, 4, 11),
)

OCC3D_NUSCENES = ClassSet(
    name="occ3d-nuscenes",
    names=(
        *("free", "others", "barrier", "bicycle", "bus", "car", "construction vehicle", "motorcycle"),
        *("pedestrian", "traffic cone", "trailer", "truck", "driveable surface", "other flat", "sidewalk"),
        *("terrain", "manmade", "vegetation"),
    ),
    colours=(
        *((255, 255, 255), (90, 90, 90), (112, 128, 144), (220, 20, 60), (255, 127, 80), (255, 158, 0)),
        *((233, 150, 70), (255, 61, 99), (0, 0, 230), (47, 79, 79), (255, 140, 0), (255, 99, 71)),
        *((0, 207, 191), (175, 0, 75), (75, 0, 75), (112, 180, 60), (222, 184, 135), (0, 175, 0)),
    ),
    ground=(12, 13, 14, 15),
    movable=(5, 3, 4, 6, 7, 8, 10, 11),
)

OCC3D_WAYMO = ClassSet(
    name="occ3d-waymo",
    names=(
        *("free", "general object", "vehicle", "pedestrian", "sign", "cyclist", "traffic light", "pole"),
        *("construction cone", "bicycle", "motorcycle", "building", "vegetation", "tree trunk", "road"),
        "walkable",
    ),
    colours=(
        *((255, 255, 255), (90, 90, 90), (0, 215, 255), (0, 0, 255), (220, 220, 0), (220, 20, 60)),
        *((250, 170, 30), (153, 153, 153), (47, 79, 79), (119, 11, 32), (0, 0, 142), (255, 118, 72)),
        *((107, 142, 35), (110, 70, 30), (128, 64, 128), (244, 35, 232)),
    ),
    ground=(14, 15),
    movable=(2, 3, 5, 9, 10),
)

CLASS_SETS = {each.name: each for each in (CARLASC, OCC3D_NUSCENES, OCC3D_WAYMO)}


def class_set(name: str) -> ClassSet:
    """The set of a name.

    Raises:
        UserError: there is none of that name.
    """
    if name not in CLASS_SETS:
        raise UserError(f"classes {name!r} are unknown; one of {', '.join(CLASS_SETS)} was expected")
    return CLASS_SETS[name]
