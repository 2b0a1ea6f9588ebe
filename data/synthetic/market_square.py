"""A small town's square: houses about it, a road along the south, a fountain, a cafe, a market, a bookseller.

The square is about 26 m x 20 m around the origin. North is +y.
"""

import numpy as np
from numpy.random import Generator

from data.synthetic.parts import Parts, box, cylinder, ellipsoid, placed
from data.synthetic.props import buildings, furniture, plants, vehicles
from data.synthetic.props.buildings import tint
from data.synthetic.stage import Place
from data.synthetic.world import World

HALF_WIDTH_M = 13.0  # houses stand beyond x = +-13
NORTH_M = 11.5  # and beyond y = 11.5
ROAD_M = (-18.0, -10.5)  # the road's edges in y
SOUTH_M = -20.0
CENTER = (0.0, 0.5)  # the fountain; what is captured stands about it
RING_M = (
    9.3,
    8.0,
)  # half axes in x and y of an ellipse about the centre along which nothing stands in the way
_SHOPS = ("cafe sign", "books sign", "bakery sign", "hotel sign", "flowers sign")


def market_square(seed: int) -> Place:
    """The square, where nothing moves."""
    rng = np.random.default_rng((seed, 0))
    world = World()
    world.add_static("ground", "ground", _ground())
    _houses(world, rng)
    world.add_static("fountain", "furniture", placed(furniture.fountain(), (*CENTER, 0.0)))
    world.add_static("cafe", "furniture", _cafe(rng))
    world.add_static("market", "furniture", _market(rng))
    world.add_static("bookseller", "furniture", _bookseller(rng))
    world.add_static("street furniture", "furniture", _street_furniture(rng))
    world.add_static("plants", "plant", _plants(rng))
    world.add_static("parked", "vehicle", _parked(rng))
    world.add_static("hills", "ground", _hills(rng))
    return Place(world, seed, half_axes_m=(24.0, 24.0), sun_deg=(-128.0 + float(rng.uniform(-8, 8)), 46.0))


def _ground() -> Parts:
    middle = (ROAD_M[0] + ROAD_M[1]) / 2
    square_depth = NORTH_M + 30 - ROAD_M[1] - 1.6
    parts = [
        box("grass", (400, 400, 1.0), (0, 0, -1.25)),
        box("setts", (70, square_depth, 1.0), (0, ROAD_M[1] + 1.6 + square_depth / 2, -1.0)),
        box("slabs", (70, 1.6, 1.0), (0, ROAD_M[1] + 0.8, -0.99)),
        box("slabs", (70, 30, 1.0), (0, ROAD_M[0] - 15.0, -0.99)),
        box("asphalt", (70, ROAD_M[1] - ROAD_M[0], 1.0), (0, middle, -1.12)),
        *[box("ashlar", (70, 0.18, 1.0), (0, y, -0.98)) for y in (ROAD_M[0] - 0.05, ROAD_M[1] + 0.05)],
        *[box("asphalt", (5.0, 24, 1.0), (x, ROAD_M[0] - 12.0, -0.985)) for x in (-28.0, 28.0)],
        cylinder("slabs", 4.6, 0.03, (*CENTER, -0.02)),
        cylinder("ashlar", 4.8, 0.02, (*CENTER, -0.015)),
    ]
    parts += [
        box("marble", (1.6, 0.14, 0.01), (x, middle, -0.125), tint=(1.2, 1.2, 1.2))
        for x in np.arange(-33, 34, 4.0).tolist()
    ]
    parts += [
        box("marble", (0.5, 5.2, 0.01), (x, middle + 1, -0.124), tint=(1.2, 1.2, 1.2))
        for x in np.arange(4.6, 8.3, 0.9).tolist()
    ]
    return (
        parts
        + [cylinder("rusty", 0.32, 0.01, (x, y, 0.0)) for x, y in ((-4.2, -6.5), (7.5, 3.2))]
        + [cylinder("rusty", 0.32, 0.01, (1.5, middle - 1, -0.125))]
    )


