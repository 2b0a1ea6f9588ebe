"""The optimiser: rates, descent, what it holds, and the course of the published one."""

import dataclasses
from pathlib import Path

import pytest
import torch

from dynamic_predictor.alignment.config import AlignmentConfig
from dynamic_predictor.alignment.flow_term import PairFlows
from dynamic_predictor.alignment.objective import confidence_weights
from dynamic_predictor.alignment.optimisation import Problem, learning_rate, objective, optimise
from dynamic_predictor.alignment.variables import Variables
from tests.dynamic_predictor.alignment.published import Published, wxyz
from tests.dynamic_predictor.alignment.scenes import Wall, truth, wall

PLAIN = AlignmentConfig(patience=0, smoothness=0.01)
# The published objective adds up the jumps between its five frames.
PUBLISHED = dataclasses.replace(PLAIN, smoothness=0.04)


def problem_of(scene: Wall) -> Problem:
    pairs = scene.pairs
    return Problem(pairs.edges, pairs.pixels, pairs.points, confidence_weights(pairs.confidences))


def perturbed(scene: Wall, amount: float) -> Variables:
    variables = truth(scene)
    for _, leaf in variables.named():
        leaf.add_(amount * torch.randn(leaf.shape, dtype=leaf.dtype))
    return variables


@pytest.mark.parametrize(
    ("schedule", "share", "rate"),
    [
        ("linear", 0.0, 0.01), ("linear", 0.1, 0.0091), ("linear", 0.5, 0.0055), ("linear", 0.99, 0.00109),
        ("cosine", 0.1, 0.00977975), ("cosine", 0.5, 0.0055),
    ],
)  # fmt: skip
def test_rates(schedule: str, share: float, rate: float) -> None:
    config = AlignmentConfig(rate_schedule="cosine" if schedule == "cosine" else "linear")
    assert learning_rate(config, share) == pytest.approx(rate, abs=1e-8)


def test_a_rigid_scene_gets_better_with_every_one_of_the_first_steps() -> None:
    scene = wall(4)
    start = perturbed(scene, 0.05)
    config = dataclasses.replace(PLAIN, steps=12, rate=2e-3, last_rate=1e-3)
    before = start.clone()
    found, course = optimise(start, problem_of(scene), config)
    assert len(course.losses) == 13
    assert all(later < earlier for earlier, later in zip(course.losses[:-1], course.losses[1:], strict=True))
    for (_, now), (_, then) in zip(start.named(), before.named(), strict=True):
        torch.testing.assert_close(now, then, rtol=0, atol=0)
    assert not any(leaf.requires_grad for _, leaf in found.named())


def test_what_is_known_stays() -> None:
    scene = wall(3)
    start = perturbed(scene, 0.05)
    known = torch.tensor([True, False, True])
    problem = dataclasses.replace(problem_of(scene), fixed_poses=known, fixed_focal=True)
    found, _ = optimise(start, problem, dataclasses.replace(PLAIN, steps=5))
    torch.testing.assert_close(found.quats[known], start.quats[known], rtol=0, atol=0)
    torch.testing.assert_close(found.log_translations[known], start.log_translations[known], rtol=0, atol=0)
    torch.testing.assert_close(found.log_focals, start.log_focals, rtol=0, atol=0)
    assert (found.quats[1] != start.quats[1]).any()


def test_it_ends_when_nothing_is_gained() -> None:
    scene = wall(3)
    config = AlignmentConfig(steps=200, rate=1e-9, last_rate=1e-9, patience=5)
    _, course = optimise(truth(scene), problem_of(scene), config)
    assert course.stopped_early
    assert len(course.losses) < 60


def test_terms_are_added_when_they_are_due() -> None:
    scene = wall(3)
    variables = perturbed(scene, 0.02)
    edges = scene.pairs.edges
    flows = PairFlows(
        edges,
        torch.ones(len(edges), len(scene.pairs.pixels), 2),
        torch.ones(len(edges), len(scene.pairs.pixels)) > 0,
    )
    config = dataclasses.replace(PLAIN, flow_weight=1.0, depth_weight=1.0)
    problem = dataclasses.replace(problem_of(scene), flows=flows, initial_log_depths=scene.depths.log())
    without = dataclasses.replace(config, flow_weight=0.0)
    before, after = (objective(variables, problem, config, share).item() for share in (0.05, 0.5))
    assert after > before
    assert before == objective(variables, problem, without, 0.5).item()
    assert before > objective(variables, problem, dataclasses.replace(without, depth_weight=0.0)).item()
    gives_up = dataclasses.replace(config, flow_give_up_px=1e-6)
    assert objective(variables, problem, gives_up, 0.5).item() == before


def test_published_objective_and_gradients(golden: Path) -> None:
    numbers = Published(golden)
    variables, pairs = numbers.variables("fixed").requires_grad_(), numbers.pairs()
    problem = Problem(pairs.edges, pairs.pixels, pairs.points, confidence_weights(pairs.confidences))
    loss = objective(variables, problem, PUBLISHED)
    loss.backward()
    assert loss.item() == pytest.approx(numbers["fixed_loss_total"].item(), rel=1e-9)
    poses, in_pairs = numbers["fixed_grad_im_poses"], numbers["fixed_grad_pw_poses"]
    expected = {
        "log_depths": numbers["fixed_grad_im_depthmaps"],
        "quats": wxyz(poses[:, :4]),
        "log_translations": poses[:, 4:],
        "log_focals": numbers["fixed_grad_im_focals"].flatten(),
        "pair_quats": wxyz(in_pairs[:, :4]),
        "pair_log_translations": in_pairs[:, 4:7],
        "pair_log_scales": in_pairs[:, 7],
    }
    for name, leaf in variables.named():
        torch.testing.assert_close(leaf.grad, expected[name], rtol=1e-8, atol=1e-12)


def test_published_course(golden: Path) -> None:
    """Equal to rounding for as long as the problem is not chaotic."""
    numbers = Published(golden)
    pairs = numbers.pairs()
    problem = Problem(pairs.edges, pairs.pixels, pairs.points, confidence_weights(pairs.confidences))

    class EnoughError(Exception):
        pass

    curve = numbers["run_loss_curve"]
    losses: list[float] = []

    def until_fifty(step: int, loss: float) -> None:
        losses.append(loss)
        if step == 51:
            raise EnoughError

    with pytest.raises(EnoughError):
        optimise(numbers.variables("start"), problem, PUBLISHED, until_fifty)
    assert losses == pytest.approx(curve[:51].tolist(), abs=1e-6)
    rates = [learning_rate(PLAIN, step / 300) for step in range(300)]
    assert rates == pytest.approx(numbers["lr"].tolist(), abs=1e-12)


@pytest.mark.slow
def test_published_end(golden: Path) -> None:
    numbers = Published(golden)
    pairs = numbers.pairs()
    problem = Problem(pairs.edges, pairs.pixels, pairs.points, confidence_weights(pairs.confidences))
    found, course = optimise(numbers.variables("start"), problem, PUBLISHED)
    assert course.losses[100] == pytest.approx(numbers["run_loss_curve"][100].item(), abs=5e-4)
    assert course.losses[300] == pytest.approx(numbers["run_loss_curve"][300].item(), abs=1e-4)
    torch.testing.assert_close(found.focals, numbers["run_final_focals"][:, 0], rtol=0, atol=0.05)
    torch.testing.assert_close(found.c2w, numbers["run_final_c2w"], rtol=0, atol=2e-3)
    torch.testing.assert_close(found.depths, numbers["run_final_depth"].flatten(1), rtol=5e-3, atol=0)
