"""Tables, chairs, shelves, stalls, crates, lamps, benches: what stands in a square."""

import numpy as np
from numpy.random import Generator

from data.synthetic.parts import Parts, box, cylinder, ellipsoid, joined, placed, rod
from data.synthetic.poses import Number, Vector
from data.synthetic.props.buildings import tint

_IRON = (0.06, 0.07, 0.07)
_SHELF_TINTS = ("#ffffff", "#d8c8b0", "#a8c0d8", "#d8a0a0", "#b0d0b0")
_COVER_TINTS = ("#a83c34", "#2f5f83", "#3f6d48", "#d8b25a", "#5d4370", "#e4dcc8", "#b8642e", "#2e3238")


def chair(rng: Generator) -> Parts:
    """A bistro chair; the sitter faces -y."""
    wood = str(rng.choice(["oak", "walnut"]))
    parts = [box(wood, (0.42, 0.42, 0.035), (0, 0, 0.44)), *_legs(wood, 0.19, 0.19, 0.44, 0.018)]
    parts += [rod(wood, (x, 0.19, 0.44), (x, 0.25, 0.90), 0.018) for x in (-0.19, 0.19)]
    parts += [
        box(wood, (0.42, 0.03, 0.07), (0, 0.21 + 0.045 * step, 0.58 + 0.13 * step), roll=-8)
        for step in range(3)
    ]
    if rng.random() < 0.5:
        parts.append(
            box(
                "woven",
                (0.38, 0.38, 0.05),
                (0, -0.01, 0.475),
                tint=tint(str(rng.choice(["#c0504a", "#5b7fa8", "#d8b060"]))),
            )
        )
    return parts


def cafe_table(rng: Generator) -> Parts:
    """A round table on an iron foot, laid for two."""
    parts = [
        cylinder("enamel", 0.24, 0.03, tint=_IRON),
        cylinder("enamel", 0.03, 0.70, (0, 0, 0.02), tint=_IRON),
        cylinder("oak", 0.40, 0.03, (0, 0, 0.71)),
        cylinder("brushed", 0.405, 0.012, (0, 0, 0.715)),
    ]
    if rng.random() < 0.6:
        parts += [box("plaid", (0.60, 0.60, 0.008), (0, 0, 0.741), yaw=float(rng.uniform(0, 45)))]
    for turn in (90, 270):
        parts += placed([*cup(), *placed(plate(), (0.02, 0.16, 0))], _polar(0.24, turn, 0.75), yaw=turn)
    if rng.random() < 0.7:
        parts += placed(
            [
                cylinder("glass", 0.04, 0.20, tint=(0.4, 1.2, 0.5)),
                cylinder("glass", 0.037, 0.08, (0, 0, 0.20), top_radius=0.014, tint=(0.4, 1.2, 0.5)),
                cylinder("woven", 0.041, 0.08, (0, 0, 0.06)),
            ],
            (0.05, -0.08, 0.75),
        )
    return parts + placed(
        [
            cylinder("terracotta", 0.05, 0.08, top_radius=0.06),
            ellipsoid("blossoms", (0.08, 0.08, 0.07), (0, 0, 0.13), tint=(1.0, 0.45, 0.4)),
        ],
        (-0.08, 0.06, 0.75),
    )


def cup() -> Parts:
    """A cup of coffee on its saucer."""
    white = (1.25, 1.25, 1.2)
    return [
        cylinder("marble", 0.055, 0.012, top_radius=0.075, tint=white),
        cylinder("marble", 0.028, 0.06, (0, 0, 0.012), top_radius=0.042, tint=white),
        cylinder("soil", 0.036, 0.004, (0, 0, 0.070)),
        box("marble", (0.012, 0.03, 0.03), (0, 0.05, 0.03), tint=white),
    ]


def plate() -> Parts:
    """A plate with a piece of cake."""
    return [
        cylinder("marble", 0.07, 0.012, top_radius=0.10, tint=(1.25, 1.25, 1.2)),
        box("soil", (0.07, 0.05, 0.04), (0, 0, 0.012), tint=(2.5, 1.8, 1.2)),
        box("marble", (0.07, 0.05, 0.012), (0, 0, 0.052), tint=(1.25, 1.1, 1.1)),
    ]


