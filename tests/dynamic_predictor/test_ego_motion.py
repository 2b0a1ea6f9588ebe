"""Flow of a scene at rest, and the distance of a flow from any such."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from core.geometry import project_points, unproject_points
from dynamic_predictor.ego_motion import baseline, ego_flow, epipolar_residual, pixel_centers
from scene.cameras import Cameras

WIDTH, HEIGHT = 20, 14


def camera(
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
    focal: float = 30.0,
) -> Cameras:
    """A camera whose rotation vector and whose translation (camera-from-world) are given."""
    viewmat = torch.eye(4, dtype=torch.float64)
    x, y, z = turn
    generator = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    viewmat[:3, :3] = torch.linalg.matrix_exp(generator)
    viewmat[:3, 3] = torch.tensor(shift)
    K = torch.tensor([[focal, 0, 10.5], [0, 1.1 * focal, 6.5], [0, 0, 1]], dtype=torch.float64)
    return Cameras(viewmat[None], K[None], torch.tensor([WIDTH]), torch.tensor([HEIGHT]))


def depth_image(seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return 2 + 3 * torch.rand(HEIGHT, WIDTH, generator=random, dtype=torch.float64)


small = st.floats(-0.2, 0.2)
triples = st.tuples(small, small, small)


@given(triples, triples, triples, triples)
def test_ego_flow_is_unprojection_then_projection(
    turn: tuple[float, float, float],
    shift: tuple[float, float, float],
    other_turn: tuple[float, float, float],
    other_shift: tuple[float, float, float],
) -> None:
    source, target = camera(turn, shift), camera(other_turn, other_shift, focal=33.0)
    depths = depth_image()
    pixels = pixel_centers((WIDTH, HEIGHT), depths)
    points = unproject_points(pixels.view(-1, 2), depths.view(-1), source.viewmats[0], source.Ks[0])
    there, _ = project_points(points, target.viewmats[0], target.Ks[0])
    flow = ego_flow(depths, source, target)
    torch.testing.assert_close(flow, (there.view_as(pixels) - pixels), atol=1e-9, rtol=0)
    # What a scene at rest does leaves no residual, whatever the depth.
    residual = epipolar_residual(flow, source, target)
    if baseline(source, target) > 1e-3:
        assert residual.max() < 1e-6


def test_one_pose_has_no_flow_and_a_step_sideways_the_disparity() -> None:
    depths = depth_image()
    assert ego_flow(depths, camera(), camera()).abs().max() < 1e-12
    flow = ego_flow(depths, camera(), camera(shift=(-0.1, 0.0, 0.0)))  # the camera moves right
    torch.testing.assert_close(flow[..., 0], -30.0 * 0.1 / depths)
    assert flow[..., 1].abs().max() < 1e-12


def test_what_has_no_depth_or_falls_behind_has_no_flow() -> None:
    depths = torch.tensor([[1.0, 0.0, math.inf, 3.0]], dtype=torch.float64, requires_grad=True)
    flow = ego_flow(depths, camera(), camera(turn=(0.0, 0.1, 0.0), shift=(0.0, 0.0, -2.0)))
    assert flow.isnan().any(-1).tolist() == [[True, True, False, False]]
    turned = ego_flow(torch.ones_like(depths), camera(), camera(turn=(0.0, 0.1, 0.0)))
    torch.testing.assert_close(flow[0, 2], turned[0, 2])
    flow.nansum().backward()
    assert depths.grad is not None
    assert bool(depths.grad.isfinite().all())
    assert depths.grad[0].tolist()[:3] == [0.0, 0.0, 0.0]
    assert depths.grad[0, 3] != 0


def test_a_step_across_the_epipolar_lines_is_measured_in_pixels() -> None:
    source, target = camera(), camera(shift=(-0.3, 0.0, 0.0))  # epipolar lines are rows
    flow = ego_flow(depth_image(), source, target)
    across = flow + torch.tensor([0.0, 0.5])
    # Sampson's distance moves both ends: each by half of it.
    expected = torch.full((HEIGHT, WIDTH), 0.5 / math.sqrt(2), dtype=torch.float64)
    torch.testing.assert_close(epipolar_residual(across, source, target), expected)
    along = flow + torch.tensor([0.5, 0.0])
    assert epipolar_residual(along, source, target).max() < 1e-9


@given(st.floats(0.01, 100.0), triples)
def test_the_residual_knows_no_scale_and_no_world(size: float, turn: tuple[float, float, float]) -> None:
    source, target = camera(), camera((0.02, -0.1, 0.05), (0.2, 0.1, -0.1))
    flow = torch.randn(HEIGHT, WIDTH, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = epipolar_residual(flow, source, target)
    world = camera(turn, (0.5, -1.0, 2.0)).viewmats
    moved = []
    for cameras in (source, target):
        viewmats = cameras.viewmats @ world
        viewmats[:, :3, 3] *= size
        moved.append(Cameras(viewmats, cameras.Ks, cameras.width, cameras.height))
    torch.testing.assert_close(epipolar_residual(flow, *moved), expected, atol=1e-6, rtol=1e-6)


@given(triples, st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))
def test_a_camera_that_turns_leaves_the_distance_from_its_homography(
    turn: tuple[float, float, float], x: float, y: float
) -> None:
    source, target = camera(), camera(turn)
    still = ego_flow(torch.full((HEIGHT, WIDTH), math.inf, dtype=torch.float64), source, target)
    residual = epipolar_residual(still + torch.tensor([x, y]), source, target)
    torch.testing.assert_close(residual, torch.full_like(residual, math.hypot(x, y)), atol=1e-9, rtol=1e-6)


def test_rounding_is_no_baseline() -> None:
    far = camera((0.3, 0.2, 0.1), (10.0, -20.0, 5.0))
    turned = far.viewmats.clone()
    turned[:, :3] = camera((0.1, 0.0, 0.2)).viewmats[:, :3, :3] @ turned[:, :3]
    first, second = (
        Cameras(viewmats.float(), far.Ks.float(), far.width, far.height)
        for viewmats in (far.viewmats, turned)
    )
    assert baseline(first, second) == 0.0
    second.viewmats[0, 0, 3] += 0.01
    assert abs(baseline(first, second) - 0.01) < 1e-4


def test_pixel_centres_are_at_one_half() -> None:
    centers = pixel_centers((3, 2), torch.zeros((), dtype=torch.float64))
    assert centers.dtype == torch.float64
    assert centers[1, 2].tolist() == [2.5, 1.5]
    assert centers.shape == (2, 3, 2)
