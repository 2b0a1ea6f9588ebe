"""Trees, hedges and pots."""

import numpy as np
from numpy.random import Generator

from data.synthetic.parts import Parts, box, cylinder, ellipsoid, placed, rod
from data.synthetic.poses import Vector
from data.synthetic.props.buildings import tint

_GREENS = ("#ffffff", "#f0ffd0", "#d8f0c8", "#fff0b8")


def tree(rng: Generator, height: float = 5.5) -> Parts:
    """A broad-leaved tree: a trunk, boughs, and shells of leaves about their ends."""
    fork = height * 0.42
    parts = [cylinder("bark", 0.17, fork, top_radius=0.12)]
    color = tint(str(rng.choice(_GREENS)))
    reach, middle = height * 0.27, height * 0.72
    for index in range(16):
        # Points spread evenly over an upright egg, by the golden angle.
        rise = 1 - 2 * (index + 0.5) / 16
        angle, away = (
            index * 2.4 + float(rng.uniform(-0.3, 0.3)),
            np.sqrt(1 - rise**2) * float(rng.uniform(0.75, 1.1)),
        )
        tip = (
            float(reach * away * np.cos(angle)),
            float(reach * away * np.sin(angle)),
            middle + rise * height * 0.21,
        )
        if index % 3 == 0:
            parts.append(rod("bark", (0, 0, fork * 0.92), (tip[0] * 0.8, tip[1] * 0.8, tip[2]), 0.045))
        radius = height * float(rng.uniform(0.10, 0.15))
        shade = float(rng.uniform(0.7, 1.2))
        parts.append(
            ellipsoid(
                "foliage",
                (radius, radius * 0.9, radius * 0.75),
                tip,
                pierced=True,
                yaw=float(rng.uniform(0, 180)),
                roll=float(rng.uniform(-30, 30)),
                tint=(color[0] * shade, color[1] * shade, color[2] * shade),
            )
        )
    core = (reach * 0.75, reach * 0.75, height * 0.2)
    return [
        *parts,
        ellipsoid(
            "foliage",
            core,
            (0, 0, middle),
            tint=(0.5 * color[0], 0.5 * color[1], 0.5 * color[2]),
            pierced=True,
        ),
    ]


def tree_pit() -> Parts:
    """Soil within a stone frame about a street tree."""
    frame = [box("ashlar", (1.4, 0.14, 0.12), (0, sign * 0.63, 0)) for sign in (-1, 1)]
    frame += [box("ashlar", (0.14, 1.12, 0.12), (sign * 0.63, 0, 0)) for sign in (-1, 1)]
    return [*frame, box("soil", (1.15, 1.15, 0.05))]


def planter(rng: Generator, width: float = 1.2) -> Parts:
    """A wooden trough with flowers."""
    color = tint(str(rng.choice(["#e0434b", "#e58bb0", "#f0d050", "#b080d0", "#f8f4f0"])))
    parts = [box("planks", (width, 0.45, 0.45)), box("soil", (width - 0.06, 0.39, 0.03), (0, 0, 0.44))]
    for x in np.arange(-width / 2 + 0.15, width / 2 - 0.05, 0.2).tolist():
        top = float(rng.uniform(0.5, 0.68))
        parts.append(
            ellipsoid("blossoms", (0.16, 0.19, 0.17), (x, float(rng.uniform(-0.05, 0.05)), top), tint=color)
        )
    return parts


def pot_plant(rng: Generator, size: float = 0.5) -> Parts:
    """A shrub in a clay pot; `size` is the pot's height in metres."""
    parts = [
        cylinder("terracotta", 0.30 * size, 0.85 * size, top_radius=0.44 * size),
        cylinder("terracotta", 0.50 * size, 0.15 * size, (0, 0, 0.85 * size)),
        cylinder("soil", 0.42 * size, 0.02, (0, 0, size)),
    ]
    for _ in range(5):
        shift = rng.uniform(-0.25, 0.25, 3) * size
        center: Vector = (float(shift[0]), float(shift[1]), float(1.55 * size + 1.6 * shift[2]))
        radius = float(rng.uniform(0.32, 0.48)) * size
        parts.append(
            ellipsoid("hedge", (radius, radius, radius * 1.1), center, tint=tint(str(rng.choice(_GREENS))))
        )
    return parts


def topiary() -> Parts:
    """A clipped tree in a square box."""
    return [
        box("painted planks", (0.6, 0.6, 0.5), tint=(0.9, 0.95, 0.9)),
        box("soil", (0.52, 0.52, 0.02), (0, 0, 0.5)),
        cylinder("bark", 0.04, 0.7, (0, 0, 0.5)),
        ellipsoid("hedge", (0.42, 0.42, 0.42), (0, 0, 1.45)),
        ellipsoid("hedge", (0.24, 0.24, 0.24), (0, 0, 2.05)),
    ]


def hedge_row(length: float, height: float = 0.9) -> Parts:
    """A clipped hedge along x."""
    return [box("hedge", (length, 0.6, height), top=(0.98, 0.85))]


def cypress(rng: Generator, height: float = 7.0) -> Parts:
    """A slender dark tree."""
    shade = float(rng.uniform(0.6, 0.85))
    leaves = (shade * 0.8, shade, shade * 0.8)
    return [
        cylinder("bark", 0.14, height * 0.2),
        ellipsoid("hedge", (0.75, 0.75, height * 0.45), (0, 0, height * 0.55), tint=leaves),
        *placed([ellipsoid("hedge", (0.5, 0.5, height * 0.28), (0.3, 0.2, height * 0.42), tint=leaves)]),
    ]