def parasol(rng: Generator) -> Parts:
    """A parasol of 2.6 m with a heavy foot."""
    color = tint(str(rng.choice(["#e05a4a", "#f0c860", "#5a9a8a", "#e8e0d0"])))
    return [
        cylinder("concrete", 0.28, 0.12),
        cylinder("pale wood", 0.025, 2.5, (0, 0, 0.1)),
        box("striped", (2.6, 2.6, 0.55), (0, 0, 2.05), top=(0.03, 0.03), tint=color),
        *joined(
            [
                placed([box("striped", (2.6, 0.02, 0.16), (0, -1.3, 1.90), tint=color)], yaw=yaw)
                for yaw in (0, 90, 180, 270)
            ]
        ),
    ]


def cafe_set(rng: Generator, *, shaded: bool) -> Parts:
    """A table with chairs about it, under a parasol if `shaded`."""
    parts = cafe_table(rng)
    for turn in np.arange(3) * 120 + rng.uniform(0, 120):
        nudge = float(turn + rng.uniform(-12, 12))
        parts += placed(chair(rng), _polar(rng.uniform(0.62, 0.78), nudge, 0.0), yaw=nudge - 90)
    return parts + (placed(parasol(rng), (0.0, 0.55, 0)) if shaded else [])


def bookshelf(rng: Generator, width: float = 1.2, shelves: int = 4) -> Parts:
    """An open shelf with rows of books; what is not books is a vase or a pile."""
    wood, height, depth = str(rng.choice(["oak", "walnut"])), 0.38 * shelves + 0.1, 0.32
    parts = [box(wood, (width, 0.02, height), (0, depth / 2, 0))]
    parts += [box(wood, (0.03, depth, height), (sign * (width / 2 - 0.015), 0, 0)) for sign in (-1, 1)]
    parts += [
        box(wood, (width - 0.06, depth, 0.03), (0, 0, 0.06 + 0.38 * level)) for level in range(shelves + 1)
    ]
    for level in range(shelves):
        base = 0.09 + 0.38 * level
        filled = float(rng.uniform(0.55, 0.95)) * (width - 0.08)
        parts.append(
            box(
                "books",
                (filled, 0.22, 0.29),
                (-width / 2 + 0.04 + filled / 2, 0.03, base),
                tint=tint(str(rng.choice(_SHELF_TINTS))),
            )
        )
        if filled < 0.85 * width:
            left = -width / 2 + 0.04 + filled
            room = (left + width / 2) / 2
            parts += placed(
                [
                    cylinder("terracotta", 0.05, 0.09, top_radius=0.09),
                    cylinder("terracotta", 0.09, 0.10, (0, 0, 0.09), top_radius=0.04),
                ],
                (room, 0, base),
            )
    return parts


def book_pile(rng: Generator, count: int) -> Parts:
    """Closed books lying on one another."""
    parts, z = [], 0.0
    for _ in range(count):
        thick = float(rng.uniform(0.02, 0.05))
        size = (float(rng.uniform(0.13, 0.18)), float(rng.uniform(0.19, 0.26)), thick)
        parts.append(
            box(
                "book cover",
                size,
                (0, 0, z),
                yaw=float(rng.uniform(-25, 25)),
                tint=tint(str(rng.choice(_COVER_TINTS))),
            )
        )
        z += thick
    return parts


def crate(rng: Generator, fruit: str | None = None) -> Parts:
    """A wooden crate of 0.6 m x 0.45 m x 0.35 m, closed or with fruit of the given colour."""
    if fruit is None:
        return [box("crate", (0.6, 0.5, 0.5))]
    parts = [box("planks", (0.60, 0.02, 0.26), (0, sign * 0.20, 0)) for sign in (-1, 1)]
    parts += [box("planks", (0.02, 0.42, 0.30), (sign * 0.30, 0, 0)) for sign in (-1, 1)]
    parts.append(box("planks", (0.58, 0.40, 0.12)))
    for x in np.linspace(-0.24, 0.24, 6).tolist():
        for y in np.linspace(-0.14, 0.14, 4).tolist():
            radius, shift = float(rng.uniform(0.042, 0.052)), rng.uniform(-0.012, 0.012, 3)
            ripeness = float(rng.uniform(0.75, 1.15))
            red, green, blue = tint(fruit)
            parts.append(
                ellipsoid(
                    "peel",
                    (radius, radius, radius * 0.95),
                    (x + shift[0], y + shift[1], 0.17 + 2 * shift[2]),
                    tint=(red * ripeness, green * ripeness, blue * ripeness),
                )
            )
    return parts


