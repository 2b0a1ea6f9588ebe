"""A street of a few boxes for tests: ground, a house, a car that drives ahead."""

import torch

from scene.occupancy.classes import CARLASC
from scene.occupancy.sequence import Grid, Occupancy

GRID = Grid((24, 16, 6), (-2.4, -3.2, -1.6), (0.4, 0.4, 0.375))
ROAD, BUILDING, CAR = 6, 1, 10


def street(frames: int = 3) -> Occupancy:
    classes = torch.zeros(frames, *GRID.size, dtype=torch.uint8)
    classes[..., 0] = ROAD
    classes[:, 4:20, 13:, 1:5] = BUILDING
    for frame in range(frames):
        classes[frame, 14 + 2 * frame : 19 + 2 * frame, 6:10, 1:3] = CAR
    poses = torch.eye(4, dtype=torch.float64).repeat(frames, 1, 1)
    poses[:, 0, 3] = torch.arange(frames) * 0.7
    return Occupancy(
        classes=classes,
        class_set=CARLASC,
        grid=GRID,
        invalid=classes == BUILDING,
        world_from_ego=poses,
        frame_names=tuple(f"{frame:06d}" for frame in range(frames)),
        seconds_per_frame=0.2,
    )
