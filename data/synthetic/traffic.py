"""What moves in the market square: a cast that is drawn anew for each seed, and never lacks the hard cases.

Every cast has, by name, a `small` thing (a ball or a dog: less than 2 % of the picture), a `plain` one (a
colour and nothing else), a `stop-and-go` one (it stands still for two thirds of a second, then moves on), two
walkers, a car and a van. Each keeps to a cell of its own, so that nobody runs into anybody.
"""

import numpy as np
from numpy.random import Generator

from data.synthetic.market_square import ROAD_M, market_square
from data.synthetic.motions import (
    Loop,
    Pace,
    rolling_ball,
    rounded_loop,
    stop_and_go,
    travel,
)
from data.synthetic.parts import ellipsoid
from data.synthetic.poses import Vector
from data.synthetic.props import handcarts, vehicles
from data.synthetic.props.animals import add_dog
from data.synthetic.props.buildings import tint
from data.synthetic.props.figures import Clothes, add_walker
from data.synthetic.sites import Site, site_of
from data.synthetic.stage import Place
from data.synthetic.world import World

Cell = tuple[float, float, float, float]
"""Of a site: from and to in metres ahead, from and to in metres to the left."""

# Everybody crosses the picture at a distance of their own, or comes and goes in a lane of their own.
_ROWS: tuple[Cell, ...] = (
    (4.3, 5.2, -1.35, 1.35),
    (5.5, 6.4, -1.35, 1.35),
    (6.7, 7.6, -1.35, 1.35),
    (7.9, 8.9, -1.35, 1.35),
    (9.2, 10.9, -1.35, 1.35),
)
_LANES: tuple[Cell, ...] = (
    (4.2, 6.8, -1.35, -0.05),
    (4.4, 6.8, 0.05, 1.35),
    (7.0, 7.9, -1.35, 1.35),
    (8.2, 10.8, -1.35, -0.05),
    (8.2, 10.8, 0.05, 1.35),
)
_COATS = ("#b8433c", "#3d6f9a", "#d8a848", "#5f8a5a", "#7a4f86", "#d9d2c2")
_PLAIN_COLORS = ("#c8453a", "#3f74b0", "#e0b43c", "#6f9a5e", "#d9d5ca", "#3a3d42")
_CARS = ("#c23a30", "#e0b23a", "#3f86b5")
_VANS = ("#e6e2d6", "#6f94a8", "#b9c46a")


def busy_square(seed: int) -> Place:
    """The market square with its traffic."""
    place = market_square(seed)
    add_traffic(place.world, site_of(seed), np.random.default_rng((seed, 3)))
    return place


def add_traffic(world: World, site: Site, rng: Generator) -> None:
    """Let people, things and vehicles move.

    Args:
        world: gets the bodies and parts.
        site: where the people and things are.
        rng: decides who they are and where each begins.
    """
    cells = _ROWS if rng.random() < 0.5 else _LANES
    # Nobody stands before what is small. The last two cells are the farthest.
    near = [cells[k] for k in (0, *rng.permutation([1, 2]))]
    far = [cells[k] for k in rng.permutation([3, 4])]
    coats = [tint(str(code)) for code in rng.permutation(_COATS)]
    _add_small(world, _round(site, near[0], rng, 0.25), rng)
    _add_plain(world, _round(site, near[1], rng, 0.4), rng)
    halting = stop_and_go(go_s=0.75, stand_s=0.65, start_s=float(rng.uniform(0.15, 0.45)))
    _add_halting(world, _round(site, near[2], rng, 0.3), halting, coats[0], rng)
    for index, cell in enumerate(far):
        clothes = Clothes(
            (str(rng.choice(["knitted", "woven", "striped", "plaid"])), coats[1 + index]),
            ("denim", (1.0, 1.0, 1.0)) if rng.random() < 0.5 else ("woven", tint("#4a4640")),
            (1.0, 1.0, 1.0) if rng.random() < 0.5 else (0.8, 0.7, 0.65),
        )
        loop, start_m = _round(site, cell, rng, 0.3)
        add_walker(world, f"walker {index}", loop, float(rng.uniform(1.1, 1.5)), clothes, start_m=start_m)
    _add_vehicles(world, rng)


