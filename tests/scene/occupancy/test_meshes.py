from pathlib import Path

import numpy as np
import plyfile
import pytest
import torch
import trimesh

from scene.occupancy.classes import CARLASC
from scene.occupancy.meshes import BoxMesh, exposed_faces, exposed_mesh, write_mesh_glb, write_mesh_ply
from scene.occupancy.sequence import Grid
from tests.scene.occupancy.streets import BUILDING, CAR, GRID, ROAD, street

UNIT = Grid((7, 6, 5), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def noise(seed: int = 0) -> torch.Tensor:
    classes = torch.randint(0, 4, UNIT.size, generator=torch.Generator().manual_seed(seed))
    return (classes * (torch.rand(UNIT.size, generator=torch.Generator().manual_seed(seed + 1)) < 0.6)).to(
        torch.uint8
    )


def normals(mesh: BoxMesh) -> np.ndarray:
    one, other = mesh.corners[:, 1] - mesh.corners[:, 0], mesh.corners[:, 2] - mesh.corners[:, 0]
    return np.cross(one, other)


def painted(mesh: BoxMesh, axis: int, side: int) -> np.ndarray:
    """Rectangles across an axis, painted back onto the voxels that they cover; each at most once."""
    volume = np.zeros(UNIT.size, np.uint8)
    for corners, direction, each in zip(mesh.corners, normals(mesh), mesh.classes, strict=True):
        if direction[axis] == 0 or (direction[axis] > 0) != bool(side):
            continue
        low, high = corners.min(0).astype(int), corners.max(0).astype(int)
        low[axis] -= side
        high[axis] += 1 - side
        covered = volume[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        assert covered.size
        assert not covered.any()
        covered[...] = each
    return volume


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("seed", [0, 5])
def test_rectangles_cover_the_faces_that_are_seen(axis: int, side: int, seed: int) -> None:
    voxels = noise(seed)
    expected = np.zeros(UNIT.size, np.uint8)
    for place in np.ndindex(*UNIT.size):
        neighbour = list(place)
        neighbour[axis] += 1 if side else -1
        outside = not 0 <= neighbour[axis] < UNIT.size[axis]
        if voxels[place] and (outside or not voxels[tuple(neighbour)]):
            expected[place] = voxels[place]
    assert np.array_equal(painted(exposed_mesh(voxels, UNIT), axis, side), expected)
    assert np.array_equal(exposed_faces(voxels.numpy(), axis, side), expected > 0)


def test_a_box_is_six_rectangles_that_look_outwards() -> None:
    voxels = torch.zeros(UNIT.size, dtype=torch.uint8)
    voxels[1:4, 2:4, 1:5] = 3
    mesh = exposed_mesh(voxels, UNIT)
    assert len(mesh) == 6
    outward = mesh.corners.mean(1) - np.array([2.5, 3, 3])
    assert ((normals(mesh) * outward).sum(1) > 0).all()
    solid = trimesh.Trimesh(mesh.vertices, mesh.triangles, process=True)
    assert solid.is_watertight
    assert solid.volume == pytest.approx(3 * 2 * 4)


def test_metres() -> None:
    mesh = exposed_mesh(street().classes[0], GRID)
    np.testing.assert_allclose(mesh.vertices.min(0), GRID.origin_m, rtol=1e-6)
    np.testing.assert_allclose(mesh.vertices[:, 2].max(), -1.6 + 5 * 0.375, rtol=1e-5)
    assert set(mesh.classes) == {ROAD, BUILDING, CAR}


def test_larger_rectangles_stay_in_their_planes() -> None:
    mesh = exposed_mesh(street().classes[0], GRID)
    larger = mesh.overlapping(0.01)
    moved = np.abs(larger.corners - mesh.corners)
    np.testing.assert_allclose(np.sort(moved, 2), np.broadcast_to([0, 0.01, 0.01], moved.shape), atol=1e-5)
    assert (np.linalg.norm(normals(larger), axis=1) > np.linalg.norm(normals(mesh), axis=1)).all()


def test_an_empty_frame_is_an_empty_mesh() -> None:
    mesh = exposed_mesh(torch.zeros(UNIT.size, dtype=torch.uint8), UNIT)
    assert len(mesh) == 0
    assert mesh.triangles.shape == (0, 3)


def test_ply_is_read_back(tmp_path: Path) -> None:
    mesh = exposed_mesh(street().classes[0], GRID)
    write_mesh_ply(tmp_path / "a.ply", mesh, CARLASC)
    read = plyfile.PlyData.read(str(tmp_path / "a.ply"))
    vertices = read["vertex"].data
    np.testing.assert_array_equal(np.stack([vertices[name] for name in "xyz"], 1), mesh.vertices)
    np.testing.assert_array_equal(np.stack(list(read["face"]["vertex_indices"])), mesh.triangles)
    colours = np.stack([vertices[name] for name in ("red", "green", "blue")], 1)
    np.testing.assert_array_equal(colours[::4], np.array(CARLASC.colours)[mesh.classes])


def test_glb_is_read_back(tmp_path: Path) -> None:
    mesh = exposed_mesh(street().classes[0], GRID)
    write_mesh_glb(tmp_path / "a.glb", mesh, CARLASC)
    read = trimesh.load_scene(tmp_path / "a.glb", process=False)
    assert set(read.geometry) == {"road", "building", "vehicle"}
    for each in (ROAD, BUILDING, CAR):
        part, original = read.geometry[CARLASC.names[each]], mesh.of_class(each)
        assert len(part.faces) == 2 * len(original)
        forward_left_up = part.vertices[:, [2, 0, 1]]
        np.testing.assert_allclose(forward_left_up.min(0), original.vertices.min(0), atol=1e-6)
        assert part.area == pytest.approx(np.linalg.norm(normals(original), axis=1).sum(), rel=1e-5)
    # 215 in sRGB is 0.6795 of the light.
    green = read.geometry["vehicle"].visual.material.baseColorFactor[1]
    assert green / 255 == pytest.approx(0.6795, abs=1 / 255)
