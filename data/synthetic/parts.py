"""The solids that everything is built of, and the words to place them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.poses import Number, Vector, pose

WHITE: Vector = (1, 1, 1)


class Shape(IntEnum):
    """The four convex solids; each is centred on its own origin."""

    BOX = 0
    TAPER = 1
    CYLINDER = 2
    ELLIPSOID = 3


@dataclass(frozen=True)
class Part:
    """One solid in the frame of whatever it belongs to.

    Args:
        shape: which solid.
        size: half extents (box; tapered box: of its lower face), radii (ellipsoid), or (lower radius, upper
            radius, half height) of a cylinder; metres.
        material: name in the material library.
        pose: owner-from-part.
        top: a tapered box's upper face as a fraction of its lower one, in x and y.
        tint: linear RGB factors on the material's colour.
        pierced: the surface has the holes of its material, as foliage has: rays may pass.
    """

    shape: Shape
    size: Vector
    material: str
    pose: Float64[ndarray, "4 4"] = field(default_factory=lambda: np.eye(4))
    top: tuple[Number, Number] = (1.0, 1.0)
    tint: Vector = WHITE
    pierced: bool = False

    @property
    def half_extents(self) -> Vector:
        """Half the size of the smallest box about the part in its own axes."""
        if self.shape == Shape.CYLINDER:
            radius = max(self.size[0], self.size[1])
            return (radius, radius, self.size[2])
        widest = (max(1.0, self.top[0]), max(1.0, self.top[1]))
        return (self.size[0] * widest[0], self.size[1] * widest[1], self.size[2])


Parts = list[Part]


def box(
    material: str,
    size: Vector,
    at: Vector = (0, 0, 0),
    *,
    top: tuple[Number, Number] | None = None,
    tint: Vector = WHITE,
    yaw: Number = 0,
    pitch: Number = 0,
    roll: Number = 0,
) -> Part:
    """A box that stands on `at`; with `top`, one whose upper face is that fraction of the lower one.

    Args:
        material: name in the material library.
        size: full width (x), depth (y) and height (z) in metres.
        at: centre of the lower face; turns are about this point.
        top: `(1, 0)` makes a gable roof along x, `(0, 0)` a pyramid.
        tint: linear RGB factors.
        yaw: turn about z in degrees; the last.
        pitch: turn about y in degrees.
        roll: turn about x in degrees; the first.
    """
    turned = pose(at, yaw=yaw, pitch=pitch, roll=roll) @ pose((0.0, 0.0, size[2] / 2))
    half = (size[0] / 2, size[1] / 2, size[2] / 2)
    if top is None:
        return Part(Shape.BOX, half, material, turned, tint=tint)
    return Part(Shape.TAPER, half, material, turned, top=top, tint=tint)


def cylinder(
    material: str,
    radius: Number,
    height: Number,
    at: Vector = (0, 0, 0),
    *,
    top_radius: Number | None = None,
    tint: Vector = WHITE,
    yaw: Number = 0,
    pitch: Number = 0,
    roll: Number = 0,
) -> Part:
    """A cylinder (with `top_radius` a cone's stump) that stands on `at` and turns about it; metres."""
    turned = pose(at, yaw=yaw, pitch=pitch, roll=roll) @ pose((0.0, 0.0, height / 2))
    upper = radius if top_radius is None else top_radius
    return Part(Shape.CYLINDER, (radius, upper, height / 2), material, turned, tint=tint)


def ellipsoid(
    material: str,
    radii: Vector,
    center: Vector = (0, 0, 0),
    *,
    tint: Vector = WHITE,
    pierced: bool = False,
    yaw: Number = 0,
    pitch: Number = 0,
    roll: Number = 0,
) -> Part:
    """An ellipsoid about `center`, `pierced` where its material has holes; metres, degrees."""
    turned = pose(center, yaw=yaw, pitch=pitch, roll=roll)
    return Part(Shape.ELLIPSOID, radii, material, turned, tint=tint, pierced=pierced)


def rod(material: str, start: Vector, end: Vector, radius: Number, *, tint: Vector = WHITE) -> Part:
    """A cylinder from `start` to `end`."""
    axis = np.subtract(end, start)
    length = float(np.linalg.norm(axis))
    pitch = float(np.degrees(np.arctan2(np.hypot(axis[0], axis[1]), axis[2])))
    yaw = float(np.degrees(np.arctan2(axis[1], axis[0])))
    return cylinder(material, radius, length, start, tint=tint, yaw=yaw, pitch=pitch)


def placed(
    parts: Iterable[Part],
    at: Vector = (0, 0, 0),
    *,
    yaw: Number = 0,
    pitch: Number = 0,
    roll: Number = 0,
) -> Parts:
    """The parts as one thing, turned about its origin and moved to `at`; metres, degrees."""
    transform = pose(at, yaw=yaw, pitch=pitch, roll=roll)
    return [replace(part, pose=transform @ part.pose) for part in parts]


def joined(groups: Iterable[Sequence[Part]]) -> Parts:
    """All the parts of several things."""
    return [part for group in groups for part in group]
