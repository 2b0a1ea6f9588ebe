"""Cameras that are learned: the exponential map, gauges, gradients, interpolation."""

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.geometry import invert_se3, project_points
from gaussian_renderer import render
from scene import Cameras
from tests.training.captures import ring, truth
from training.pose_refinement import PoseConfig, PoseRefinement, interpolated, se3_exp

AT_ONCE = PoseConfig(pose_from_iter=0)

twists = st.lists(st.floats(-2, 2), min_size=6, max_size=6).map(torch.tensor)


@given(twists)
@settings(max_examples=50, deadline=None)
def test_the_exponential_of_a_twist_is_a_rigid_transform(twist: torch.Tensor) -> None:
    transform = se3_exp(twist.double())
    torch.testing.assert_close(transform[:3, :3] @ transform[:3, :3].T, torch.eye(3).double())
    assert float(torch.linalg.det(transform[:3, :3])) == pytest.approx(1)
    torch.testing.assert_close(transform[3], torch.tensor([0, 0, 0, 1.0]).double())
    torch.testing.assert_close(se3_exp(-twist.double()), invert_se3(transform))


def test_known_twists() -> None:
    torch.testing.assert_close(se3_exp(torch.zeros(6)), torch.eye(4), rtol=0, atol=0)
    shifted = se3_exp(torch.tensor([0, 0, 0, 1.0, 2.0, 3.0]))
    assert shifted[:3, 3].tolist() == [1, 2, 3]
    quarter = se3_exp(torch.tensor([0, 0, torch.pi / 2, 0, 0, 0]))
    torch.testing.assert_close(quarter[:3, :3] @ torch.tensor([1.0, 0, 0]), torch.tensor([0, 1.0, 0]))


def test_interpolation_is_linear_between_neighbours_and_constant_beyond() -> None:
    values = torch.tensor([[1.0], [3.0], [9.0]])
    found = interpolated(values, torch.tensor([1, 3, 6]), 8)
    assert found[:, 0].tolist() == [1, 1, 2, 3, 5, 7, 9, 9]


