"""A coarse stage of the market square with its traffic, made once; and a small world of a few solids."""

import numpy as np
import pytest

from data.synthetic.parts import Part, box, cylinder, ellipsoid, placed
from data.synthetic.poses import pose
from data.synthetic.stage import Quality, Stage
from data.synthetic.traffic import busy_square
from data.synthetic.world import World

COARSE = Quality(samples=1, texture_px=32, shadow_px=128, sun_directions=2, voxel_m=0.5)


@pytest.fixture(scope="session")
def stage() -> Stage:
    return Stage(busy_square(0), COARSE)


@pytest.fixture(scope="session")
def solids() -> list[Part]:
    """One of each shape, tapered to an edge and to a point too, turned in all directions."""
    return placed(
        [
            box("bricks", (1.0, 0.6, 0.4), (-1.5, 0.0, 0.1), yaw=30, pitch=15),
            box("oak", (0.8, 0.8, 0.7), (0.2, 0.9, -0.2), top=(0.5, 0.3), roll=-25),
            box("slates", (0.9, 0.7, 0.5), (0.3, -0.9, 0.3), top=(1.0, 0.0), yaw=70),
            cylinder("bark", 0.3, 0.9, (1.5, 0.2, -0.3), roll=40),
            cylinder("terracotta", 0.45, 0.6, (1.4, -1.2, 0.0), top_radius=0.05, pitch=20),
            cylinder("marble", 0.1, 0.5, (-0.4, 0.2, 0.8), top_radius=0.5),
            ellipsoid("peel", (0.5, 0.3, 0.2), (-0.8, 1.4, 0.4), yaw=50, roll=30),
            ellipsoid("foliage", (0.6, 0.6, 0.4), (-0.9, -1.2, 0.2), pierced=True),
        ],
        yaw=10,
    )


@pytest.fixture(scope="session")
def world(solids: list[Part]) -> World:
    """The solids at rest, and one that moves along x at 1 m/s while it turns about z."""
    world = World()
    world.add_static("solids", "furniture", solids)

    def motion(time_s: float) -> np.ndarray:
        return pose((time_s - 0.5, 0.2, 0.6), yaw=40 * time_s)

    mover = world.body("mover", "toy", motion=motion)
    world.add(mover, [box("ball", (0.4, 0.3, 0.2))])
    return world