def _houses(world: World, rng: Generator) -> None:
    shops = list(rng.permutation(_SHOPS))
    rows = {
        "north": ((0.0, NORTH_M), 0.0, 2 * HALF_WIDTH_M, 3),
        "west": ((-HALF_WIDTH_M, 1.0), 90.0, 17.0, 2),
        "east": ((HALF_WIDTH_M, 1.0), -90.0, 17.0, 2),
        "south": ((0.0, SOUTH_M), 180.0, 48.0, 1),
    }
    for side, (corner, yaw, length, shop_count) in rows.items():
        for index, (x, width) in enumerate(_lots(rng, length)):
            shop = shops.pop() if shops and index % 2 == 0 and shop_count else None
            style = buildings.random_style(rng, shop)
            storeys = 2 + int(rng.random() < 0.6)
            parts = buildings.house(rng, width - 0.02, float(rng.uniform(7, 9)), storeys, style)
            turned = placed(parts, (x, float(rng.uniform(0, 0.25)), 0))
            world.add_static(f"{side} house {index}", "building", placed(turned, (*corner, 0.0), yaw=yaw))
    world.add_static(
        "tower",
        "building",
        placed(buildings.tower(rng, 4.2, 17.0), (-HALF_WIDTH_M - 3.2, NORTH_M + 1.2, 0), yaw=45),
    )
    for index, (x, y, yaw) in enumerate(((36.0, -14.0, -90.0), (-36.0, -14.0, 90.0), (17.5, 25.0, 0.0))):
        parts = buildings.house(rng, 13.0, 9.0, 3, buildings.random_style(rng, None))
        world.add_static(f"far house {index}", "building", placed(parts, (x, y, 0), yaw=yaw))


def _lots(rng: Generator, length: float) -> list[tuple[float, float]]:
    """Middles and widths of houses that stand side by side over a length."""
    count = max(2, round(length / 7.0))
    widths = rng.uniform(0.8, 1.2, count)
    widths *= length / widths.sum()
    ends = np.cumsum(widths) - length / 2
    return [(float(end - width / 2), float(width)) for end, width in zip(ends, widths, strict=True)]


def _cafe(rng: Generator) -> Parts:
    parts: Parts = []
    for index, (x, y) in enumerate(((-4.7, 2.4), (-6.4, 0.2), (-4.3, -1.6), (-3.3, 4.9))):
        parts += placed(
            furniture.cafe_set(rng, shaded=index % 2 == 0), (x, y, 0), yaw=float(rng.uniform(-20, 20))
        )
    parts += placed(furniture.menu_board(), (-6.0, -2.6, 0), yaw=35)
    for x, y in ((-6.9, 2.6), (-1.6, 5.6), (-5.2, -3.4)):
        parts += placed(plants.pot_plant(rng, float(rng.uniform(0.45, 0.6))), (x, y, 0))
    return (
        parts
        + placed(plants.planter(rng, 1.8), (-2.9, -3.7, 0), yaw=25)
        + placed(plants.planter(rng, 1.6), (-5.3, 4.4, 0), yaw=-45)
    )


def _market(rng: Generator) -> Parts:
    parts = placed(furniture.market_stall(rng), (4.4, 3.8, 0), yaw=-52) + placed(
        furniture.market_stall(rng), (5.9, 0.2, 0), yaw=87
    )
    for x, y, yaw in ((2.9, 2.7, 20), (5.2, -2.7, 10)):
        pile = furniture.crate(rng) + placed(furniture.crate(rng), (0.08, 0.05, 0.5), yaw=14)
        parts += placed(
            pile + placed(furniture.crate(rng, "#f08020"), (0.75, 0.1, 0), yaw=-20), (x, y, 0), yaw=yaw
        )
    for x, y, color in ((4.0, 1.9, "#d8c090"), (4.2, 1.25, "#a05a30"), (6.5, 2.5, "#e8d8b0")):
        parts += placed(furniture.sack(rng, color), (x, y, 0))
    for x, y in ((6.4, -2.2), (6.7, -2.9), (2.4, 5.6)):
        parts += placed(furniture.barrel(), (x, y, 0))
    return parts


def _bookseller(rng: Generator) -> Parts:
    parts = [
        box("woven", (3.4, 2.2, 0.015), tint=tint("#8a4038")),
        box("woven", (3.1, 1.9, 0.017), tint=tint("#c8a070")),
    ]
    parts += placed(furniture.bookshelf(rng), (-0.75, 0.75, 0)) + placed(
        furniture.bookshelf(rng, 1.3, 3), (0.65, 0.75, 0)
    )
    table = [
        box("oak", (1.5, 0.7, 0.05), (0, 0, 0.72)),
        *[box("oak", (0.07, 0.07, 0.72), (x, y, 0)) for x in (-0.68, 0.68) for y in (-0.28, 0.28)],
    ]
    for x in (-0.55, -0.2, 0.15, 0.5):
        table += placed(
            furniture.book_pile(rng, int(rng.integers(2, 6))), (x, float(rng.uniform(-0.12, 0.12)), 0.77)
        )
    parts += placed(table, (0.0, -0.45, 0), yaw=6)
    parts += placed(furniture.chair(rng), (1.5, -0.2, 0), yaw=-110) + placed(
        furniture.crate(rng), (-1.5, -0.5, 0), yaw=15
    )
    parts += placed(furniture.book_pile(rng, 4), (-1.5, -0.5, 0.5))
    lamp = [
        cylinder("brushed", 0.16, 0.03, tint=(1.2, 0.95, 0.5)),
        cylinder("brushed", 0.015, 1.45, tint=(1.2, 0.95, 0.5)),
        cylinder("woven", 0.24, 0.28, (0, 0, 1.4), top_radius=0.13, tint=tint("#e8d8a8")),
    ]
    return placed(parts + placed(lamp, (-1.55, 0.7, 0)), (1.3, -4.1, 0), yaw=14)


