"""Frames that structure from motion left out, posed by flow or filled in."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from core.geometry import project_points, unproject_points
from dynamic_predictor.classical.registration import complete_cameras
from dynamic_predictor.classical.structure import Structure
from scene.cameras import Cameras
from tests.dynamic_predictor.classical.rooms import (
    FOCAL,
    HEIGHT,
    WIDTH,
    blank,
    depth_of,
    known_flow,
    still_flow,
    walk,
)

COUNT = 6
CAMERAS = walk(COUNT)


def structure_of(registered: list[bool], *, scale: float = 1.0) -> Structure:
    """The exact one, of points on the walls, seen by the frames that are registered.

    Args:
        registered: frames with a camera.
        scale: pixels of the structure per pixel of the room's pictures.
    """
    random = torch.Generator().manual_seed(2)
    pixels = torch.rand(200, 2, generator=random) * torch.tensor([WIDTH - 2.0, HEIGHT - 2.0]) + 1
    middle = CAMERAS[COUNT // 2]
    depths = depth_of(middle)[pixels[:, 1].long(), pixels[:, 0].long()]
    xyz = unproject_points(pixels, depths, middle.viewmats[0], middle.Ks[0])
    frames, points, places = [], [], []
    for row in (row for row in range(COUNT) if registered[row]):
        seen, _ = project_points(xyz, CAMERAS.viewmats[row], CAMERAS.Ks[row])
        inside = ((seen > 1) & (seen < torch.tensor([WIDTH - 1.0, HEIGHT - 1.0]))).all(-1)
        frames.append(torch.full((int(inside.sum()),), row))
        points.append(inside.nonzero()[:, 0])
        places.append(seen[inside] * scale)
    known = torch.tensor(registered)
    return Structure(
        viewmats=torch.where(known[:, None, None], CAMERAS.viewmats, torch.eye(4)),
        registered=known,
        focal_px=FOCAL * scale,
        error_px=0.0,
        xyz=xyz,
        rgb=torch.zeros(len(xyz), 3, dtype=torch.uint8),
        frames=torch.cat(frames),
        points=torch.cat(points),
        pixels=torch.cat(places),
    )


def angles(viewmats: torch.Tensor, exact: Cameras) -> np.ndarray:
    return Rotation.from_matrix((viewmats[:, :3, :3] @ exact.viewmats[:, :3, :3].mT).numpy()).magnitude()


def centers(viewmats: torch.Tensor) -> torch.Tensor:
    return torch.linalg.inv(viewmats)[:, :3, 3]


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("missing", [[3], [0, 5], [2, 3]])
def test_missing_frames_are_posed_again(missing: list[int], scale: float) -> None:
    structure = structure_of([row not in missing for row in range(COUNT)], scale=scale)
    viewmats, registered = complete_cameras(structure, still_flow(CAMERAS), 1 / scale)
    assert registered.all()
    assert angles(viewmats, CAMERAS).max() < 2e-3
    assert (centers(viewmats) - CAMERAS.centers).norm(dim=-1).max() < 0.01  # of a room 6 m wide
    kept = [row for row in range(COUNT) if row not in missing]
    torch.testing.assert_close(viewmats[kept], CAMERAS.viewmats[kept], atol=1e-5, rtol=0)


def test_where_flow_is_useless_cameras_are_interpolated() -> None:
    useless = known_flow(blank(COUNT), lambda one, two: torch.full((HEIGHT, WIDTH, 2), 4.0))
    known = [False, True, False, True, True, False]
    viewmats, registered = complete_cameras(structure_of(known), useless, 1.0)
    assert registered.tolist() == known
    middle = (CAMERAS.centers[1] + CAMERAS.centers[3]) / 2
    torch.testing.assert_close(centers(viewmats)[2], middle, atol=1e-5, rtol=0)
    halves = [
        Rotation.from_matrix((viewmats[row, :3, :3] @ viewmats[2, :3, :3].T).numpy()).magnitude()
        for row in (1, 3)
    ]
    assert halves[0] == pytest.approx(halves[1], abs=1e-4)
    torch.testing.assert_close(viewmats[0], CAMERAS.viewmats[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(viewmats[5], CAMERAS.viewmats[4], atol=1e-5, rtol=0)


def test_one_known_camera_is_everyone_s_where_flow_is_useless() -> None:
    useless = known_flow(blank(COUNT), lambda one, two: torch.full((HEIGHT, WIDTH, 2), 4.0))
    viewmats, registered = complete_cameras(structure_of([row == 2 for row in range(COUNT)]), useless, 1.0)
    assert registered.sum() == 1
    torch.testing.assert_close(viewmats, CAMERAS.viewmats[2:3].expand(COUNT, 4, 4))


def test_a_camera_without_points_helps_no_neighbour() -> None:
    structure = structure_of([True] * (COUNT - 1) + [False])
    seen = structure.frames != COUNT - 2
    blind = replace(
        structure,
        frames=structure.frames[seen],
        points=structure.points[seen],
        pixels=structure.pixels[seen],
    )
    viewmats, registered = complete_cameras(blind, still_flow(CAMERAS), 1.0)
    assert registered.tolist() == [True] * (COUNT - 1) + [False]
    torch.testing.assert_close(viewmats[-1], viewmats[-2], atol=1e-5, rtol=0)
