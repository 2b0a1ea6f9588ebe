"""From a position on a solid to its normal, its tangents and its place in the texture, in the part's frame.

Vectors of N samples are arrays [3, N], so that each axis is one contiguous row. Texture u runs right and v
down as someone sees who stands upright before the face.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64
from numpy import ndarray

from data.synthetic.parts import Shape

Rows = Float32[ndarray, "3 N"]

# The six faces of a box, -x, +x, -y, +y, -z, +z: outward, to the right and down for someone upright who looks
# at the face; the top and the bottom are read by someone in the south. Last, which half extents u and v span.
_OUTWARD = np.array([[-1, 1, 0, 0, 0, 0], [0, 0, -1, 1, 0, 0], [0, 0, 0, 0, -1, 1]], np.float32)
_RIGHT = np.array([[0, 0, 1, -1, 1, 1], [-1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], np.float32)
_DOWN = np.array([[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, -1, -1], [-1, -1, -1, -1, 0, 0]], np.float32)
_U_AXIS, _V_AXIS = np.array([1, 1, 0, 0, 0, 0]), np.array([2, 2, 2, 2, 1, 1])


@dataclass(frozen=True)
class Surface:
    """What a painter of N samples needs to know.

    Args:
        normals: unit, outward.
        tangents_u: unit, toward growing u.
        tangents_v: unit, toward growing v.
        position_m: u and v in metres from the face's middle (round faces: along the circumference).
        extent_m: the face's whole size along u and v in metres.
    """

    normals: Rows
    tangents_u: Rows
    tangents_v: Rows
    position_m: Float32[ndarray, "2 N"]
    extent_m: Float32[ndarray, "2 N"]

    def columns(self) -> tuple[Rows, Rows, Rows, Float32[ndarray, "2 N"], Float32[ndarray, "2 N"]]:
        """All fields, in order."""
        return self.normals, self.tangents_u, self.tangents_v, self.position_m, self.extent_m

    def along_longer_side(self, wanted: Bool[ndarray, " N"]) -> "Surface":
        """The same with u along each face's longer side, where that is wanted."""
        rows = np.flatnonzero(wanted & (self.extent_m[1] > self.extent_m[0]))
        normals, tangents_u, tangents_v, position, extent = (column.copy() for column in self.columns())
        for axis in range(3):
            tangents_u[axis, rows] = self.tangents_v[axis, rows]
            tangents_v[axis, rows] = self.tangents_u[axis, rows]
        for row in range(2):
            position[row, rows], extent[row, rows] = (
                self.position_m[1 - row, rows],
                self.extent_m[1 - row, rows],
            )
        return Surface(normals, tangents_u, tangents_v, position, extent)


def surface(shape: int, points: Rows, sizes: Float32[ndarray, "5 N"]) -> Surface:
    """The surface at points on solids of one shape.

    Args:
        shape: a value of `Shape`.
        points: positions in each part's frame, on its surface.
        sizes: the columns of `Snapshot.sizes` for each point.
    """
    if shape == Shape.CYLINDER:
        return _cylinder(points, sizes)
    if shape == Shape.ELLIPSOID:
        normals = points / sizes[:3] ** 2
        normals /= np.sqrt((normals**2).sum(0))
        return _on_cube(points, sizes, _face(normals), normals)
    if shape == Shape.BOX:
        face = _face(points / sizes[:3])
        return _on_cube(points, sizes, face, np.take(_OUTWARD, face, axis=1))
    return _taper(points, sizes)


def sphere_chart(points: Rows, sizes: Float32[ndarray, "5 N"]) -> Surface:
    """An ellipsoid by longitude and latitude: for pictures that go once around. u = 0.5 faces +x."""
    unit = points / sizes[:3]
    normals = points / sizes[:3] ** 2
    normals /= np.sqrt((normals**2).sum(0))
    longitude, latitude = np.arctan2(unit[1], unit[0]), np.arcsin(np.clip(unit[2], -1, 1))
    across = np.stack([-unit[1], unit[0], np.zeros_like(longitude)])
    across /= np.maximum(np.sqrt((across**2).sum(0)), 1e-6)
    around, tall = 2 * np.pi * sizes[0], np.pi * sizes[2]
    position = np.stack([longitude / (2 * np.pi) * around, -latitude / np.pi * tall])
    return Surface(normals, across, np.cross(across, normals, axis=0), position, np.stack([around, tall]))


