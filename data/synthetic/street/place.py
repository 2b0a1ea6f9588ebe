"""The whole street of a seed: what rests, what moves, and the drive through it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from data.synthetic.stage import Place, Quality, Stage
from data.synthetic.street.actors import Actor, footprint
from data.synthetic.street.layout import Layout, lay_out
from data.synthetic.street.road import FRONT_M
from data.synthetic.street.scenery import furnish
from data.synthetic.street.traffic import add_traffic
from data.synthetic.world import World

_HOUSE_M = 9.0  # how deep houses are


@dataclass(frozen=True)
class StreetPlan:
    """All that the street depends on.

    Args:
        seed: of everything.
        duration_s: until the last frame.
        cars: how many move.
        walkers: how many people.
    """

    seed: int
    duration_s: float
    cars: int
    walkers: int


@dataclass(frozen=True)
class Street:
    """A street.

    Args:
        place: its world and light.
        layout: the drive.
        actors: what is labelled, the parked vehicles last.
    """

    place: Place
    layout: Layout
    actors: tuple[Actor, ...]


def make_street(plan: StreetPlan) -> Street:
    """Build the street.

    Raises:
        UserError: there is no room for so many cars or walkers.
    """
    layout, world = lay_out(plan.seed, plan.duration_s), World()
    rng = np.random.default_rng((plan.seed, 21))
    parked, taken = furnish(world, layout, rng)
    taken += [footprint(actor.boxes(world, (0.0,)), actor.size_m) for actor in parked]
    moving = add_traffic(
        world, layout, taken, plan.cars, plan.walkers, np.random.default_rng((plan.seed, 22))
    )
    half_m = (layout.built_m[1] - layout.built_m[0]) / 2
    across_m = max(abs(layout.road.at(end, 0)[1]) for end in layout.built_m) + FRONT_M + _HOUSE_M
    sun = (float(rng.choice([-1, 1]) * rng.uniform(65, 115)), float(rng.uniform(44, 56)))
    place = Place(world, plan.seed, (half_m + 6.0, across_m), sun, clear_m=max(half_m - 20.0, 30.0))
    return Street(place, layout, (*moving, *parked))


@lru_cache(maxsize=1)
def staged(plan: StreetPlan, quality: Quality) -> tuple[Street, Stage]:
    """A street and its light, made once in each process: textures and shadows take seconds."""
    street = make_street(plan)
    return street, Stage(street.place, quality)
