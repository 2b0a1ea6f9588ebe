"""Cars, vans and a bicycle; wheels are apart, so that they can turn."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from data.synthetic.motions import Ground, Loop, Pace, paced, steady, travel, turning_wheel
from data.synthetic.parts import Parts, box, cylinder, ellipsoid, joined, placed, rod
from data.synthetic.poses import Number, Vector
from data.synthetic.world import World

_DARK = (0.05, 0.05, 0.055)


@dataclass(frozen=True)
class Vehicle:
    """A vehicle that faces -y, its wheels on z = 0.

    Args:
        shell: everything but the wheels.
        wheel: one wheel about its own hub, its axle along x.
        hubs: where the wheels are.
        radius_m: of the wheels.
    """

    shell: Parts
    wheel: Parts
    hubs: tuple[Vector, ...]
    radius_m: float

    def parked(self) -> Parts:
        """The vehicle as one resting thing."""
        return self.shell + joined(placed(self.wheel, hub) for hub in self.hubs)


def add_vehicle(
    world: World,
    name: str,
    vehicle: Vehicle,
    loop: Loop,
    speed: float,
    *,
    start_m: float = 0.0,
    pace: Pace = steady,
    z: Number | Ground = 0.0,
) -> int:
    """Let a vehicle go along a path, its wheels turning with the way it goes.

    Args:
        world: gets the bodies and parts.
        name: of the vehicle.
        vehicle: what it looks like.
        loop: the path.
        speed: metres per second.
        start_m: how far along the path it is at time 0.
        pace: when it drives and when it stands.
        z: height of the ground in metres.

    Returns:
        The index of the shell's body.
    """
    shell = world.body(name, "vehicle", motion=paced(travel(loop, speed, start_m, z), pace))
    world.add(shell, vehicle.shell)
    for index, hub in enumerate(vehicle.hubs):
        motion = paced(turning_wheel(hub, vehicle.radius_m, speed), pace)
        wheel = world.body(f"{name} wheel {index}", "vehicle", parent=shell, motion=motion)
        world.add(wheel, vehicle.wheel)
    return shell


def car(color: Vector) -> Vehicle:
    """A small hatchback of 3.9 m."""
    shell = [
        box("car paint", (1.64, 3.80, 0.42), (0, 0, 0.28), tint=color),
        box("car paint", (1.64, 3.86, 0.30), (0, 0, 0.62), top=(0.94, 0.95), tint=color),
        box("glass", (1.50, 2.30, 0.56), (0, 0.42, 0.90), top=(0.78, 0.68)),
        box("car paint", (1.20, 1.62, 0.06), (0, 0.42, 1.45), top=(0.94, 0.92), tint=color),
        box("enamel", (1.66, 0.24, 0.22), (0, -1.88, 0.28), tint=_DARK),
        box("enamel", (1.66, 0.24, 0.22), (0, 1.86, 0.28), tint=_DARK),
        box("plate", (0.52, 0.02, 0.12), (0, -2.005, 0.36)),
        box("plate", (0.52, 0.02, 0.12), (0, 1.985, 0.36), yaw=180),
        box("enamel", (0.80, 0.06, 0.14), (0, -1.90, 0.56), tint=_DARK),
        box("enamel", (1.58, 0.5, 0.04), (0, -0.95, 0.925), tint=_DARK, roll=-3),
    ]
    for side in (-1, 1):
        shell += [
            ellipsoid("lamp", (0.17, 0.08, 0.10), (side * 0.60, -1.88, 0.68)),
            ellipsoid("lamp", (0.08, 0.06, 0.13), (side * 0.68, 1.86, 0.74), tint=(0.8, 0.05, 0.03)),
        ]
        shell += [
            box("car paint", (0.16, 0.10, 0.12), (side * 0.86, -0.62, 0.93), tint=color),
            box("enamel", (0.012, 1.2, 0.012), (side * 0.822, 0.1, 0.62), tint=_DARK),
        ]
        # Door seams, handles and the pillars between the windows.
        shell += [
            box("enamel", (0.012, 0.014, 0.52), (side * 0.822, y, 0.34), tint=_DARK)
            for y in (-0.62, 0.42, 1.10)
        ]
        shell += [box("brushed", (0.03, 0.16, 0.03), (side * 0.815, 0.28, 0.76))]
        shell += [
            rod("car paint", (side * 0.745, y0, 0.90), (side * 0.585, y1, 1.47), 0.04, tint=color)
            for y0, y1 in ((-0.70, -0.34), (0.42, 0.42), (1.52, 1.18))
        ]
        shell += [
            cylinder("enamel", 0.36, 0.03, (side * 0.815, y, 0.30), tint=_DARK, pitch=90)
            for y in (-1.18, 1.20)
        ]
    wheel = _wheel(0.30, 0.18)
    hubs = tuple((side * 0.76, y, 0.30) for side in (-1.0, 1.0) for y in (-1.18, 1.20))
    return Vehicle(shell, wheel, hubs, 0.30)


def van(color: Vector) -> Vehicle:
    """A delivery van of 4.8 m with a sign on its side."""
    shell = [
        box("car paint", (1.85, 3.5, 1.75), (0, 0.65, 0.35), tint=color),
        box("car paint", (1.85, 1.35, 0.75), (0, -1.75, 0.35), tint=color),
        box("glass", (1.75, 1.25, 0.80), (0, -1.40, 1.08), top=(0.86, 0.45)),
        box("car paint", (1.80, 3.3, 0.06), (0, 0.65, 2.10), top=(0.96, 0.97), tint=color),
        box("enamel", (1.88, 0.20, 0.26), (0, -2.40, 0.34), tint=_DARK),
        box("enamel", (1.88, 0.16, 0.24), (0, 2.36, 0.34), tint=_DARK),
        box("plate", (0.52, 0.02, 0.12), (0, -2.51, 0.42)),
        box("plate", (0.52, 0.02, 0.12), (0, 2.45, 0.42), yaw=180),
    ]
    for side in (-1, 1):
        shell += [
            ellipsoid("lamp", (0.15, 0.07, 0.14), (side * 0.70, -2.40, 0.82)),
            box("lamp", (0.12, 0.04, 0.34), (side * 0.82, 2.40, 0.8), tint=(0.8, 0.05, 0.03)),
        ]
        shell += placed([box("bakery sign", (2.4, 0.02, 0.75))], (side * 0.932, 0.70, 1.10), yaw=side * 90)
        shell += [
            box("enamel", (0.012, 0.016, 1.2), (side * 0.927, y, 0.45), tint=_DARK) for y in (-1.08, 2.2)
        ]
        shell += [box("car paint", (0.2, 0.10, 0.26), (side * 1.02, -1.75, 1.05), tint=_DARK)]
    wheel = _wheel(0.34, 0.20)
    hubs = tuple((side * 0.86, y, 0.34) for side in (-1.0, 1.0) for y in (-1.60, 1.50))
    return Vehicle(shell, wheel, hubs, 0.34)


def bicycle(color: Vector) -> Parts:
    """A bicycle that leans on its stand."""
    joints: dict[str, Vector] = {
        "rear": (0, 0.52, 0.34),
        "front": (0, -0.52, 0.34),
        "crank": (0, 0.08, 0.30),
        "seat": (0, 0.22, 0.78),
        "head": (0, -0.34, 0.76),
    }
    pairs = (
        ("rear", "crank"),
        ("rear", "seat"),
        ("crank", "seat"),
        ("crank", "head"),
        ("seat", "head"),
        ("front", "head"),
    )
    parts = [rod("enamel", joints[a], joints[b], 0.018, tint=color) for a, b in pairs]
    for hub in ("rear", "front"):
        center = np.array(joints[hub])
        rim = [
            (0.0, float(center[1] + 0.32 * np.cos(t)), float(center[2] + 0.32 * np.sin(t)))
            for t in np.linspace(0, 2 * np.pi, 19)
        ]
        parts += [rod("rubber", start, end, 0.022) for start, end in pairwise(rim)]
        parts += [rod("brushed", rim[k], rim[k + 9], 0.005) for k in range(0, 9, 3)]
    parts += [
        box("leather", (0.14, 0.26, 0.06), (0, 0.24, 0.86), tint=(0.35, 0.2, 0.12)),
        rod("enamel", joints["seat"], (0, 0.24, 0.88), 0.014, tint=_DARK),
        rod("brushed", joints["head"], (0, -0.38, 0.98), 0.015),
        rod("brushed", (-0.27, -0.32, 1.0), (0.27, -0.32, 1.0), 0.014),
        rod("rubber", (-0.10, 0.08, 0.30), (0.10, 0.08, 0.30), 0.05),
        box("wicker", (0.34, 0.26, 0.22), (0, -0.56, 0.82), top=(1.15, 1.15)),
    ]
    return placed(parts, roll=0, pitch=7)


def _wheel(radius: float, width: float) -> Parts:
    """A tyre with a rim, about the hub; the axle is x."""
    return [
        cylinder("rubber", radius, width, (-width / 2, 0, 0), pitch=90),
        *[
            cylinder("wheel", radius * 0.97, 0.012, (side * width / 2, 0, 0), pitch=side * 90)
            for side in (-1, 1)
        ],
    ]