def _face(vectors: Rows) -> Int64[ndarray, " N"]:
    """The face of a cube that each vector from its centre leads through."""
    x, y, z = np.abs(vectors)
    axis = np.where(x > np.maximum(y, z), 0, np.where(y > z, 1, 2))
    return 2 * axis + (np.choose(axis, vectors) > 0)


def _on_cube(
    points: Rows, sizes: Float32[ndarray, "5 N"], face: Int64[ndarray, " N"], normals: Rows
) -> Surface:
    """Coordinates from the two axes across each face's own."""
    tangents_u, tangents_v = np.take(_RIGHT, face, axis=1), np.take(_DOWN, face, axis=1)
    position = np.stack([(points * tangents_u).sum(0), (points * tangents_v).sum(0)])
    spans = [np.choose(axes.take(face), sizes[:3]) for axes in (_U_AXIS, _V_AXIS)]
    return Surface(normals, tangents_u, tangents_v, position, np.stack(spans) * np.float32(2))


def _taper(points: Rows, sizes: Float32[ndarray, "5 N"]) -> Surface:
    """A tapered box: like a box, with v measured along the slanted sides."""
    lift = points[2] / sizes[2]
    slopes = [sizes[a] * (sizes[3 + a] - 1) / (2 * sizes[2]) for a in (0, 1)]
    # Distance inside each pair of faces in metres; the point lies on the pair it is nearest to.
    gaps = [
        (sizes[a] * ((1 + sizes[3 + a]) / 2 + (sizes[3 + a] - 1) / 2 * lift) - np.abs(points[a]))
        / np.sqrt(1 + slopes[a] ** 2)
        for a in (0, 1)
    ]
    flat = sizes[2] - np.abs(points[2])
    axis = np.where(flat < np.minimum(gaps[0], gaps[1]), 2, np.where(gaps[0] < gaps[1], 0, 1))
    along = np.choose(axis, points)
    sign = np.where(along > 0, 1, -1).astype(np.float32)
    slope = np.where(axis == 0, slopes[0], slopes[1]).astype(np.float32)
    slant = np.sqrt(1 + slope**2)
    normals = np.stack(
        [
            np.where(axis == 0, sign / slant, 0),
            np.where(axis == 1, sign / slant, 0),
            np.where(axis == 2, sign, -slope / slant),
        ]
    ).astype(np.float32)
    base = _on_cube(points, sizes, 2 * axis + (along > 0), normals)
    stretch = np.where(axis == 2, 1, slant).astype(np.float32)
    ones = np.ones_like(stretch)
    tangent_v = np.where(axis == 2, base.tangents_v, np.cross(base.tangents_u, normals, axis=0)).astype(
        np.float32
    )
    return Surface(
        normals,
        base.tangents_u,
        tangent_v,
        base.position_m * np.stack([ones, stretch]),
        base.extent_m * np.stack([ones, stretch]),
    )


def _cylinder(points: Rows, sizes: Float32[ndarray, "5 N"]) -> Surface:
    """A cone's stump: rolled out on its side, seen from above on its caps."""
    x, y, z = points
    slope = (sizes[1] - sizes[0]) / (2 * sizes[2])
    radius = (sizes[0] + sizes[1]) / 2 + slope * z
    slant = np.sqrt(1 + slope**2)
    cap = (sizes[2] - np.abs(z)) < (radius - np.hypot(x, y)) / slant
    reach = np.maximum(np.hypot(x, y), 1e-9)
    out_x, out_y = x / reach, y / reach
    upright = np.where(z > 0, 1, -1)
    zero = np.zeros_like(x)
    normals = np.where(cap, np.stack([zero, zero, upright]), np.stack([out_x, out_y, -slope]) / slant)
    tangent_u = np.where(cap, np.stack([zero + 1, zero, zero]), np.stack([-out_y, out_x, zero]))
    tangent_v = np.where(cap, np.stack([zero, zero - 1, zero]), np.cross(tangent_u, normals, axis=0))
    middle = (sizes[0] + sizes[1]) / 2
    around, widest = 2 * np.pi * middle, 2 * np.maximum(sizes[0], sizes[1])
    position = np.where(cap, np.stack([x, -y]), np.stack([np.arctan2(y, x) * middle, -z * slant]))
    extent = np.where(cap, np.stack([widest, widest]), np.stack([around, 2 * sizes[2] * slant]))
    columns = [array.astype(np.float32) for array in (normals, tangent_u, tangent_v, position, extent)]
    return Surface(*columns)
