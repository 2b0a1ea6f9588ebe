"""What the simulator CARLA calls its classes by number, as CarlaSC's files hold them."""

from enum import IntEnum


class Raw(IntEnum):
    """Classes of voxels before they are merged."""

    FREE = 0
    BUILDING = 1
    FENCE = 2
    OTHER = 3
    PEDESTRIAN = 4
    POLE = 5
    ROAD_LINE = 6
    ROAD = 7
    SIDEWALK = 8
    VEGETATION = 9
    VEHICLE = 10
    WALL = 11
    TRAFFIC_SIGN = 12
    GROUND = 14
    GUARD_RAIL = 17
    TRAFFIC_LIGHT = 18
    STATIC = 19
    DYNAMIC = 20
    TERRAIN = 22


CHANNELS = 23
"""How many classes CARLA has; those that no town of ours holds have no name above."""