def market_stall(rng: Generator) -> Parts:
    """A stall of 3 m under striped canvas, with crates of fruit on its counter."""
    color = tint(str(rng.choice(["#d84a40", "#4a8a50", "#e0a030"])))
    parts = [
        box("planks", (3.0, 0.9, 0.05), (0, 0, 0.80)),
        box("woven", (3.02, 0.02, 0.72), (0, -0.44, 0.10), tint=color),
    ]
    parts += [
        box("planks", (0.08, 0.08, 2.2 + 0.5 * (y > 0)), (x, y, 0))
        for x in (-1.42, 1.42)
        for y in (-0.42, 0.5)
    ]
    parts += [
        box("striped", (3.3, 1.9, 0.03), (0, -0.15, 2.38), roll=14, tint=color),
        box("striped", (3.3, 0.02, 0.25), (0, -1.06, 1.93), tint=color),
    ]
    fruits = ["#f08020", "#c02820", "#80a030", "#e8c830", "#6a2a50"]
    for index, x in enumerate((-1.08, -0.36, 0.36, 1.08)):
        parts += placed(
            crate(rng, fruits[int(rng.integers(len(fruits)))]), (x, -0.12, 0.87 + 0.02 * index), roll=14
        )
    parts += placed(crate(rng, fruits[0]), (-1.1, -0.85, 0.0), yaw=8)
    parts += placed(crate(rng), (0.9, -0.85, 0.0), yaw=-12)
    return parts + placed(scales(), (0.05, 0.30, 0.85))


def scales() -> Parts:
    """A shop balance."""
    brass = (1.3, 1.0, 0.45)
    return [
        box("walnut", (0.34, 0.2, 0.06)),
        cylinder("brushed", 0.02, 0.34, (0, 0, 0.06), tint=brass),
        rod("brushed", (-0.24, 0, 0.38), (0.24, 0, 0.34), 0.012, tint=brass),
        cylinder("brushed", 0.05, 0.03, (-0.24, 0, 0.20), top_radius=0.11, tint=brass),
        cylinder("brushed", 0.05, 0.03, (0.24, 0, 0.16), top_radius=0.11, tint=brass),
    ]


def bench() -> Parts:
    """A park bench of 1.8 m; sitters face -y."""
    parts = [box("planks", (1.8, 0.11, 0.035), (0, y, 0.42)) for y in (-0.18, -0.05, 0.08)]
    parts += [
        box("planks", (1.8, 0.03, 0.11), (0, 0.20 + 0.05 * step, 0.56 + 0.16 * step), roll=-12)
        for step in range(2)
    ]
    for x in (-0.75, 0.75):
        parts += [rod("enamel", (x, y, 0), (x, y * 0.8, 0.42), 0.03, tint=_IRON) for y in (-0.22, 0.16)]
        parts += [
            rod("enamel", (x, 0.14, 0.42), (x, 0.30, 0.86), 0.025, tint=_IRON),
            rod("enamel", (x, -0.22, 0.62), (x, 0.22, 0.62), 0.02, tint=_IRON),
        ]
    return parts


def lamp_post() -> Parts:
    """A street lamp of 4 m."""
    green = tint("#3a5a48")
    return [
        cylinder("enamel", 0.20, 0.35, top_radius=0.14, tint=green),
        cylinder("enamel", 0.07, 3.0, (0, 0, 0.35), top_radius=0.05, tint=green),
        ellipsoid("enamel", (0.11, 0.11, 0.07), (0, 0, 1.2), tint=green),
        ellipsoid("enamel", (0.10, 0.10, 0.06), (0, 0, 3.35), tint=green),
        rod("enamel", (-0.35, 0, 2.9), (0.35, 0, 2.9), 0.025, tint=green),
        box("lamp", (0.26, 0.26, 0.46), (0, 0, 3.4), top=(1.5, 1.5)),
        box("enamel", (0.50, 0.50, 0.22), (0, 0, 3.86), top=(0.1, 0.1), tint=green),
        *[
            rod("enamel", (0.13 * x, 0.13 * y, 3.4), (0.195 * x, 0.195 * y, 3.86), 0.015, tint=green)
            for x in (-1, 1)
            for y in (-1, 1)
        ],
    ]


