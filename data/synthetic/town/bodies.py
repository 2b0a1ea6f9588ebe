"""Vehicles as a few boxes each: what a grid of voxels can show of a car, a van, a truck."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A part of a vehicle: x forward from its middle, y to both sides alike, z above the road, metres."""

    back: float
    front: float
    half_width: float
    low: float
    high: float


BODIES: dict[str, tuple[Box, ...]] = {
    "car": (Box(-2.2, 2.2, 0.95, 0.2, 0.95), Box(-1.6, 0.9, 0.8, 0.95, 1.6)),
    "van": (Box(-2.6, 2.6, 1.0, 0.2, 1.1), Box(-2.6, 1.8, 1.0, 1.1, 2.1)),
    "truck": (Box(-3.8, 1.8, 1.2, 0.4, 3.0), Box(2.0, 3.8, 1.15, 0.3, 2.4)),
}
