"""What rests in the street: the road with its marks, pavements, houses, trees, lamps, what stands about."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float64
from numpy import ndarray
from numpy.random import Generator

from data.synthetic.parts import Parts, box, cylinder, ellipsoid, joined, placed
from data.synthetic.props import buildings, furniture, plants, vehicles
from data.synthetic.props.buildings import tint
from data.synthetic.street.actors import Actor, Footprint, make_actor
from data.synthetic.street.layout import Layout
from data.synthetic.street.road import FRONT_M, KERB_M, PARKED_M, ROAD_Z_M, Road
from data.synthetic.world import World

_SIDE_STREET_M = 4.2  # half its width
_CORNER_M = 6.4  # from the junction's middle to the houses at its corners
_STRIP_M = 6.6  # trees and lamps stand here
_SHOPS = ("cafe sign", "books sign", "bakery sign", "hotel sign", "flowers sign")
_CARS = ("#b8322c", "#3a6ea5", "#d8d4c4", "#5f7a4a", "#e0a83c", "#31343a", "#8d9499", "#f0efe9")
_PAINT = (1.25, 1.25, 1.22)
Stretch = tuple[float, float]


def furnish(world: World, layout: Layout, rng: Generator) -> tuple[list[Actor], list[Footprint]]:
    """Build what rests.

    Args:
        world: gets the bodies and parts.
        layout: of the street.
        rng: chooses.

    Returns:
        The parked vehicles, and what stands in the way of those who walk.
    """
    road = layout.road
    world.add_static("ground", "ground", _ground(layout))
    world.add_static("marks", "ground", _marks(layout, rng))
    _houses(world, layout, rng)
    obstacles: list[Footprint] = []
    for side in (-1, 1):
        parts, places = _strip(layout, side, rng)
        world.add_static(f"strip {side}", "furniture", parts)
        obstacles += [_spot(road, along, side * left) for along, left in places]
    world.add_static("hills", "ground", _hills(layout, rng))
    return _park(world, layout, rng), obstacles


def _spot(road: Road, along: float, left: float) -> Footprint:
    x, y, _ = road.at(along, left)
    return Footprint(np.array([[x, y]]), np.zeros(1), (0.35, 0.35))


def _pieces(stretch: Stretch, length: float) -> Iterator[tuple[float, float, float]]:
    """Middles and lengths of pieces that overlap a little, and how much each is sunk so that none ties."""
    count = max(1, round((stretch[1] - stretch[0]) / length))
    step = (stretch[1] - stretch[0]) / count
    for index in range(count):
        yield stretch[0] + (index + 0.5) * step, step, 0.002 * (index % 2)


def _band(
    road: Road, stretch: Stretch, material: str, left: tuple[float, float], top: float, piece: float
) -> Parts:
    """A strip of ground along the road, a metre thick, in straight pieces."""
    middle, width = (left[0] + left[1]) / 2, left[1] - left[0]
    parts: Parts = []
    for along, length, sunk in _pieces(stretch, piece):
        x, y, heading = road.at(along, middle)
        size = (length * (1 + abs(road.curvature_per_m) * (abs(middle) + width)) + 0.05, width, 1.0)
        parts.append(box(material, size, (x, y, top - 1.0 - sunk), yaw=heading))
    return parts


def _ground(layout: Layout) -> Parts:
    road, cross = layout.road, layout.junction_m
    whole = (road.start_m, road.stop_m)
    parts = [box("grass", (900, 900, 1.0), (0, 0, -1.3))]
    parts += _band(road, whole, "asphalt", (-KERB_M - 0.6, KERB_M + 0.6), ROAD_Z_M, 16.0)
    x, y, heading = road.at(cross, 0)
    parts.append(box("asphalt", (2 * _SIDE_STREET_M, 130, 1.0), (x, y, ROAD_Z_M - 0.996), yaw=heading))
    for side in (-1, 1):
        for stretch in ((whole[0], cross - _SIDE_STREET_M), (cross + _SIDE_STREET_M, whole[1])):
            kerb = sorted((side * KERB_M, side * (KERB_M + 0.18)))
            pavement = sorted((side * (KERB_M + 0.18), side * (FRONT_M + 0.4)))
            parts += _band(road, stretch, "ashlar", (kerb[0], kerb[1]), 0.012, 8.0)
            parts += _band(road, stretch, "slabs", (pavement[0], pavement[1]), 0.0, 8.0)
            # Behind the houses' fronts lie their gardens.
            garden = sorted((side * (FRONT_M + 0.3), side * (FRONT_M + 16)))
            parts += _band(road, stretch, "grass", (garden[0], garden[1]), -0.02, 24.0)
    return parts


def _marks(layout: Layout, rng: Generator) -> Parts:
    """Paint on the road, patches where it was mended, covers of shafts."""
    road, parts = layout.road, Parts()
    first, last = layout.built_m

    def lay(material: str, size: tuple[float, float], at: Stretch, lift: float, shade: float = 1.0) -> None:
        x, y, heading = road.at(*at)
        color = _PAINT if material == "marble" else (shade, shade, shade)
        parts.append(box(material, (*size, 0.01), (x, y, ROAD_Z_M + lift - 0.01), yaw=heading, tint=color))

    busy = (layout.zebra_m - 3.0, layout.junction_m + _SIDE_STREET_M + 1.0)
    for along in np.arange(first - 20, last + 20, 6.0).tolist():
        if not busy[0] < along < busy[1]:
            lay("marble", (3.0, 0.14), (along, 0.0), 0.010)
        for side in (-1, 1):
            if not busy[0] < along < busy[1]:
                lay("marble", (1.0, 0.10), (along, side * 3.62), 0.010)
    for left in np.arange(-4.9, 5.0, 1.0).tolist():
        lay("marble", (3.0, 0.5), (layout.zebra_m, left), 0.012)
    for side in (-1, 1):
        lay("marble", (0.4, 3.2), (layout.junction_m + side * (_SIDE_STREET_M + 0.6), side * 1.75), 0.012)
    for along in np.arange(first, last, 7.0).tolist():
        size = (float(rng.uniform(0.8, 4.0)), float(rng.uniform(0.6, 1.6)))
        place = (along + float(rng.uniform(-3, 3)), float(rng.uniform(-4.8, 4.8)))
        lay("asphalt", size, place, 0.006, float(rng.choice([0.6, 0.72, 1.3])))
        if rng.random() < 0.4:
            x, y, _ = road.at(along + 2.0, float(rng.uniform(-3.0, 3.0)))
            parts.append(cylinder("rusty", 0.32, 0.01, (x, y, ROAD_Z_M + 0.001)))
    return parts


def _houses(world: World, layout: Layout, rng: Generator) -> None:
    road, (first, last) = layout.road, layout.built_m
    for side, name in ((1, "left"), (-1, "right")):
        shops = list(rng.permutation(_SHOPS))
        along, index = first, 0
        while along < last:
            if abs(along - layout.junction_m) < _CORNER_M:
                along = layout.junction_m + _CORNER_M
            width = float(rng.uniform(6.0, 9.5))
            gap = layout.junction_m - _CORNER_M - along
            if 0 < gap < width + 4.5:
                width = gap  # the last house before the corner takes what is left
            shop = shops.pop() if shops and index % 3 == 1 else None
            style = buildings.random_style(rng, shop)
            storeys = 2 + int(rng.random() < 0.45)
            parts = buildings.house(rng, width - 0.02, float(rng.uniform(7, 9)), storeys, style)
            x, y, heading = road.at(along + width / 2, side * (FRONT_M + float(rng.uniform(0, 0.3))))
            turned = placed(parts, (x, y, 0), yaw=heading + (0 if side > 0 else 180))
            world.add_static(f"{name} house {index}", "building", turned)
            along, index = along + width * (1 + side * road.curvature_per_m * FRONT_M), index + 1
        end = buildings.house(rng, 14.0, 8.0, 3, buildings.random_style(rng, None))
        x, y, heading = road.at(layout.junction_m, side * 56.0)
        world.add_static(
            f"{name} end", "building", placed(end, (x, y, 0), yaw=heading + (0 if side > 0 else 180))
        )
        world.add_static(f"{name} side street", "plant", _side_street(layout, side, rng))


def _side_street(layout: Layout, side: int, rng: Generator) -> Parts:
    """Hedges and trees behind the corner houses."""
    parts: Parts = []
    for way in (-1, 1):
        for left in (23.0, 31.0, 39.0, 47.0):
            tree = plants.tree(rng, float(rng.uniform(5, 7)))
            x, y, heading = layout.road.at(layout.junction_m + way * 6.3, side * left)
            parts += placed(plants.hedge_row(7.6, 1.6), (x, y, 0), yaw=heading + 90)
            x, y, _ = layout.road.at(layout.junction_m + way * 8.6, side * left)
            parts += placed(tree, (x, y, 0))
    return parts


def _strip(layout: Layout, side: int, rng: Generator) -> tuple[Parts, list[tuple[float, float]]]:
    """Trees and lamps along the kerb, and what stands before the houses; with the places that they take."""
    road, (first, last) = layout.road, layout.built_m
    parts, places = Parts(), list[tuple[float, float]]()
    along, index = first + float(rng.uniform(0, 4)), int(rng.integers(2))
    while along < last:
        if abs(along - layout.zebra_m) > 3.0 and abs(along - layout.junction_m) > _CORNER_M:
            x, y, heading = road.at(along, side * _STRIP_M)
            thing = (
                furniture.lamp_post() if index % 3 == 0 else plants.tree(rng, float(rng.uniform(4.6, 6.4)))
            )
            pit = plants.tree_pit() if index % 3 else []
            parts += placed(thing + pit, (x, y, 0), yaw=heading)
            places.append((along, _STRIP_M))
            near = along + float(rng.uniform(2.5, 5.0))
            if rng.random() < 0.7 and abs(near - layout.junction_m) > _CORNER_M:
                left = side * (FRONT_M - 0.45)
                x, y, heading = road.at(near, left)
                turn = heading + (0 if side > 0 else 180)
                parts += placed(_thing(rng), (x, y, 0), yaw=turn)
                places.append((near, abs(left)))
        along, index = along + float(rng.uniform(8, 12)), index + 1
    return parts, places


def _thing(rng: Generator) -> Parts:
    """Something that stands before a house; it faces -y."""
    choice = int(rng.integers(6))
    if choice == 0:
        return furniture.bench()
    if choice == 1:
        return plants.planter(rng, float(rng.uniform(1.2, 1.8)))
    if choice == 2:
        return placed(vehicles.bicycle(tint(str(rng.choice(_CARS)))), yaw=90)
    if choice == 3:
        return plants.pot_plant(rng, float(rng.uniform(0.45, 0.65)))
    if choice == 4:
        return furniture.barrel()
    crates = (furniture.crate(rng), furniture.crate(rng), furniture.crate(rng, "#f08020"))
    shifts = ((0.0, 0.0, 0.0), (0.08, 0.03, 0.5), (0.75, 0.1, 0.0))
    return joined(placed(crate, at) for crate, at in zip(crates, shifts, strict=True))


def _park(world: World, layout: Layout, rng: Generator) -> list[Actor]:
    """Vehicles along both kerbs."""
    road, (first, last) = layout.road, layout.built_m
    actors: list[Actor] = []
    for side in (-1, 1):
        along = first + float(rng.uniform(0, 5))
        while along < last:
            free = abs(along - layout.zebra_m) > 5.0 and abs(along - layout.junction_m) > 9.0
            if free and rng.random() < 0.62:
                color = tint(str(rng.choice(_CARS)))
                vehicle = vehicles.van(color) if rng.random() < 0.2 else vehicles.car(color)
                place = road.pose(
                    along,
                    side * (PARKED_M + float(rng.uniform(-0.1, 0.1))),
                    ROAD_Z_M,
                    turn_deg=(-90 if side > 0 else 90) + float(rng.uniform(-1.5, 1.5)),
                )
                actors.append(_park_one(world, f"parked {len(actors)}", vehicle.parked(), place))
            along += float(rng.uniform(5.6, 7.5))
    return actors


def _park_one(world: World, name: str, parts: Parts, place: Float64[ndarray, "4 4"]) -> Actor:
    """Put a vehicle that faces -y at a pose."""
    alone = World()
    actor = make_actor(name, "vehicle", alone, alone.add_static(name, "vehicle", parts))
    body = world.add_static(name, "vehicle", [replace(part, pose=place @ part.pose) for part in parts])
    return replace(actor, body=body, body_from_box=place @ actor.body_from_box)


def _hills(layout: Layout, rng: Generator) -> Parts:
    parts: Parts = []
    away = 150.0 + 0.5 * (layout.built_m[1] - layout.built_m[0])
    for turn in np.arange(0, 360, 24):
        angle, distance = np.radians(turn + rng.uniform(-6, 6)), away * rng.uniform(1.0, 1.3)
        radii = (float(rng.uniform(55, 95)), float(rng.uniform(55, 95)), float(rng.uniform(18, 40)))
        center = (float(distance * np.cos(angle)), float(distance * np.sin(angle)), -2.0)
        parts.append(ellipsoid("grass", radii, center, tint=(0.7, 0.85, 0.7)))
    return parts