def barrel() -> Parts:
    """A cask of 0.9 m with hoops."""
    parts = [
        cylinder("oak", 0.26, 0.45, top_radius=0.34),
        cylinder("oak", 0.34, 0.45, (0, 0, 0.45), top_radius=0.26),
    ]
    return parts + [
        cylinder("rusty", radius, 0.05, (0, 0, z))
        for radius, z in ((0.295, 0.10), (0.343, 0.34), (0.343, 0.52), (0.295, 0.76))
    ]


def sack(rng: Generator, color: str) -> Parts:
    """A full sack, open at the top."""
    return [
        ellipsoid(
            "woven", (0.26, 0.22, 0.34), (0, 0, 0.30), tint=tint("#b89a68"), yaw=float(rng.uniform(0, 180))
        ),
        cylinder("woven", 0.20, 0.14, (0, 0, 0.50), top_radius=0.23, tint=tint("#b89a68")),
        cylinder("gravel", 0.20, 0.02, (0, 0, 0.625), tint=tint(color)),
    ]


def menu_board() -> Parts:
    """A folding board on the pavement."""
    return [
        box("oak", (0.62, 0.03, 1.0), (0, -0.18, 0), roll=-12),
        box("menu", (0.52, 0.03, 0.82), (0, -0.175, 0.1), roll=-12),
        box("oak", (0.62, 0.03, 1.0), (0, 0.18, 0), roll=12),
    ]


def fountain() -> Parts:
    """A basin of 4 m with a column, a bowl and a figure."""
    parts = [
        cylinder("slabs", 2.5, 0.12),
        cylinder("marble", 1.9, 0.30, (0, 0, 0.12)),
        cylinder("water", 1.80, 0.08, (0, 0, 0.40)),
    ]
    sides = 16
    for index in range(sides):
        turn = 360 * index / sides
        parts += placed(
            [
                box("marble", (0.74, 0.26, 0.52), (0, 0, 0.12), top=(1.0, 0.85)),
                box("marble", (0.80, 0.38, 0.10), (0, 0, 0.64)),
            ],
            _polar(1.85, turn, 0),
            yaw=turn - 90,
        )
    parts += [
        cylinder("marble", 0.50, 0.35, (0, 0, 0.40), top_radius=0.32),
        cylinder("marble", 0.22, 0.95, (0, 0, 0.75), top_radius=0.17),
        cylinder("marble", 0.20, 0.28, (0, 0, 1.70), top_radius=0.85),
        cylinder("marble", 0.88, 0.07, (0, 0, 1.98)),
        cylinder("water", 0.80, 0.03, (0, 0, 2.03)),
        cylinder("marble", 0.16, 0.45, (0, 0, 2.03), top_radius=0.24),
    ]
    return parts + placed(statue(), (0, 0, 2.48))


def statue() -> Parts:
    """A figure of bronze that holds up a jug."""
    bronze: Vector = (0.55, 0.85, 0.62)
    return [
        cylinder("brushed", 0.20, 0.06, tint=bronze),
        cylinder("brushed", 0.17, 0.55, (0, 0, 0.05), top_radius=0.11, tint=bronze),
        ellipsoid("brushed", (0.15, 0.11, 0.22), (0, 0, 0.76), tint=bronze),
        ellipsoid("brushed", (0.075, 0.085, 0.10), (0, 0, 1.05), tint=bronze),
        rod("brushed", (0.12, 0, 0.90), (0.26, -0.05, 1.12), 0.035, tint=bronze),
        rod("brushed", (0.26, -0.05, 1.12), (0.12, -0.04, 1.30), 0.03, tint=bronze),
        ellipsoid("brushed", (0.08, 0.08, 0.11), (0.06, -0.04, 1.34), tint=bronze),
        rod("brushed", (-0.12, 0, 0.90), (-0.22, -0.12, 0.66), 0.035, tint=bronze),
    ]


def _legs(material: str, x: float, y: float, height: float, radius: float) -> Parts:
    return [cylinder(material, radius, height, (sx * x, sy * y, 0)) for sx in (-1, 1) for sy in (-1, 1)]


def _polar(radius: Number, angle_deg: Number, z: Number) -> Vector:
    angle = np.radians(angle_deg)
    return (float(radius * np.cos(angle)), float(radius * np.sin(angle)), z)
