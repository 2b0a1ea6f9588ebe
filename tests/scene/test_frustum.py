"""Balls in and out of view, against where their surfaces project to."""

import torch

from core.geometry import project_points
from scene.cameras import Cameras
from scene.frustum import in_view

CAMERA = Cameras(
    torch.tensor([[0.8, 0, -0.6, 0.3], [0, 1, 0, -0.2], [0.6, 0, 0.8, 0.5], [0, 0, 0, 1]])[None],
    torch.tensor([[[40.0, 0, 30], [0, 50, 12], [0, 0, 1]]]),
    torch.tensor([48]),
    torch.tensor([32]),
)


def sees(xyz: torch.Tensor, margin_px: float = 0.0) -> torch.Tensor:
    """Whether points are before the camera and in its image, or beyond its edge by a margin."""
    pixels, depths = project_points(xyz, CAMERA.viewmats[0], CAMERA.Ks[0])
    inside = (pixels > -margin_px) & (pixels < torch.tensor([48, 32]) + margin_px)
    return inside.all(-1) & (depths > 0)


def test_what_is_seen_is_in_view_and_what_is_far_out_is_not() -> None:
    torch.manual_seed(0)
    xyz = 10 * torch.randn(4000, 3)
    found = in_view(xyz, torch.zeros(4000), CAMERA)
    seen = sees(xyz)
    assert 100 < seen.sum() < 2000
    assert found[seen].all()
    assert not found[~sees(xyz, margin_px=9.0)].any()


def test_a_ball_of_which_a_point_is_seen_is_in_view() -> None:
    torch.manual_seed(1)
    xyz, radii = 10 * torch.randn(500, 3), 3 * torch.rand(500)
    surfaces = xyz[:, None] + radii[:, None, None] * torch.nn.functional.normalize(
        torch.randn(500, 64, 3), dim=-1
    )
    partly = sees(surfaces.reshape(-1, 3)).view(500, 64).any(1)
    assert (partly & ~sees(xyz)).any()
    assert in_view(xyz, radii, CAMERA)[partly].all()
