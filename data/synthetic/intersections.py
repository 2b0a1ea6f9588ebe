"""Where rays enter and leave the solids, in the solid's own frame.

Every function takes the rays' origins and directions as three broadcastable arrays each and returns the
parameters of entry and exit; a ray that misses has entry >= exit or NaN. Directions need not have unit
length.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from data.synthetic.parts import Shape
from data.synthetic.views import Axes

Interval = tuple[Float32[ndarray, "..."], Float32[ndarray, "..."]]
_TINY = np.float32(1e-20)


def hit_box(origin: Axes, direction: Axes, size: Float32[ndarray, "5"]) -> Interval:
    """A box of half extents `size[:3]`: the common part of three slabs."""
    enter, leave = _slab(origin[0], direction[0], size[0])
    for axis in (1, 2):
        first, last = _slab(origin[axis], direction[axis], size[axis])
        enter, leave = np.maximum(enter, first), np.minimum(leave, last)
    return enter, leave


def hit_taper(origin: Axes, direction: Axes, size: Float32[ndarray, "5"]) -> Interval:
    """A box whose upper face is `size[3:5]` of its lower one: a slab in z and four slanted half-spaces."""
    enter, leave = _slab(origin[2], direction[2], size[2])
    for axis in (0, 1):
        middle = size[axis] * (1 + size[3 + axis]) / 2
        slope = size[axis] * (size[3 + axis] - 1) / (2 * size[2])
        for sign in (1, -1):
            # The half-space sign * x - slope * z <= middle, along the ray: height + rate * t <= 0.
            height = sign * origin[axis] - slope * origin[2] - middle
            rate = sign * direction[axis] - slope * direction[2]
            rate = np.where(rate == 0, _TINY, rate)
            crossing = -height / rate
            enter = np.where(rate < 0, np.maximum(enter, crossing), enter)
            leave = np.where(rate > 0, np.minimum(leave, crossing), leave)
    return enter, leave


def hit_cylinder(origin: Axes, direction: Axes, size: Float32[ndarray, "5"]) -> Interval:
    """A cone's stump about z with radii `size[0]` below and `size[1]` above, of half height `size[2]`.

    Inside means x^2 + y^2 <= r(z)^2 with r linear in z, which is a t^2 + 2 b t + c <= 0 along the ray.
    """
    enter, leave = _slab(origin[2], direction[2], size[2])
    # A far origin's squares would drown the radius in float32: rays start at their nearest point.
    shift = -_dot(origin, direction) / _dot(direction, direction)
    x, y, z = (origin[axis] + shift * direction[axis] for axis in range(3))
    slope = (size[1] - size[0]) / (2 * size[2])
    radius = (size[0] + size[1]) / 2 + slope * z
    growth = slope * direction[2]
    a = direction[0] ** 2 + direction[1] ** 2 - growth**2
    b = x * direction[0] + y * direction[1] - radius * growth
    c = x**2 + y**2 - radius**2
    a = np.where(np.abs(a) < _TINY, _TINY, a)
    root = np.sqrt(b * b - a * c)
    first, last = (-b - root) / a, (-b + root) / a
    if slope != 0:
        # A ray steeper than the cone is inside beyond its last crossing or before its first one, on the side
        # where r(z) grows with t or shrinks; the slab in z cuts away the cone's other half.
        steep = a < 0
        low, high = np.minimum(first, last), np.maximum(first, last)
        first = np.where(steep, np.where(growth > 0, high, -np.inf), first).astype(np.float32)
        last = np.where(steep, np.where(growth > 0, np.inf, low), last).astype(np.float32)
    return np.maximum(enter, first + shift), np.minimum(leave, last + shift)


def hit_ellipsoid(origin: Axes, direction: Axes, size: Float32[ndarray, "5"]) -> Interval:
    """An ellipsoid of radii `size[:3]`: a unit sphere after scaling.

    The discriminant is taken at the ray's closest point to the centre, which keeps float32's digits for a far
    origin.
    """
    o = (origin[0] / size[0], origin[1] / size[1], origin[2] / size[2])
    d = (direction[0] / size[0], direction[1] / size[1], direction[2] / size[2])
    squared = _dot(d, d)
    closest = -_dot(o, d) / squared
    miss = sum((o[axis] + closest * d[axis]) ** 2 for axis in range(3))
    half = np.sqrt((1 - miss) / squared)
    return closest - half, closest + half


HITS: dict[int, Callable[[Axes, Axes, Float32[ndarray, "5"]], Interval]] = {
    Shape.BOX: hit_box,
    Shape.TAPER: hit_taper,
    Shape.CYLINDER: hit_cylinder,
    Shape.ELLIPSOID: hit_ellipsoid,
}


def _slab(
    origin: Float32[ndarray, "..."] | np.float32,
    direction: Float32[ndarray, "..."] | np.float32,
    half: np.float32,
) -> Interval:
    inverse = 1 / np.where(direction == 0, _TINY, direction)
    middle = -origin * inverse
    reach = half * np.abs(inverse)
    return middle - reach, middle + reach


def _dot(a: Axes, b: Axes) -> Float32[ndarray, "..."] | np.float32:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
