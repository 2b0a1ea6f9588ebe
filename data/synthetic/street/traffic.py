"""What moves in the street: a cast that is drawn anew for each seed, one by one, so that nobody meets.

The cars in turn: one that comes, stops and goes on, one towards the ego vehicle, one across the junction, one
ahead in the same lane, and so on. The people in turn cross the road and walk along the pavements.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator

from core.errors import UserError
from data.synthetic.motions import Loop, Pace, one_stop, steady
from data.synthetic.props import vehicles
from data.synthetic.props.buildings import tint
from data.synthetic.props.figures import Clothes, add_walker
from data.synthetic.street.actors import Actor, Footprint, footprint, make_actor
from data.synthetic.street.layout import Layout
from data.synthetic.street.road import FRONT_M, LANE_M, ROAD_Z_M
from data.synthetic.world import World

_TRIES = 400
_STEP_S = 0.1  # how often is looked whether two would meet
_GAP_M = {"vehicle": 0.8, "person": 0.35}
_EGO_SIZE_M = (5.0, 2.1, 1.8)
_EGO_MIDDLE_M = 1.5  # ahead of its rear axle
_PAVEMENTS_M = (7.5, 8.3)
_COLORS = ("#c23a30", "#e0b23a", "#3f86b5", "#e6e2d6", "#6f94a8", "#4a4f57", "#2f6b4a", "#b9bdc2")
_COATS = ("#b8433c", "#3d6f9a", "#d8a848", "#5f8a5a", "#7a4f86", "#d9d2c2")


@dataclass(frozen=True)
class Way:
    """How something moves: along a path, from a place on it, at a speed.

    Args:
        loop: the path.
        start_m: how far along it is at time 0.
        speed: metres per second.
        pace: when it moves and when it stands.
    """

    loop: Loop
    start_m: float
    speed: float
    pace: Pace = steady


Draw = Callable[[Layout, Generator, float], Way]
"""Also takes how far out it may be put, from 0 to 1, where there is no room near by."""


def add_traffic(
    world: World, layout: Layout, taken: list[Footprint], cars: int, walkers: int, rng: Generator
) -> list[Actor]:
    """Let cars and people move.

    Args:
        world: gets the bodies and parts.
        layout: of the street.
        taken: where somebody or something stands already.
        cars: how many.
        walkers: how many.
        rng: decides who they are and where each goes.

    Raises:
        UserError: there is no room for so many.
    """
    taken = [*taken, _ego(layout)]
    actors = []
    for label, count in (("vehicle", cars), ("person", walkers)):
        for index in range(count):
            actors.append(_add_one(world, layout, taken, label, index, rng))
    return actors


def _add_one(
    world: World, layout: Layout, taken: list[Footprint], label: str, index: int, rng: Generator
) -> Actor:
    kinds = _CARS if label == "vehicle" else _WALKERS
    kind, draw = kinds[index % len(kinds)]
    name = f"{kind} {'car' if label == 'vehicle' else 'walker'} {index}"
    times = _times(layout)
    for attempt in range(_TRIES):
        way = draw(layout, rng, attempt / _TRIES)
        add = (_car if label == "vehicle" else _walker)(layout, name, way, rng)
        alone = World()
        actor = make_actor(name, label, alone, add(alone), _limbs(label, way))
        place = footprint(actor.boxes(alone, times), actor.size_m)
        if not any(place.meets(other, _GAP_M[label]) for other in taken):
            taken.append(place)
            return Actor(name, label, add(world), actor.body_from_box, actor.size_m)
    raise UserError(
        f"the street has no room for {index + 1} {'cars' if label == 'vehicle' else 'walkers'}; choose fewer "
        f"with --{'cars' if label == 'vehicle' else 'walkers'}, or another --seed"
    )


def _times(layout: Layout) -> list[float]:
    return np.arange(-_STEP_S, layout.duration_s + 1.5 * _STEP_S, _STEP_S).tolist()


def _limbs(label: str, way: Way) -> list[float]:
    """Moments that show all that limbs do."""
    return [0.0] if label == "vehicle" else np.linspace(0, 2.0 / way.speed, 25).tolist()


def _ego(layout: Layout) -> Footprint:
    boxes = np.stack([layout.ego(time) for time in _times(layout)])
    boxes[:, :3, 3] += _EGO_MIDDLE_M * boxes[:, :3, 0]
    return footprint(boxes, _EGO_SIZE_M)


def _oncoming(layout: Layout, rng: Generator, out: float) -> Way:
    """In the other lane; it passes the ego vehicle during the log or soon after it."""
    speed = float(rng.uniform(5.0, 9.5))
    passing = float(rng.uniform(0.3, 1.0)) * layout.duration_s + float(rng.uniform(0.3, 1.2 + 6 * out))
    return _towards(layout, layout.along(passing) + speed * passing, speed, steady)


def _stopping(layout: Layout, rng: Generator, out: float) -> Way:
    """In the other lane; it comes, brakes, stands, and goes on, all before the eyes of the rig."""
    speed, duration = float(rng.uniform(4.0, 7.0)), layout.duration_s
    ramp, stand = min(0.9, 0.2 * duration), min(1.5, 0.3 * duration)
    pace = one_stop(float(rng.uniform(0.1, 0.25)) * duration, stand, ramp)
    stop = layout.along(0.5 * duration) + float(rng.uniform(8, 22 + 50 * out))
    return _towards(layout, stop + speed * pace(0.5 * duration), speed, pace)


def _towards(layout: Layout, along: float, speed: float, pace: Pace) -> Way:
    road = layout.road
    loop = road.lane(LANE_M, backward=True)
    # Lengths are counted on the lane, which is longer or shorter than the road's middle where it bends.
    return Way(loop, (road.stop_m - along) * (1 - road.curvature_per_m * LANE_M), speed, pace)


def _across(layout: Layout, rng: Generator, out: float) -> Way:
    """Along the side street, from either side; it is on the junction during the log."""
    backward = bool(rng.random() < 0.5)
    reach, speed = 60.0, float(rng.uniform(5.0, 8.0))
    lane = layout.junction_m + (-1 if backward else 1) * -LANE_M
    middle = float(rng.uniform(0.35, 0.9)) * layout.duration_s + out * float(rng.uniform(-3, 3))
    return Way(layout.road.crossing(lane, reach, backward=backward), reach - speed * middle, speed)


def _ahead(layout: Layout, rng: Generator, out: float) -> Way:
    """In the ego vehicle's lane."""
    speed = layout.speed_m_s * float(rng.uniform(0.95, 1.2))
    along = layout.begin_m + float(rng.uniform(13, 26 + 40 * out))
    road = layout.road
    return Way(road.lane(-LANE_M), (along - road.start_m) * (1 + road.curvature_per_m * LANE_M), speed)


