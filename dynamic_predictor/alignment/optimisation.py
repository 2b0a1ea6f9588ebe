"""The optimiser of global alignment."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from core.progress import Progress
from dynamic_predictor.alignment.config import AlignmentConfig
from dynamic_predictor.alignment.flow_term import PairFlows, flow_term
from dynamic_predictor.alignment.objective import alignment_term, depth_term, smoothness_term
from dynamic_predictor.alignment.variables import Variables, signed_log1p

_BETAS = (0.9, 0.9)


@dataclass(frozen=True)
class Problem:
    """What the variables have to agree with.

    Args:
        edges: frames of each pair.
        pixels: relative to the principal point.
        points: pointmaps of both sides, in the axes of camera i.
        weights: of their pixels.
        normalised: whether the pairs' scales are held to a mean; not where known cameras give the scale.
        flows: optical flow, if there is any.
        moving: where something moves, for the depth term.
        initial_log_depths: what the depth term holds on to.
        fixed_poses: frames whose cameras are known and stay.
        fixed_focal: whether the focal lengths are known and stay.
    """

    edges: Int64[Tensor, "E 2"]
    pixels: Float[Tensor, "P 2"]
    points: Float[Tensor, "E 2 P 3"]
    weights: Float[Tensor, "E 2 P"]
    normalised: bool = True
    flows: PairFlows | None = None
    moving: Bool[Tensor, "N P"] | None = None
    initial_log_depths: Float[Tensor, "N P"] | None = None
    fixed_poses: Bool[Tensor, " N"] | None = None
    fixed_focal: bool = False


@dataclass
class Course:
    """How an optimisation went.

    Args:
        losses: before each step, and after the last.
        stopped_early: whether it ended because nothing was gained any more.
    """

    losses: list[float] = field(default_factory=list)
    stopped_early: bool = False


def learning_rate(config: AlignmentConfig, share: float) -> float:
    """The rate after a share of the steps, from 0 to 1."""
    if config.rate_schedule == "linear":
        return config.rate + (config.last_rate - config.rate) * share
    return config.last_rate + (config.rate - config.last_rate) * (1 + math.cos(math.pi * share)) / 2


def objective(
    variables: Variables, problem: Problem, config: AlignmentConfig, share: float = 0.0
) -> Float[Tensor, ""]:
    """The loss after a share of the steps: alignment, smoothness, and what else is switched on."""
    c2w = variables.c2w
    transforms = variables.pair_transforms(normalised=problem.normalised)
    world = variables.world_points(problem.pixels)
    loss = alignment_term(
        world, transforms, problem.edges, problem.points, problem.weights, config.distance
    ).sum()
    if config.smoothness and len(c2w) > 1:
        loss = loss + config.smoothness * smoothness_term(c2w, config.translation_weight).mean()
    if problem.flows is not None and config.flow_weight and share >= config.flow_start:
        flow = flow_term(
            variables.depths,
            c2w,
            variables.focals,
            problem.pixels,
            problem.flows,
            largest_px=config.flow_outlier_px,
        )
        if flow.item() <= config.flow_give_up_px:
            loss = loss + config.flow_weight * flow
    if config.depth_weight and problem.initial_log_depths is not None:
        moving = problem.moving
        if moving is None:
            moving = torch.zeros_like(variables.log_depths, dtype=torch.bool)
        loss = loss + config.depth_weight * depth_term(
            variables.log_depths, problem.initial_log_depths, moving
        )
    return loss


def optimise(
    variables: Variables,
    problem: Problem,
    config: AlignmentConfig,
    after_step: Callable[[int, float], None] | None = None,
) -> tuple[Variables, Course]:
    """The variables that the optimiser ends with; those given stay as they are.

    Args:
        variables: where to start.
        problem: what they have to agree with.
        config: steps, rates, weights.
        after_step: told the number of steps taken and the loss before the last of them.
    """
    variables = variables.clone().requires_grad_(
        fixed=frozenset({"log_focals"}) if problem.fixed_focal else frozenset()
    )
    leaves = [leaf for _, leaf in variables.named() if leaf.requires_grad]
    optimizer = torch.optim.Adam(leaves, lr=config.rate, betas=_BETAS)
    course = Course()
    with Progress(config.steps, label="alignment") as progress:
        for step in range(config.steps):
            share = step / config.steps
            optimizer.param_groups[0]["lr"] = learning_rate(config, share)
            optimizer.zero_grad()
            loss = objective(variables, problem, config, share)
            loss.backward()
            _hold_known(variables, problem)
            optimizer.step()
            course.losses.append(loss.item())
            progress.advance()
            progress.show({"loss": course.losses[-1]})
            if after_step is not None:
                after_step(step + 1, course.losses[-1])
            if _stalled(course.losses, config, share):
                course.stopped_early = True
                break
    final = variables.clone()
    course.losses.append(objective(final, problem, config, 1.0).item())
    return final, course


def _hold_known(variables: Variables, problem: Problem) -> None:
    """Known cameras get no gradient, hence no step."""
    if problem.fixed_poses is None:
        return
    for leaf in (variables.quats, variables.log_translations):
        if leaf.grad is not None:
            leaf.grad[problem.fixed_poses] = 0


def _stalled(losses: list[float], config: AlignmentConfig, share: float) -> bool:
    """Whether the latest steps gained next to nothing; never while the flow is coming in."""
    patience = config.patience
    if patience == 0 or len(losses) < 2 * patience or share < config.flow_start + 2 * patience / config.steps:
        return False
    return min(losses[-patience:]) > (1 - config.least_progress) * min(losses[-2 * patience : -patience])


def rescaled(variables: Variables, factor: float) -> Variables:
    """The same arrangement in a world `factor` times as large; pairs' scales are not touched."""
    scaled = variables.clone()
    scaled.log_depths += math.log(factor)
    centers = variables.c2w[:, :3, 3].detach() * factor
    scaled.log_translations = signed_log1p(centers)
    return scaled
