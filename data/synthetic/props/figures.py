"""A walking person: a trunk that travels, and limbs that swing about their joints."""

from dataclasses import dataclass

from data.synthetic.motions import Ground, Loop, Pace, bobbing, paced, steady, swing, travel
from data.synthetic.parts import Part, Parts, box, cylinder, ellipsoid
from data.synthetic.poses import Number, Vector
from data.synthetic.world import World

_HIP_M, _THIGH_M, _SHOULDER_M, _ARM_M = 0.88, 0.42, 1.38, 0.28


@dataclass(frozen=True)
class Clothes:
    """Materials and tints of a figure.

    Args:
        top: material and tint of jacket and sleeves.
        legs: material and tint of the trousers.
        skin: tint.
    """

    top: tuple[str, Vector]
    legs: tuple[str, Vector]
    skin: Vector = (1.0, 1.0, 1.0)


def _shoe() -> Part:
    return box("leather", (0.10, 0.26, 0.085), (0, -0.055, -0.46), top=(0.85, 0.75), tint=(0.16, 0.10, 0.07))


def add_walker(
    world: World,
    name: str,
    loop: Loop,
    speed: float,
    clothes: Clothes,
    *,
    start_m: float = 0.0,
    pace: Pace = steady,
    z: Number | Ground = 0.0,
) -> int:
    """Add a person of 1.75 m who walks along a path.

    Args:
        world: gets the bodies and parts.
        name: of the person.
        loop: the path.
        speed: metres per second; above 2 it is a run.
        clothes: what is worn.
        start_m: how far along the path it is at time 0.
        pace: when it walks and when it stands.
        z: height of the ground in metres.

    Returns:
        The index of the trunk's body.
    """
    running = speed > 2.0
    # Two steps a period; steps grow with speed as people's do.
    period = (1.9 if running else 1.45) / speed
    stride = 38.0 if running else 26.0
    walk = bobbing(travel(loop, speed, start_m, z), 0.02, period / 2)
    trunk = world.body(name, "person", motion=paced(walk, pace))
    world.add(trunk, _trunk(clothes))
    for side, phase in ((-1, 0.0), (1, 0.5)):
        sleeve, cloth = clothes.top, clothes.legs
        hip = swing((side * 0.10, 0, _HIP_M), stride, period, phase=phase)
        thigh = world.body(f"{name} thigh {phase}", "person", parent=trunk, motion=paced(hip, pace))
        world.add(
            thigh, [cylinder(cloth[0], 0.068, _THIGH_M, (0, 0, -_THIGH_M), top_radius=0.095, tint=cloth[1])]
        )
        # The knee only bends backward, most when the leg comes forward.
        knee = swing((0, 0, -_THIGH_M), stride * 0.8, period, phase=phase - 0.20, middle_deg=-stride * 0.85)
        shin = world.body(f"{name} shin {phase}", "person", parent=thigh, motion=paced(knee, pace))
        world.add(
            shin,
            [
                cylinder(cloth[0], 0.05, 0.40, (0, 0, -0.40), top_radius=0.066, tint=cloth[1]),
                ellipsoid(cloth[0], (0.068, 0.068, 0.068), tint=cloth[1]),
                _shoe(),
            ],
        )
        shoulder = swing((side * 0.225, 0, _SHOULDER_M), stride * 0.8, period, phase=phase + 0.5)
        arm = world.body(f"{name} arm {phase}", "person", parent=trunk, motion=paced(shoulder, pace))
        world.add(
            arm,
            [
                cylinder(sleeve[0], 0.045, _ARM_M, (0, 0, -_ARM_M), top_radius=0.058, tint=sleeve[1]),
                ellipsoid(sleeve[0], (0.062, 0.062, 0.062), tint=sleeve[1]),
            ],
        )
        elbow = swing((0, 0, -_ARM_M), 12, period, phase=phase + 0.5, middle_deg=70.0 if running else 22.0)
        forearm = world.body(f"{name} forearm {phase}", "person", parent=arm, motion=paced(elbow, pace))
        world.add(
            forearm,
            [
                cylinder(sleeve[0], 0.035, 0.24, (0, 0, -0.24), top_radius=0.046, tint=sleeve[1]),
                ellipsoid("skin", (0.036, 0.045, 0.075), (0, 0, -0.29), tint=clothes.skin),
            ],
        )
    return trunk


def _trunk(clothes: Clothes) -> Parts:
    """Hips, chest, neck and head; faces -y."""
    material, tint = clothes.top
    return [
        ellipsoid(clothes.legs[0], (0.17, 0.12, 0.14), (0, 0, 0.93), tint=clothes.legs[1]),
        cylinder(material, 0.15, 0.40, (0, 0, 0.93), top_radius=0.19, tint=tint),
        ellipsoid(material, (0.205, 0.13, 0.17), (0, 0, 1.33), tint=tint),
        cylinder("leather", 0.156, 0.045, (0, 0, 0.95), tint=(0.2, 0.12, 0.08)),
        cylinder("skin", 0.055, 0.12, (0, 0, 1.44), tint=clothes.skin),
        # The face looks along the part's +x, so it is turned toward -y.
        ellipsoid("face", (0.105, 0.088, 0.125), (0, -0.01, 1.63), tint=clothes.skin, yaw=-90),
        box("leather", (0.26, 0.13, 0.36), (0, 0.17, 1.02), top=(0.9, 0.8), tint=(0.5, 0.3, 0.18)),
    ]