def _round(site: Site, cell: Cell, rng: Generator, margin_m: float) -> tuple[Loop, float]:
    """A way round inside a cell, either way, and where on it to begin: on one of its long sides."""
    near, far, right, left = cell[0], cell[1], cell[2] + margin_m, cell[3] - margin_m
    near, far = near + min(margin_m, 0.3), far - min(margin_m, 0.3)
    corners = [(near, right), (near, left), (far, left), (far, right)]
    if left - right < far - near:
        corners = corners[1:] + corners[:1]
    if rng.random() < 0.5:
        corners = [corners[1], corners[0], corners[3], corners[2]]
    short = min(left - right, far - near)
    loop = rounded_loop([site.at(*corner) for corner in corners], 0.49 * short)
    # The way starts with an arc; behind it comes a long side.
    half = 0.5 * float(loop.lengths[-1]) if rng.random() < 0.5 else 0.0
    return loop, half + 0.7 * short + float(rng.uniform(0.0, 0.2))


def _add_small(world: World, way: tuple[Loop, float], rng: Generator) -> None:
    loop, start_m = way
    if rng.random() < 0.5:
        radius = float(rng.uniform(0.15, 0.2))
        motion = rolling_ball(loop, radius, float(rng.uniform(1.2, 1.8)), start_m)
        ball = world.body("small ball", "toy", motion=motion)
        world.add(ball, [ellipsoid("ball", (radius, radius, radius))])
    else:
        coat = tint(str(rng.choice(["#8a5a30", "#d8cbb0", "#3b342e"])))
        add_dog(world, "small dog", loop, float(rng.uniform(1.2, 1.7)), coat, start_m=start_m)


def _add_plain(world: World, way: tuple[Loop, float], rng: Generator) -> None:
    loop, start_m = way
    color, speed = tint(str(rng.choice(_PLAIN_COLORS))), float(rng.uniform(0.9, 1.4))
    kind = str(rng.choice(["ball", "robot", "chest"]))
    if kind == "ball":
        radius = float(rng.uniform(0.28, 0.36))
        body = world.body("plain ball", "toy", motion=rolling_ball(loop, radius, speed, start_m))
        world.add(body, [ellipsoid("plain", (radius, radius, radius), tint=color)])
    else:
        body = world.body(f"plain {kind}", "toy", motion=travel(loop, speed, start_m))
        world.add(body, handcarts.robot(color) if kind == "robot" else handcarts.chest(color))


def _add_halting(world: World, way: tuple[Loop, float], pace: Pace, coat: Vector, rng: Generator) -> None:
    loop, start_m = way
    if rng.random() < 0.6:
        clothes = Clothes(("knitted", coat), ("denim", (0.9, 0.9, 1.0)))
        add_walker(world, "stop-and-go walker", loop, 1.4, clothes, start_m=start_m, pace=pace)
    else:
        vehicles.add_vehicle(
            world, "stop-and-go trolley", handcarts.trolley(rng), loop, 1.3, start_m=start_m, pace=pace
        )


def _add_vehicles(world: World, rng: Generator) -> None:
    far, near = ROAD_M[0] + 3.4, ROAD_M[1] - 1.4
    block = [(28.0, near), (-28.0, near), (-28.0, -38.0), (28.0, -38.0)]
    other = [(-26.5, far), (26.5, far), (26.5, -35.0), (-26.5, -35.0)]
    car, van = vehicles.car(tint(str(rng.choice(_CARS)))), vehicles.van(tint(str(rng.choice(_VANS))))
    for name, vehicle, corners, speed, reach in (
        ("car", car, block, 6.5, (12.0, 30.0)),
        ("van", van, other, 5.5, (16.0, 34.0)),
    ):
        start_m = float(rng.uniform(*reach))
        loop = rounded_loop(corners, 4.0)
        vehicles.add_vehicle(world, name, vehicle, loop, speed, start_m=start_m, z=-0.12)
