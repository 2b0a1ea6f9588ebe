"""Corners are darker than open ground."""

import numpy as np

from data.synthetic.occlusion import contact, make_occlusion
from data.synthetic.parts import box
from data.synthetic.world import World

UP = (0.0, 0.0, 1.0)


def openness(
    points: list[tuple[float, float, float]], normals: list[tuple[float, float, float]]
) -> np.ndarray:
    world = World()
    walls = [
        box("grass", (20.0, 20.0, 1.0), (0, 0, -1)),
        box("bricks", (6.0, 0.5, 3.0), (0, 1, 0)),
        box("bricks", (0.5, 6.0, 3.0), (1, 0, 0)),
    ]
    world.add_static("yard", "ground", walls)
    occlusion = make_occlusion(world.at(0.0), half_axes_m=(8.0, 8.0), height_m=5.0, voxel_m=0.1)
    return occlusion.openness(np.array(points, np.float32).T, np.array(normals, np.float32).T)


def test_the_more_walls_the_darker() -> None:
    open_ground, by_wall, in_corner = openness([(-5, -5, 0), (-1, 0.65, 0), (0.65, 0.65, 0)], [UP] * 3)
    assert open_ground > 0.8
    assert 0.3 < by_wall < 0.9 * open_ground
    assert in_corner < by_wall


def test_outside_of_the_volume_it_is_open() -> None:
    np.testing.assert_allclose(openness([(50, 0, 0), (0, 0, 40)], [UP, UP]), 1)


def test_contact_fades_with_distance() -> None:
    boxes = np.array([[[-1.0, -1.0, 0.0], [1.0, 1.0, 1.0]]])
    distances = np.array([0.8, 1.0, 1.2, 1.5, 3.0], np.float32)
    points = np.stack([distances, np.zeros(5, np.float32), np.zeros(5, np.float32)])
    factor = contact(points, boxes)
    assert (np.diff(factor) >= 0).all()
    assert factor[0] < 0.65
    assert factor[-1] == 1
