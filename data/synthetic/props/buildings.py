"""Houses with windows, doors, shops and roofs; a clock tower. Fronts are in the plane y = 0 and face -y."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from data.synthetic.parts import Parts, box, cylinder, ellipsoid, joined, placed, rod
from data.synthetic.poses import Vector
from data.synthetic.textures.texture import linear

STOREY_M = 3.0
_PLINTH_M = 0.55


@dataclass(frozen=True)
class Style:
    """What a house is built of.

    Args:
        wall: material.
        wall_tint: linear RGB factors.
        roof: material.
        trim: linear RGB factors of shutters, doors and awnings.
        shop: material of a shop's sign; None for a dwelling.
    """

    wall: str
    wall_tint: Vector
    roof: str
    trim: Vector
    shop: str | None = None


def tint(code: str) -> Vector:
    """Linear RGB factors of a colour written as in "#d9a066"."""
    red, green, blue = linear(code).tolist()
    return (red, green, blue)


WALLS = ("#f0d9a8", "#e8b48c", "#f2ead8", "#d8a08a", "#c9d2c0", "#ecc77e", "#d9dbe0", "#e6c3b0")
TRIMS = ("#3f6b4f", "#8a3b33", "#35566e", "#6e5a3c", "#4a6f78", "#7d7f3a", "#5c3f5a")


def random_style(rng: Generator, shop: str | None) -> Style:
    """A style from the palette of the town."""
    wall = str(rng.choice(["plaster", "plaster", "plaster", "worn plaster", "bricks", "ashlar"]))
    white = wall in ("bricks", "ashlar")
    wall_tint = (1.0, 1.0, 1.0) if white else tint(str(rng.choice(WALLS)))
    roof = "slates" if rng.random() < 0.3 else "pantiles"
    return Style(wall, wall_tint, roof, tint(str(rng.choice(TRIMS))), shop)


def house(rng: Generator, width: float, depth: float, storeys: int, style: Style) -> Parts:
    """A town house.

    Args:
        rng: chooses what is not given.
        width: along x, metres.
        depth: behind the front, metres.
        storeys: with the ground floor.
        style: materials.
    """
    height = _PLINTH_M + storeys * STOREY_M
    parts = [
        box(style.wall, (width, depth, height), (0, depth / 2, 0), tint=style.wall_tint),
        box("ashlar", (width + 0.06, depth + 0.12, _PLINTH_M), (0, depth / 2, 0)),
        box("marble", (width + 0.16, depth + 0.40, 0.14), (0, depth / 2, height - 0.30)),
        box("marble", (width + 0.30, depth + 0.70, 0.16), (0, depth / 2, height - 0.16)),
        box("marble", (width + 0.04, depth + 0.14, 0.14), (0, depth / 2, _PLINTH_M + STOREY_M - 0.1)),
        rod("rusty", (width / 2 - 0.18, -0.12, 0.1), (width / 2 - 0.18, -0.12, height - 0.3), 0.05),
    ]
    parts += _roof(rng, width, depth, height, style)
    columns = max(2, round(width / 2.3))
    centers = (np.arange(columns) + 0.5) / columns * (width - 0.6) - (width - 0.6) / 2
    shutters, boxes, balcony = rng.random(3) < (0.65, 0.5, 0.35)
    for storey in range(1, storeys):
        sill = _PLINTH_M + storey * STOREY_M + 0.65
        for index, x in enumerate(centers.tolist()):
            if storey == 1 and balcony and index == columns // 2:
                parts += placed(_balcony(rng, style), (x, 0, sill - 0.65))
                continue
            parts += placed(
                _window(rng, 1.0, 1.5, style, shutters=bool(shutters), flowers=bool(boxes)), (x, 0, sill)
            )
    return parts + _ground_floor(rng, width, centers.tolist(), style)


def tower(rng: Generator, side: float, height: float) -> Parts:
    """A square clock tower with a pyramid roof."""
    half = side / 2
    parts = [
        box("ashlar", (side, side, height), (0, half, 0)),
        box("ashlar", (side + 0.5, side + 0.5, 1.2), (0, half, 0), top=(0.92, 0.92)),
        box("marble", (side + 0.4, side + 0.4, 0.25), (0, half, height * 0.45)),
        box("marble", (side + 0.6, side + 0.6, 0.35), (0, half, height)),
        box("slates", (side + 0.7, side + 0.7, side * 1.5), (0, half, height + 0.35), top=(0.02, 0.02)),
        rod(
            "brushed",
            (0, half, height + side * 1.5),
            (0, half, height + side * 1.5 + 2),
            0.05,
            tint=(1.0, 0.8, 0.3),
        ),
    ]
    for yaw in (0, 90, 180, 270):
        wall: Parts = [
            cylinder("clock", side * 0.33, 0.08, (0, -half, height * 0.82), roll=90),
            cylinder("marble", side * 0.37, 0.06, (0, -half, height * 0.82), roll=90),
            *placed(_window(rng, 0.7, 1.9, _PLAIN), (0, -half, height * 0.52)),
        ]
        wall += [
            box("marble", (0.5, 0.12, 0.4), (sign * (half - 0.2), -half, z), tint=(0.9, 0.9, 0.9))
            for sign in (-1, 1)
            for z in np.arange(1.5, height - 1, 0.8).tolist()
        ]
        parts += placed(wall, (0, half, 0), yaw=yaw)
    return parts + placed(_door(tint("#6e5a3c")), (0, -0.25, 0))


_PLAIN = Style("plaster", (1.0, 1.0, 1.0), "slates", (0.3, 0.2, 0.1))


def _roof(rng: Generator, width: float, depth: float, height: float, style: Style) -> Parts:
    rise = depth * rng.uniform(0.26, 0.36)
    ends = 1.0 if rng.random() < 0.6 else 0.7
    parts = [
        box(style.roof, (width + 0.5, depth + 0.9, rise), (0, depth / 2, height), top=(ends, 0.01)),
        rod(
            "terracotta",
            (-width / 2 * ends, depth / 2, height + rise),
            (width / 2 * ends, depth / 2, height + rise),
            0.11,
        ),
    ]
    x = rng.uniform(-0.3, 0.3) * width
    chimney = [box("bricks", (0.7, 0.6, rise + 0.9)), box("concrete", (0.86, 0.76, 0.12), (0, 0, rise + 0.9))]
    chimney += [
        cylinder("terracotta", 0.12, 0.4, (dx, 0, rise + 1.02), top_radius=0.09) for dx in (-0.18, 0.18)
    ]
    parts += placed(chimney, (x, depth * 0.62, height))
    if rng.random() < 0.6:
        dormer = [
            box(style.wall, (1.3, 1.6, 1.1), (0, 0.8, 0), tint=style.wall_tint),
            box(style.roof, (1.7, 2.0, 0.5), (0, 0.8, 1.1), top=(0.02, 1.0)),
            *_window(rng, 0.8, 0.8, style)[:4],
        ]
        parts += placed(dormer, (-x, depth * 0.10, height + rise * 0.12))
    return parts


def _ground_floor(rng: Generator, width: float, centers: list[float], style: Style) -> Parts:
    if style.shop is not None:
        return _shop(rng, width, style)
    entrance = int(rng.integers(len(centers)))
    parts: Parts = []
    for index, x in enumerate(centers):
        if index == entrance:
            parts += placed(_door(style.trim), (x, 0, 0))
            continue
        parts += placed(_window(rng, 1.0, 1.4, style, shutters=True), (x, 0, 1.25))
        if rng.random() < 0.5:
            parts.append(box("poster", (0.6, 0.02, 0.85), (x + (1.15 if x < 0 else -1.15), -0.045, 1.2)))
    lantern = [
        rod("enamel", (0, 0, 0.3), (0, -0.45, 0.45), 0.025, tint=(0.05, 0.06, 0.06)),
        box("lamp", (0.22, 0.22, 0.34), (0, -0.45, 0.05), top=(1.3, 1.3)),
        box("enamel", (0.36, 0.36, 0.14), (0, -0.45, 0.39), top=(0.1, 0.1), tint=(0.05, 0.06, 0.06)),
    ]
    return parts + placed(lantern, (centers[entrance] + 0.85, 0, 2.5))


def _shop(rng: Generator, width: float, style: Style) -> Parts:
    """A glazed front with a door, a sign above it and an awning."""
    glazed = width - 1.8
    left = -width / 2 + 0.4
    dark = (style.trim[0] * 0.8, style.trim[1] * 0.8, style.trim[2] * 0.8)
    parts = [
        box("painted planks", (width - 0.4, 0.14, 0.6), (0, -0.03, 0.05), tint=dark),
        box("glass", (glazed, 0.08, 1.75), (left + glazed / 2, -0.02, 0.65)),
        box("painted planks", (width - 0.4, 0.16, 0.65), (0, -0.04, 2.45), tint=dark),
        box(style.shop or "menu", (min(width - 1.0, 3.6), 0.06, 0.55), (0, -0.14, 2.50)),
        *placed(_door(style.trim), (width / 2 - 0.85, -0.03, 0)),
    ]
    bars = np.linspace(left, left + glazed, 4).tolist()
    parts += [box("painted planks", (0.10, 0.16, 2.4), (x, -0.03, 0.05), tint=dark) for x in bars]
    # What stands in the shop window, just before the glass.
    for x in np.arange(left + 0.3, left + glazed - 0.2, 0.42).tolist():
        tone = str(rng.choice(WALLS))
        parts.append(
            box(
                str(rng.choice(["woven", "book cover", "wicker", "terracotta"])),
                (rng.uniform(0.15, 0.32), 0.05, rng.uniform(0.15, 0.5)),
                (x, -0.06, 0.66),
                tint=tint(tone),
            )
        )
    reach = 1.3
    awning = [
        box("striped", (width - 0.5, reach, 0.05), (0, -reach / 2, 0), tint=_bright(style.trim)),
        box("striped", (width - 0.5, 0.04, 0.28), (0, -reach, -0.22), tint=_bright(style.trim)),
    ]
    parts += placed(awning, (0, -0.08, 3.45), roll=18)
    return parts


def _bright(color: Vector) -> Vector:
    """A tint of full strength: awnings are more colourful than doors."""
    peak = max(color)
    return (min(color[0] / peak, 1) * 0.95, min(color[1] / peak, 1) * 0.95, min(color[2] / peak, 1) * 0.95)


def _window(
    rng: Generator,
    width: float,
    height: float,
    style: Style,
    *,
    shutters: bool = False,
    flowers: bool = False,
) -> Parts:
    """A window that stands on z = 0 in the plane y = 0."""
    white = (0.9, 0.88, 0.84)
    parts = [
        box("curtained", (width, 0.04, height), (0, -0.01, 0)),
        box("marble", (width + 0.34, 0.12, 0.20), (0, -0.04, height)),
        box("marble", (width + 0.40, 0.34, 0.09), (0, -0.06, -0.09)),
        box("pale wood", (width, 0.07, 0.05), (0, -0.02, height * 0.62), tint=white),
        box("pale wood", (0.06, 0.08, height), (0, -0.02, 0), tint=white),
    ]
    for sign in (-1, 1):
        parts.append(box("marble", (0.15, 0.10, height), (sign * (width / 2 + 0.06), -0.04, 0)))
        parts.append(
            box("pale wood", (0.07, 0.08, height), (sign * (width / 2 - 0.035), -0.02, 0), tint=white)
        )
        if shutters:
            swing = float(rng.uniform(2, 14))
            leaf = box("shutter", (width / 2, 0.04, height), (width / 4, 0, 0), tint=style.trim)
            parts += placed(
                [leaf] if sign > 0 else placed([leaf], (0, 0, 0), yaw=180),
                (sign * (width / 2 + 0.14), -0.09, 0),
                yaw=-sign * swing,
            )
    if flowers:
        parts += [
            box("terracotta", (width * 0.9, 0.24, 0.20), (0, -0.20, 0.0)),
            *placed(_blooms(rng, width * 0.9), (0, -0.20, 0.2)),
        ]
    return parts


def _blooms(rng: Generator, width: float) -> Parts:
    tones = ("#e0434b", "#e58bb0", "#f0d050", "#d86030", "#f4f0f4")
    color = tint(str(rng.choice(tones)))
    return [
        ellipsoid(
            "blossoms", (0.14, 0.12, rng.uniform(0.08, 0.15)), (x, rng.uniform(-0.04, 0.04), 0.04), tint=color
        )
        for x in np.arange(-width / 2 + 0.1, width / 2, 0.19).tolist()
    ]


def _door(trim: Vector) -> Parts:
    """A front door with its frame and two steps, in the plane y = 0."""
    return [
        box("panelled door", (1.0, 0.06, 2.2), (0, -0.03, 0.3), tint=trim),
        box("marble", (1.44, 0.14, 0.24), (0, -0.05, 2.5)),
        *[box("marble", (0.20, 0.12, 2.5), (sign * 0.61, -0.04, 0)) for sign in (-1, 1)],
        box("ashlar", (1.5, 0.40, 0.30), (0, -0.20, 0)),
        box("ashlar", (1.8, 0.80, 0.15), (0, -0.40, 0)),
    ]


def _balcony(rng: Generator, style: Style) -> Parts:
    """A glazed door behind an iron railing."""
    iron = (0.05, 0.05, 0.05)
    parts = [
        *_window(rng, 1.1, 2.1, style, shutters=True),
        box("concrete", (2.2, 0.9, 0.14), (0, -0.45, -0.14)),
        box("enamel", (2.2, 0.05, 0.05), (0, -0.87, 0.95), tint=iron),
    ]
    parts += [
        rod("enamel", (x, -0.87, 0), (x, -0.87, 0.95), 0.015, tint=iron)
        for x in np.linspace(-1.08, 1.08, 13).tolist()
    ]
    for side in (-1.08, 1.08):
        parts.append(box("enamel", (0.05, 0.9, 0.05), (side, -0.45, 0.95), tint=iron))
        parts += [rod("enamel", (side, -y, 0), (side, -y, 0.95), 0.015, tint=iron) for y in (0.25, 0.55)]
    pot = [cylinder("terracotta", 0.14, 0.28, top_radius=0.18), *placed(_blooms(rng, 0.4), (0, 0, 0.3))]
    return joined([parts, placed(pot, (0.75, -0.6, 0))])
