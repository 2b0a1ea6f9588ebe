"""Things on wheels of a walker's size: a trolley, and two that have a colour and no texture."""

from numpy.random import Generator

from data.synthetic.parts import Parts, box, cylinder, ellipsoid, placed, rod
from data.synthetic.poses import Vector
from data.synthetic.props import furniture
from data.synthetic.props.vehicles import Vehicle

_STEEL = (0.35, 0.36, 0.38)


def trolley(rng: Generator) -> Vehicle:
    """A flat trolley of 1.1 m with crates on it and a handle behind; faces -y."""
    shell = [
        box("pale wood", (0.66, 1.05, 0.05), (0, 0, 0.22)),
        *[rod("brushed", (x, 0.50, 0.25), (x, 0.60, 0.98), 0.018, tint=_STEEL) for x in (-0.27, 0.27)],
        rod("brushed", (-0.29, 0.60, 0.97), (0.29, 0.60, 0.97), 0.02, tint=_STEEL),
    ]
    fruit = str(rng.choice(["#f08020", "#c83a30", "#7fa83a"]))
    shell += placed(furniture.crate(rng), (0, 0.18, 0.27), yaw=90)
    shell += placed(furniture.crate(rng), (0.02, -0.28, 0.27), yaw=4)
    shell += placed(furniture.crate(rng, fruit), (0.0, 0.14, 0.77), yaw=86)
    hubs = tuple((side * 0.26, y, 0.10) for side in (-1.0, 1.0) for y in (-0.40, 0.40))
    return Vehicle(shell, [cylinder("rubber", 0.10, 0.05, (-0.025, 0, 0), pitch=90)], hubs, 0.10)


def robot(color: Vector) -> Parts:
    """A plain drum of 1.1 m under a dome, all of one colour."""
    return [
        cylinder("plain", 0.27, 0.85, (0, 0, 0.04), top_radius=0.24, tint=color),
        ellipsoid("plain", (0.24, 0.24, 0.22), (0, 0, 0.89), tint=color),
        cylinder("plain", 0.22, 0.04, tint=color),
    ]


def chest(color: Vector) -> Parts:
    """A plain chest of 0.8 m x 0.55 m x 0.75 m, all of one colour."""
    return [
        box("plain", (0.55, 0.80, 0.70), (0, 0, 0.05), tint=color),
        box("plain", (0.45, 0.7, 0.05), tint=color),
    ]