def _crossing(layout: Layout, rng: Generator, out: float) -> Way:
    """Over the road, between the kerbs at about the middle of the log."""
    backward = bool(rng.random() < 0.5)
    along = layout.along(float(rng.uniform(0.2, 1.0)) * layout.duration_s) + float(
        rng.uniform(6, 18 + 30 * out)
    )
    if rng.random() < 0.4:
        along = layout.zebra_m + float(rng.uniform(-1.0, 1.0))
    reach, speed = FRONT_M - 1.0, float(rng.uniform(1.2, 1.8))
    middle = float(rng.uniform(0.2, 0.8)) * layout.duration_s
    start = min(max(reach + float(rng.uniform(-3, 3)) - speed * middle, 0.3), reach)
    return Way(layout.road.crossing(along, reach, backward=backward), start, speed)


def _strolling(layout: Layout, rng: Generator, out: float) -> Way:
    """Along a pavement, either way, near where the ego vehicle passes."""
    road, backward = layout.road, bool(rng.random() < 0.5)
    left = float(rng.choice([-1, 1])) * float(rng.choice(_PAVEMENTS_M)) + float(rng.uniform(-0.15, 0.15))
    along = layout.along(float(rng.uniform(0.1, 1.0)) * layout.duration_s) + float(
        rng.uniform(5, 16 + 40 * out)
    )
    length = (road.stop_m - along) if backward else (along - road.start_m)
    speed = float(rng.uniform(1.1, 1.7)) if rng.random() < 0.8 else 2.6
    return Way(road.lane(left, backward=backward), length * (1 - road.curvature_per_m * left), speed)


_CARS: tuple[tuple[str, Draw], ...] = (
    ("stop-and-go", _stopping),
    ("oncoming", _oncoming),
    ("crossing", _across),
    ("leading", _ahead),
)
_WALKERS: tuple[tuple[str, Draw], ...] = (
    ("crossing", _crossing),
    ("strolling", _strolling),
    ("strolling", _strolling),
)


def _car(layout: Layout, name: str, way: Way, rng: Generator) -> Callable[[World], int]:
    color = tint(str(rng.choice(_COLORS)))
    vehicle = vehicles.van(color) if rng.random() < 0.25 else vehicles.car(color)
    return partial(
        vehicles.add_vehicle,
        name=name,
        vehicle=vehicle,
        loop=way.loop,
        speed=way.speed,
        start_m=way.start_m,
        pace=way.pace,
        z=ROAD_Z_M,
    )


def _walker(layout: Layout, name: str, way: Way, rng: Generator) -> Callable[[World], int]:
    clothes = Clothes(
        (str(rng.choice(["knitted", "woven", "striped", "plaid"])), tint(str(rng.choice(_COATS)))),
        ("denim", (1.0, 1.0, 1.0)) if rng.random() < 0.5 else ("woven", tint("#4a4640")),
        (1.0, 1.0, 1.0) if rng.random() < 0.5 else (0.8, 0.7, 0.65),
    )
    return partial(
        add_walker,
        name=name,
        loop=way.loop,
        speed=way.speed,
        clothes=clothes,
        start_m=way.start_m,
        pace=way.pace,
        z=layout.road.ground,
    )
