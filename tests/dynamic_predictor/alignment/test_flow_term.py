"""Flow that cameras and depths imply, against flow that was measured."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.geometry import invert_se3
from dynamic_predictor import ego_motion
from dynamic_predictor.alignment import flow_term as module
from dynamic_predictor.alignment.flow_term import PairFlows, ego_flow, flow_term
from dynamic_predictor.alignment.pointmaps import pixel_grid
from scene.cameras import Cameras
from tests.dynamic_predictor.alignment.published import Published
from tests.dynamic_predictor.alignment.scenes import FOCAL, HEIGHT, WIDTH, Wall, wall

FOCALS = torch.full((1,), FOCAL, dtype=torch.float64)


def implied(scene: Wall, i: int, j: int) -> Tensor:
    return ego_flow(
        scene.depths[i : i + 1],
        scene.c2w[i : i + 1],
        scene.c2w[j : j + 1],
        FOCALS,
        FOCALS,
        scene.pairs.pixels,
    )[0]


def exact_flows(scene: Wall) -> PairFlows:
    flows = torch.stack([implied(scene, i, j) for i, j in scene.pairs.edges.tolist()])
    return PairFlows(scene.pairs.edges, flows, torch.ones(flows.shape[:2], dtype=torch.bool))


def test_a_camera_that_stands_still_sees_no_flow() -> None:
    torch.testing.assert_close(
        implied(wall(2), 1, 1), torch.zeros(HEIGHT * WIDTH, 2).double(), rtol=0, atol=1e-4
    )


def test_a_sideways_step_moves_pixels_against_it_by_focal_over_depth() -> None:
    pixels = pixel_grid(HEIGHT, WIDTH, dtype=torch.float64)
    poses = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
    poses[1, 0, 3] = 0.2
    depths = torch.full((1, len(pixels)), 4.0, dtype=torch.float64)
    flow = ego_flow(depths, poses[:1], poses[1:], FOCALS, FOCALS, pixels)[0]
    expected = torch.tensor([-FOCAL * 0.2 / 4, 0.0], dtype=torch.float64).expand_as(flow)
    torch.testing.assert_close(flow, expected, rtol=0, atol=1e-4)


def test_it_is_the_flow_of_the_cameras() -> None:
    scene = wall(2)
    K = torch.tensor([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]], dtype=torch.float64)
    cameras = Cameras(
        invert_se3(scene.c2w), K.repeat(2, 1, 1), torch.full((2,), WIDTH), torch.full((2,), HEIGHT)
    )
    expected = ego_motion.ego_flow(scene.depths[0].reshape(HEIGHT, WIDTH), cameras[0], cameras[1])
    torch.testing.assert_close(implied(scene, 0, 1).reshape(HEIGHT, WIDTH, 2), expected, rtol=0, atol=1e-4)


def test_the_truth_costs_nothing() -> None:
    scene = wall(3)
    focals = FOCALS.expand(3)
    term = flow_term(scene.depths, scene.c2w, focals, scene.pairs.pixels, exact_flows(scene))
    assert term.item() == pytest.approx(0, abs=1e-12)


def test_value_and_gradients_are_those_of_the_plain_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK_POINTS", 500)
    scene = wall(3)
    flows = exact_flows(scene)
    noisy = flows.flows + 2 * torch.randn(flows.flows.shape, dtype=torch.float64)
    noisy[0, :9] += 100
    used = torch.rand(flows.used.shape) > 0.3
    leaves = [scene.depths.clone(), scene.c2w.clone(), FOCALS.repeat(3)]
    for leaf in leaves:
        leaf.requires_grad_()
    depths, c2w, focals = leaves
    i, j = flows.edges.unbind(dim=1)
    ours = flow_term(depths, c2w, focals, scene.pairs.pixels, PairFlows(flows.edges, noisy, used))
    all_at_once = ego_flow(depths[i], c2w[i], c2w[j], focals[i], focals[j], scene.pairs.pixels)
    losses = F.smooth_l1_loss(all_at_once, noisy, reduction="none")
    plain = losses[(losses < 50) & used[..., None]].mean()
    torch.testing.assert_close(ours, plain)
    for one, other in zip(torch.autograd.grad(ours, leaves), torch.autograd.grad(plain, leaves), strict=True):
        torch.testing.assert_close(one, other)


def test_without_a_pixel_to_use_it_is_zero_and_finite() -> None:
    scene = wall(2)
    flows = exact_flows(scene)
    depths = scene.depths.clone().requires_grad_()
    nothing = PairFlows(flows.edges, flows.flows, torch.zeros_like(flows.used))
    term = flow_term(depths, scene.c2w, FOCALS.expand(2), scene.pairs.pixels, nothing)
    term.backward()
    assert term.item() == 0
    assert depths.grad is not None
    assert depths.grad.eq(0).all()


def test_published_numbers(golden: Path) -> None:
    """The published systems divide by z + 1e-6 around another origin: hence 1e-6, not 1e-9."""
    numbers = Published(golden)
    variables, edges = numbers.variables("fixed").requires_grad_(), numbers.edges
    static = ~numbers["dynamic_masks"].flatten(1)
    i, j = edges[:4].unbind(dim=1)
    c2w, focals = variables.c2w, variables.focals
    implied_flow = ego_flow(variables.depths[i], c2w[i], c2w[j], focals[i], focals[j], numbers.pixels)
    torch.testing.assert_close(
        implied_flow.detach(), numbers.flow("fixed_ego_flow_ij_edges0to3"), rtol=0, atol=2e-5
    )
    both = [
        PairFlows(edges, numbers.flow("flow_ij"), static[edges[:, 0]]),
        PairFlows(edges.flip(1), numbers.flow("flow_ji"), static[edges[:, 1]]),
    ]
    for largest, name in ((50.0, "fixed_flow_loss"), (1.0, "fixed_flow_loss_pxl_thre1")):
        terms = [
            flow_term(
                variables.depths, variables.c2w, variables.focals, numbers.pixels, one, largest_px=largest
            )
            for one in both
        ]
        assert sum(term.item() for term in terms) == pytest.approx(numbers[name].item(), rel=2e-6)
