"""A dog that trots: a trunk that travels, and four legs and a tail that swing."""

from data.synthetic.motions import Loop, bobbing, swing, travel
from data.synthetic.parts import box, cylinder, ellipsoid
from data.synthetic.poses import Vector
from data.synthetic.world import World

_LEG_M = 0.26


def add_dog(world: World, name: str, loop: Loop, speed: float, coat: Vector, *, start_m: float = 0.0) -> int:
    """Add a dog of 0.45 m that trots along a path.

    Args:
        world: gets the bodies and parts.
        name: of the dog.
        loop: the path.
        speed: metres per second.
        coat: tint.
        start_m: how far along the path it is at time 0.

    Returns:
        The index of the trunk's body.
    """
    period = 0.55 / speed
    trunk = world.body(name, "animal", motion=bobbing(travel(loop, speed, start_m), 0.012, period / 2))
    dark = (0.05, 0.045, 0.04)
    world.add(
        trunk,
        [
            ellipsoid("knitted", (0.10, 0.28, 0.105), (0, 0.0, 0.34), tint=coat),
            ellipsoid("knitted", (0.095, 0.12, 0.125), (0, -0.17, 0.34), tint=coat),
            cylinder("knitted", 0.065, 0.20, (0, -0.22, 0.36), top_radius=0.05, tint=coat, roll=40),
            ellipsoid("knitted", (0.07, 0.095, 0.07), (0, -0.37, 0.52), tint=coat),
            box("knitted", (0.06, 0.12, 0.06), (0, -0.46, 0.465), top=(0.8, 0.9), tint=coat),
            ellipsoid("leather", (0.018, 0.018, 0.018), (0, -0.52, 0.515), tint=dark),
            *[
                ellipsoid("knitted", (0.014, 0.035, 0.05), (side * 0.068, -0.34, 0.53), tint=coat)
                for side in (-1, 1)
            ],
            cylinder("leather", 0.07, 0.03, (0, -0.26, 0.41), tint=(0.7, 0.12, 0.10), roll=40),
        ],
    )
    # Legs that stand crosswise swing together.
    for side in (-1, 1):
        for y in (-0.18, 0.20):
            phase = 0.0 if side * y > 0 else 0.5
            motion = swing((side * 0.06, y, 0.28), 24, period, phase=phase)
            leg = world.body(f"{name} leg {side} {y}", "animal", parent=trunk, motion=motion)
            world.add(leg, [cylinder("knitted", 0.022, _LEG_M, (0, 0, -_LEG_M), top_radius=0.04, tint=coat)])
    wag = swing((0, 0.26, 0.40), 14, 0.4, middle_deg=-125)
    tail = world.body(f"{name} tail", "animal", parent=trunk, motion=wag)
    world.add(tail, [cylinder("knitted", 0.012, 0.24, (0, 0, -0.24), top_radius=0.026, tint=coat)])
    return trunk
