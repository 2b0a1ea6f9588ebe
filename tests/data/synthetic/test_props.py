"""Everything that furnishes the world stands on its floor, in metres one would expect."""

import numpy as np
import pytest

from data.synthetic.materials import RECIPES
from data.synthetic.motions import circle
from data.synthetic.parts import Parts
from data.synthetic.props import buildings, furniture, handcarts, plants, vehicles
from data.synthetic.props.animals import add_dog
from data.synthetic.props.figures import Clothes, add_walker
from data.synthetic.world import World

RNG = np.random.default_rng(0)
HEIGHTS = {
    "chair": (furniture.chair(RNG), 0.8, 1.0),
    "table": (furniture.cafe_table(RNG), 0.8, 1.1),
    "parasol": (furniture.parasol(RNG), 2.4, 2.8),
    "bookshelf": (furniture.bookshelf(RNG), 1.5, 1.8),
    "pile": (furniture.book_pile(RNG, 4), 0.06, 0.25),
    "crate": (furniture.crate(RNG), 0.4, 0.6),
    "fruit": (furniture.crate(RNG, "#f08020"), 0.2, 0.4),
    "stall": (furniture.market_stall(RNG), 2.3, 3.0),
    "bench": (furniture.bench(), 0.7, 1.0),
    "lamp": (furniture.lamp_post(), 3.9, 4.3),
    "barrel": (furniture.barrel(), 0.85, 0.95),
    "fountain": (furniture.fountain(), 3.5, 4.2),
    "tree": (plants.tree(RNG, 5.5), 4.8, 6.5),
    "pot": (plants.pot_plant(RNG), 0.7, 1.6),
    "car": (vehicles.car((0.5, 0.1, 0.1)).parked(), 1.4, 1.6),
    "van": (vehicles.van((0.5, 0.5, 0.5)).parked(), 2.0, 2.4),
    "trolley": (handcarts.trolley(RNG).parked(), 0.95, 1.2),
    "robot": (handcarts.robot((0.5, 0.5, 0.5)), 1.0, 1.2),
    "chest": (handcarts.chest((0.5, 0.5, 0.5)), 0.7, 0.8),
    "bicycle": (vehicles.bicycle((0.2, 0.3, 0.4)), 0.9, 1.2),
    "house": (buildings.house(RNG, 7.0, 8.0, 2, buildings.random_style(RNG, None)), 8.0, 12.5),
    "shop": (buildings.house(RNG, 7.0, 8.0, 3, buildings.random_style(RNG, "cafe sign")), 11.0, 15.5),
    "tower": (buildings.tower(RNG, 4.0, 15.0), 20.0, 25.0),
}


def corners(parts: Parts) -> np.ndarray:
    world = World()
    world.add_static("thing", "furniture", parts)
    return world.at(0.0).corners()


@pytest.mark.parametrize("name", HEIGHTS)
def test_heights(name: str) -> None:
    parts, least, most = HEIGHTS[name]
    z = corners(parts)[..., 2]
    assert -0.12 < z.min() < 0.06, "a part that leans may dip into the floor by its own thickness"
    assert least < z.max() < most
    assert {part.material for part in parts} <= set(RECIPES)


def test_a_walker_is_a_person_who_steps() -> None:
    world = World()
    clothes = Clothes(("knitted", (1.0, 0.2, 0.2)), ("denim", (1.0, 1.0, 1.0)))
    add_walker(world, "walker", circle((0.0, 0.0), 5.0), 1.4, clothes)
    lowest, highest, spread = [], [], []
    for time in np.linspace(0, 2, 41):
        snapshot = world.at(float(time))
        z = snapshot.corners()[..., 2]
        lowest.append(z.min())
        highest.append(z.max())
        shins = [index for index, body in enumerate(world.bodies) if "shin" in body.name]
        feet = world.poses(float(time))[shins][:, :3, 3]
        spread.append(np.linalg.norm(feet[0] - feet[1]))
    assert -0.12 < min(lowest) < max(lowest) < 0.12  # one foot is always near the ground
    assert 1.6 < min(highest) < max(highest) < 1.85
    assert np.ptp(spread) > 0.2


def test_wheels_touch_the_road() -> None:
    for vehicle in (vehicles.car((1.0, 1.0, 1.0)), vehicles.van((1.0, 1.0, 1.0))):
        assert all(hub[2] == vehicle.radius_m for hub in vehicle.hubs)
        reach = np.abs(corners(vehicle.wheel)).reshape(-1, 3).max(0)
        assert reach[2] == pytest.approx(vehicle.radius_m, rel=0.02)


def test_a_dog_trots_on_the_ground_and_faces_where_it_goes() -> None:
    world = World()
    trunk = add_dog(world, "dog", circle((0.0, 0.0), 5.0), 1.4, (0.5, 0.3, 0.2))
    lowest = []
    for time in np.linspace(0, 2, 41):
        snapshot = world.at(float(time))
        z = snapshot.corners()[..., 2]
        lowest.append(z.min())
        assert 0.5 < z.max() < 0.75
    assert min(lowest) > -0.04
    assert max(lowest) < 0.1
    before, after = world.poses(1.0)[trunk], world.poses(1.01)[trunk]
    step = (after - before)[:2, 3]
    assert (step @ -before[:2, 1]) / np.linalg.norm(step) > 0.99
