"""The terms of the objective: written out plainly, their gradients, and published numbers."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from dynamic_predictor.alignment import objective
from dynamic_predictor.alignment.objective import (
    ConfidenceWeight,
    Distance,
    alignment_term,
    confidence_weights,
    depth_term,
    smoothness_term,
)
from tests.dynamic_predictor.alignment.published import Published
from tests.dynamic_predictor.alignment.scenes import camera_path, truth, wall


def plain_alignment(
    world: Tensor, transforms: Tensor, edges: Tensor, points: Tensor, weights: Tensor, distance: Distance
) -> Tensor:
    sums = []
    for side in (0, 1):
        placed = points[:, side] @ transforms[:, :, :3].mT + transforms[:, None, :, 3]
        squared = (world[edges[:, side]] - placed).square().sum(dim=-1)
        sums.append((weights[:, side] * (squared if distance == "l2" else squared.sqrt())).mean())
    return torch.stack(sums)


@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_alignment_and_its_gradients(distance: Distance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective, "_CHUNK_POINTS", 400)  # several chunks, the last one shorter
    scene = wall(4, noise=0.05)
    pairs, start = scene.pairs, truth(scene)
    world = start.world_points(pairs.pixels).requires_grad_()
    transforms = start.pair_transforms().requires_grad_()
    weights = confidence_weights(pairs.confidences)
    results = []
    for term in (alignment_term, plain_alignment):
        both = term(world, transforms, pairs.edges, pairs.points, weights, distance)
        results.append(
            (both, *torch.autograd.grad(both @ torch.tensor([1.0, 2.0]).double(), [world, transforms]))
        )
    for ours, plain in zip(*results, strict=True):
        torch.testing.assert_close(ours, plain)


def test_a_world_that_fits_exactly_costs_nothing_and_has_finite_gradients() -> None:
    scene = wall(3)
    pairs, variables = scene.pairs, truth(scene)
    transforms = variables.pair_transforms(normalised=False).requires_grad_()
    weights = confidence_weights(pairs.confidences)
    term = alignment_term(scene.points, transforms, pairs.edges, pairs.points, weights)
    term.sum().backward()
    assert term.max().item() < 1e-12
    assert transforms.grad is not None
    assert transforms.grad.isfinite().all()


def test_smoothness_of_a_straight_and_steady_path() -> None:
    steady = camera_path(4, step=0.0, turn=0.0)
    steady[:, 0, 3] = torch.arange(4) * 0.5
    torch.testing.assert_close(smoothness_term(steady, 3.0), torch.full((3,), 1.5).double())


def test_a_still_camera_is_perfectly_smooth_with_finite_gradients() -> None:
    c2w = torch.eye(4).repeat(3, 1, 1).requires_grad_()
    smoothness_term(c2w).sum().backward()
    assert c2w.grad is not None
    assert c2w.grad.isfinite().all()


def test_the_depth_term_knows_no_scale() -> None:
    logs = torch.randn(3, 10, dtype=torch.float64)
    moving = torch.zeros(3, 10, dtype=torch.bool)
    assert depth_term(logs + 0.7, logs, moving).item() == pytest.approx(0, abs=1e-20)
    other = logs + torch.randn(3, 10, dtype=torch.float64)
    assert depth_term(other, logs, ~moving) == 2 * depth_term(other, logs, moving)


@pytest.mark.parametrize("distance", ["l1", "l2"])
@pytest.mark.parametrize("weight", ["log", "sqrt", "m1", "id"])
def test_published_alignment(golden: Path, distance: Distance, weight: ConfidenceWeight) -> None:
    numbers = Published(golden)
    variables, pairs = numbers.variables("fixed"), numbers.pairs()
    term = alignment_term(
        variables.world_points(pairs.pixels),
        variables.pair_transforms(),
        pairs.edges,
        pairs.points,
        confidence_weights(pairs.confidences, weight),
        distance,
    )
    assert term.sum().item() == pytest.approx(numbers[f"fixed_align_{distance}_{weight}"].item(), rel=1e-9)
    if (distance, weight) == ("l1", "log"):
        assert term.tolist() == pytest.approx(
            [numbers["fixed_li"].item(), numbers["fixed_lj"].item()], rel=1e-9
        )


def test_published_smoothness_and_depth(golden: Path) -> None:
    numbers = Published(golden)
    variables = numbers.variables("fixed")
    torch.testing.assert_close(
        smoothness_term(variables.c2w), numbers["fixed_smooth_per_pair"], rtol=1e-9, atol=0
    )
    weaker = smoothness_term(variables.c2w, 0.1).sum().item()
    assert weaker == pytest.approx(numbers["fixed_smooth_sum_tw0.1"].item(), rel=1e-9)
    depth = depth_term(
        variables.log_depths, numbers["gt_depth"].flatten(1).log(), numbers["dynamic_masks"].flatten(1)
    )
    assert depth.item() == pytest.approx(numbers["fixed_depth_regulariser_vs_gt_depth"].item(), rel=1e-9)