@given(st.integers(1, 12), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_interpolation_keeps_what_is_known_and_what_is_linear(count: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    rows = (torch.rand(count, generator=random) < 0.5).nonzero()[:, 0]
    rows = rows if len(rows) else torch.tensor([0])
    values = torch.randn(len(rows), 2, generator=random)
    torch.testing.assert_close(interpolated(values, rows, count)[rows], values)
    line = 3.0 * torch.arange(count) - 1
    inside = (torch.arange(count) >= rows[0]) & (torch.arange(count) <= rows[-1])
    torch.testing.assert_close(interpolated(line[rows], rows, count)[inside], line[inside])


def refinement(config: PoseConfig = AT_ONCE) -> PoseRefinement:
    return PoseRefinement(ring(6), (0, 2, 4), 4.0, config)


def test_nothing_learned_changes_nothing() -> None:
    poses = refinement(PoseConfig(optim_focal=True))
    assert torch.equal(poses.cameras().viewmats, ring(6).viewmats)
    assert torch.equal(poses.cameras().Ks, ring(6).Ks)
    assert torch.equal(poses.moved(1, ring(6)[2]).viewmats, ring(6).viewmats[2:3])


def test_only_the_visited_frame_moves_and_neighbours_between_are_carried_along() -> None:
    poses = refinement()
    poses.zero_grad()
    poses.moved(1, ring(6)[2]).viewmats.square().sum().backward()
    poses.update(1, 10.0, psnr=30.0)
    moved = (poses.twists.detach() != 0).any(1)
    assert moved.tolist() == [False, True, False]
    changed = (poses.cameras().viewmats - ring(6).viewmats).abs().amax((1, 2)) > 0
    assert changed.tolist() == [False, True, True, True, False, False]
    middle = PoseRefinement(ring(6), (0, 2, 4), 4.0, PoseConfig())
    middle.load_state_dict(poses.state_dict())
    assert torch.equal(middle.cameras().viewmats, poses.cameras().viewmats)


@pytest.mark.parametrize(
    ("config", "position", "psnr"),
    [(PoseConfig(psnr_threshold=26.0), 9e3, 25.0), (PoseConfig(pose_from_iter=500), 499.0, 40.0)],
)
def test_gate_and_warm_up(config: PoseConfig, position: float, psnr: float) -> None:
    poses = refinement(config)
    poses.moved(0, ring(6)[0]).viewmats.square().sum().backward()
    poses.update(0, position, psnr)
    assert not poses.twists.detach().any()
    poses.moved(0, ring(6)[0]).viewmats.square().sum().backward()
    poses.update(0, position + 1, psnr + 2)
    assert poses.twists.detach().any()


def test_the_focal_length_has_the_derivative_of_the_projection() -> None:
    """d pixel / d log f is the pixel's offset from the principal point."""
    poses = PoseRefinement(ring(6)[1], (0,), 4.0, PoseConfig(optim_focal=True))
    view = poses.moved(0, ring(6)[1])
    pixels, _ = project_points(torch.tensor([[0.4, -0.3, 0.2]]), view.viewmats[0], view.Ks[0])
    for axis, centre in enumerate((16.0, 12.0)):
        gradient = torch.autograd.grad(pixels[0, axis], poses._focal["log_focal"], retain_graph=True)[0]
        assert gradient.item() == pytest.approx(pixels[0, axis].item() - centre, rel=1e-5)


def test_the_focal_length_has_the_derivative_of_the_image() -> None:
    """Against central differences in the intrinsics; they are as good as cut-offs let them be."""
    cameras, splats = ring(6)[1], truth()
    weights = torch.rand(24, 32, 3, generator=torch.Generator().manual_seed(1))
    poses = PoseRefinement(cameras, (0,), 4.0, PoseConfig(optim_focal=True))

    def loss(view: Cameras) -> torch.Tensor:
        return (render(splats, view, backend="reference").images[0] * weights).sum()

    loss(poses.moved(0, cameras)).backward()
    stepped = []
    for factor in (1.001, 0.999):
        factors = torch.tensor([[factor, 1, 1], [1, factor, 1], [1, 1, 1]])
        stepped.append(loss(replace(cameras, Ks=cameras.Ks * factors)).item())
    gradient = poses._focal["log_focal"].grad
    assert gradient is not None
    assert gradient.item() == pytest.approx((stepped[0] - stepped[1]) / 2e-3, rel=0.06)


def test_a_learned_focal_length_is_that_of_all_cameras() -> None:
    poses = refinement(PoseConfig(optim_focal=True, pose_from_iter=0, focal_lr=0.1))
    for _ in range(3):
        points = torch.tensor([[0.3, 0.2, 0.1]])
        view = poses.moved(0, ring(6)[0])
        pixels, _ = project_points(points, view.viewmats[0], view.Ks[0])
        (pixels - torch.tensor([16.0, 12.0])).square().sum().backward()
        poses.update(0, 0.0, psnr=30.0)
    assert poses.focal_factor < 1
    torch.testing.assert_close(poses.cameras().Ks[:, 0, 0], ring(6).Ks[:, 0, 0] * poses.focal_factor)
    torch.testing.assert_close(poses.cameras().Ks[:, 0, 2], ring(6).Ks[:, 0, 2])


@pytest.mark.parametrize("turns", [True, False])
def test_cameras_in_one_place_stay_in_one(turns: bool) -> None:
    cameras = ring(6)
    viewmats = cameras.viewmats.clone() if turns else cameras.viewmats[:1].repeat(6, 1, 1)
    viewmats[:, :3, 3] = -(viewmats[:, :3, :3] @ cameras.centers[0])
    poses = PoseRefinement(replace(cameras, viewmats=viewmats), (0, 2, 4), 4.0, AT_ONCE)
    for _ in range(3):
        moved = poses.moved(1, poses.initial[2])
        (moved.viewmats * torch.arange(16.0).reshape(4, 4)).sum().backward()
        poses.update(1, 1.0, 30.0)
    found = poses.cameras()
    assert not torch.equal(found.viewmats[2, :3, :3], viewmats[2, :3, :3])
    torch.testing.assert_close(found.centers, cameras.centers[:1].expand(6, 3), atol=1e-5, rtol=0)


def test_a_focal_length_without_poses_is_refused() -> None:
    with pytest.raises(ValueError, match="refined with the poses only"):
        PoseConfig(optim_focal=True, optim_pose=False)


def test_a_prior_pulls_back() -> None:
    poses = refinement(PoseConfig(pose_prior=0.5))
    assert refinement().penalty(0) is None
    state = copy.deepcopy(poses.state_dict())
    state["twists"][1] = 2e-3
    poses.load_state_dict(state)
    here, there = poses.penalty(1), poses.penalty(0)
    assert here is not None
    assert there is not None
    assert here.item() == pytest.approx(0.5 * 4)
    assert there.item() == 0


@pytest.mark.parametrize(
    "name", ["psnr_threshold", "pose_lr_init", "pose_from_iter", "pose_prior", "focal_lr"]
)
def test_bad_settings_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        PoseConfig(**{name: -1 if name == "pose_from_iter" else -1.0})