def _street_furniture(rng: Generator) -> Parts:
    parts: Parts = []
    for x, y in ((-11.2, -8.6), (11.2, -8.6), (-11.4, 9.4), (11.2, 9.6), (0.0, 10.6), (0.2, -9.2)):
        parts += placed(furniture.lamp_post(), (x, y, 0))
    for x, y, yaw in (
        (-4.6, 10.4, 0),
        (4.2, 10.4, 0),
        (-4.6, -8.9, 180),
        (4.9, -8.9, 180),
        (0.4, 4.6, 0),
        (3.6, -1.5, 125),
    ):
        parts += placed(furniture.bench(), (x, y, 0), yaw=yaw)
    parts += placed(vehicles.bicycle(tint("#2f6f8f")), (-2.1, -9.2, 0), yaw=75) + placed(
        vehicles.bicycle(tint("#b03a2e")), (12.2, -2.2, 0), yaw=8
    )
    iron = tint("#46604e")
    column = [
        cylinder("enamel", 0.62, 2.6, tint=iron),
        cylinder("enamel", 0.72, 0.14, (0, 0, 2.6), tint=iron),
        ellipsoid("enamel", (0.62, 0.62, 0.35), (0, 0, 2.74), tint=iron),
    ]
    for yaw in range(0, 360, 72):
        column += placed([box("poster", (0.66, 0.03, 1.0), (0, -0.61, 0.9))], yaw=yaw)
    parts += placed(column, (9.6, 8.2, 0))
    bin_parts = [
        cylinder("enamel", 0.24, 0.75, top_radius=0.28, tint=tint("#405040")),
        cylinder("rusty", 0.29, 0.06, (0, 0, 0.75)),
    ]
    for x, y in ((-2.6, 10.5), (6.7, -8.9), (-11.9, 0.2)):
        parts += placed(bin_parts, (x, y, 0))
    return parts + [
        cylinder("marble", 0.12, 0.8, (x, -9.8, 0), top_radius=0.09)
        for x in np.arange(-12.0, 12.1, 3.0).tolist()
    ]


def _plants(rng: Generator) -> Parts:
    parts: Parts = []
    for x, y in (
        (-10.4, 7.6),
        (8.2, 10.3),
        (-11.4, -6.9),
        (9.6, -7.3),
        (1.2, 5.6),
        (11.4, 3.0),
        (-11.5, -2.6),
    ):
        parts += placed(
            plants.tree(rng, float(rng.uniform(5.0, 6.2))) + plants.tree_pit(),
            (x, y, 0),
            yaw=float(rng.uniform(0, 90)),
        )
    for x, y in ((-12.2, 5.4), (12.2, 6.2), (-12.2, -4.4), (12.2, -6.0)):
        parts += placed(plants.topiary(), (x, y, 0))
    parts += placed(plants.hedge_row(3.4), (-7.8, 10.9, 0)) + placed(
        plants.planter(rng, 1.4), (2.3, 4.3, 0), yaw=35
    )
    for x, y in ((-21, 26), (-25, 20), (24, 26), (28, 18), (20, 34), (-30, 30)):
        parts += placed(plants.cypress(rng, float(rng.uniform(7, 11))), (x, y, 0))
    return parts


def _parked(rng: Generator) -> Parts:
    colors = [
        tint(code) for code in rng.permutation(["#b8322c", "#3a6ea5", "#d8d4c4", "#5f7a4a", "#e0a83c"])[:3]
    ]
    parts = placed(vehicles.car(colors[0]).parked(), (-6.5, ROAD_M[0] + 1.05, -0.12), yaw=90)
    parts += placed(vehicles.car(colors[1]).parked(), (11.8, ROAD_M[0] + 1.05, -0.12), yaw=90)
    return parts + placed(vehicles.van(colors[2]).parked(), (-14.5, ROAD_M[0] + 1.15, -0.12), yaw=90)


def _hills(rng: Generator) -> Parts:
    parts: Parts = []
    for turn in np.arange(0, 360, 30):
        angle, distance = np.radians(turn + rng.uniform(-8, 8)), rng.uniform(120, 150)
        radii = (float(rng.uniform(45, 70)), float(rng.uniform(45, 70)), float(rng.uniform(14, 34)))
        parts.append(
            ellipsoid(
                "grass",
                radii,
                (float(distance * np.cos(angle)), float(distance * np.sin(angle)), -2.0),
                tint=(0.7, 0.85, 0.7),
            )
        )
    return parts
