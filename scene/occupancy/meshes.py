"""A frame of occupancy as a mesh of the faces that can be seen, and as files of such meshes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import plyfile
import trimesh
from jaxtyping import Bool, Float32, Int64, UInt8
from numpy import ndarray
from torch import Tensor
from trimesh.exchange.gltf import export_glb
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from core.files import atomic_write
from scene.occupancy.classes import FREE, ClassSet
from scene.occupancy.sequence import Grid

# glTF has y up and z forward; ours are left to x, up to y, forward to z, which is a rotation.
_GLTF_AXES = [1, 2, 0]

_Rows = Int64[ndarray, " Q"]
_Rectangles = tuple[_Rows, Int64[ndarray, "Q 2"], _Rows, _Rows, UInt8[ndarray, " Q"]]


@dataclass(frozen=True)
class BoxMesh:
    """Rectangles in the vehicle's frame, each with a class. Seen from outside, corners go counterclockwise.

    Args:
        corners: of each rectangle, metres.
        classes: of each rectangle.
    """

    corners: Float32[ndarray, "Q 4 3"]
    classes: UInt8[ndarray, " Q"]

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def vertices(self) -> Float32[ndarray, "V 3"]:
        """Four for each rectangle, metres."""
        return self.corners.reshape(-1, 3)

    @property
    def triangles(self) -> Int64[ndarray, "F 3"]:
        """Two for each rectangle, as rows of `vertices`."""
        first = 4 * np.arange(len(self))[:, None]
        return (first + np.array([0, 1, 2, 0, 2, 3])).reshape(-1, 3)

    def overlapping(self, overlap_m: float) -> "BoxMesh":
        """The rectangles, larger by a length on each side.

        Where a corner lies on another's edge, rounding opens cracks between them that glitter in renderers.
        """
        outwards = np.sign(self.corners - self.corners.mean(1, keepdims=True))
        return BoxMesh(self.corners + np.float32(overlap_m) * outwards, self.classes)

    def of_class(self, each: int) -> "BoxMesh":
        """The rectangles of one class."""
        rows = self.classes == each
        return BoxMesh(self.corners[rows], self.classes[rows])


def exposed_mesh(voxels: UInt8[Tensor, "X Y Z"], grid: Grid) -> BoxMesh:
    """The faces between solid and free voxels, those of a class merged to rectangles.

    Faces in a plane are first merged to rows, then rows of the same extent that lie side by side. Beyond the
    border of the grid all counts as free.

    Args:
        voxels: classes.
        grid: where they lie.
    """
    array = voxels.cpu().numpy()
    parts = [_faces_across(array, axis, side) for axis in range(3) for side in (0, 1)]
    corners = np.concatenate([part for part, _ in parts]).astype(np.float64)
    metres = corners * np.array(grid.voxel_m) + np.array(grid.origin_m)
    return BoxMesh(metres.astype(np.float32), np.concatenate([classes for _, classes in parts]))


def exposed_faces(voxels: UInt8[ndarray, "X Y Z"], axis: int, side: int) -> Bool[ndarray, "X Y Z"]:
    """Solid voxels whose neighbour along an axis is free.

    Args:
        voxels: classes.
        axis: 0, 1 or 2.
        side: 1 = the neighbour with the higher index, 0 = with the lower.
    """
    neighbours = np.full_like(voxels, FREE)
    ahead, behind = [slice(None)] * 3, [slice(None)] * 3
    ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
    to, source = (behind, ahead) if side else (ahead, behind)
    neighbours[tuple(to)] = voxels[tuple(source)]
    return (voxels != FREE) & (neighbours == FREE)


def write_mesh_ply(path: Path, mesh: BoxMesh, class_set: ClassSet) -> None:
    """Write a mesh with coloured vertices as binary PLY, in the vehicle's frame.

    Raises:
        UserError: the file cannot be written.
    """
    layout = [(name, "<f4") for name in "xyz"] + [(name, "u1") for name in ("red", "green", "blue")]
    vertices = np.zeros(4 * len(mesh), layout)
    colours = np.array(class_set.colours, np.uint8)[mesh.classes].repeat(4, 0)
    for column, name in enumerate("xyz"):
        vertices[name] = mesh.vertices[:, column]
    for column, name in enumerate(("red", "green", "blue")):
        vertices[name] = colours[:, column]
    faces = np.zeros(2 * len(mesh), [("vertex_indices", "<i4", (3,))])
    faces["vertex_indices"] = mesh.triangles
    elements = [
        plyfile.PlyElement.describe(vertices, "vertex"), plyfile.PlyElement.describe(faces, "face")
    ]  # fmt: skip
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        plyfile.PlyData(elements, byte_order="<").write(file)


def write_mesh_glb(path: Path, mesh: BoxMesh, class_set: ClassSet) -> None:
    """Write a mesh as binary glTF: one node and one material for each class, named as it; y up, z forward.

    Raises:
        UserError: the file cannot be written.
    """
    scene = trimesh.Scene()
    for each in np.unique(mesh.classes):
        part = mesh.of_class(int(each))
        name = class_set.names[each]
        material = PBRMaterial(
            name=name,
            baseColorFactor=[*_linear(class_set.colours[each]), 1.0],
            metallicFactor=0.0,
            roughnessFactor=0.9,
        )
        geometry = trimesh.Trimesh(
            part.vertices[:, _GLTF_AXES],
            part.triangles,
            visual=TextureVisuals(material=material),
            process=False,
        )
        scene.add_geometry(geometry, node_name=name, geom_name=name)
    with atomic_write(path) as temporary:
        temporary.write_bytes(export_glb(scene))


def _linear(colour: tuple[int, int, int]) -> list[float]:
    """SRGB of 8 bits to linear light. Source: IEC 61966-2-1."""
    values = np.array(colour) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).tolist()


def _faces_across(
    voxels: UInt8[ndarray, "X Y Z"], axis: int, side: int
) -> tuple[Int64[ndarray, "Q 4 3"], UInt8[ndarray, " Q"]]:
    """Rectangles across an axis, in units of voxels, and their classes."""
    shown = np.where(exposed_faces(voxels, axis, side), voxels, FREE)
    # Planes first; the two axes that follow in a circle make corners go round the same way for every axis.
    order = (axis, (axis + 1) % 3, (axis + 2) % 3)
    plane, row, first, last, classes = _rectangles(shown.transpose(order))
    low, high = row[:, 0], row[:, 1]
    across = plane + side
    ring = [(low, first), (high, first), (high, last), (low, last)]
    corners = np.empty((len(plane), 4, 3), np.int64)
    for corner, (u, v) in enumerate(ring if side else ring[::-1]):
        corners[:, corner, order[0]] = across
        corners[:, corner, order[1]], corners[:, corner, order[2]] = u, v
    return corners, classes


def _rectangles(planes: UInt8[ndarray, "P U V"]) -> _Rectangles:
    """Equal neighbours in planes as rectangles: plane, rows [from, to), first and last column, class."""
    padded = np.pad(planes, ((0, 0), (0, 0), (1, 1)), constant_values=FREE)
    changes = padded[:, :, 1:] != padded[:, :, :-1]
    begins = changes[:, :, :-1] & (planes != FREE)
    ends = changes[:, :, 1:] & (planes != FREE)
    plane, row, first = np.nonzero(begins)
    last = np.nonzero(ends)[2] + 1
    classes = planes[plane, row, first]
    # Runs with the same extent and class in rows that follow each other become neighbours, and one rectangle.
    order = np.lexsort((row, classes, last, first, plane))
    plane, row, first, last, classes = (each[order] for each in (plane, row, first, last, classes))
    same = np.zeros(len(row), np.bool_)
    same[1:] = row[1:] == row[:-1] + 1
    for each in (plane, first, last, classes):
        same[1:] &= each[1:] == each[:-1]
    heads = np.nonzero(~same)[0]
    tails = np.append(heads[1:], len(row)) - 1
    rows = np.stack([row[heads], row[tails] + 1], 1) if len(row) else np.zeros((0, 2), np.int64)
    heads = heads[: len(rows)]
    return plane[heads], rows, first[heads], last[heads], classes[heads]
