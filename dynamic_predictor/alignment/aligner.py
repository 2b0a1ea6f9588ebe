"""Global alignment from the pairs' pointmaps to cameras, depths and confidences of all frames."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dynamic_predictor.alignment.camera_motion import Motion, camera_motion, stands_still
from dynamic_predictor.alignment.cleaning import cleaned_confidences
from dynamic_predictor.alignment.config import AlignmentConfig
from dynamic_predictor.alignment.flow_term import PairFlows
from dynamic_predictor.alignment.full_depths import fit_depths
from dynamic_predictor.alignment.initialisation import (
    Known,
    frame_focals,
    joined,
    pair_scores,
    starting_variables,
)
from dynamic_predictor.alignment.masks import static_pixels
from dynamic_predictor.alignment.objective import confidence_weights
from dynamic_predictor.alignment.optimisation import Course, Problem, optimise
from dynamic_predictor.alignment.pointmaps import Pointmaps, frame_confidences, sample_rows
from dynamic_predictor.alignment.variables import Variables


@dataclass(frozen=True)
class Aligned:
    """Frames in one world.

    Args:
        c2w: world-from-camera.
        focals: pixels.
        depths: z-depths in world units, 0 = none.
        confidences: largest of all pairs', 0 where the clean-up took it away.
        registered: False where a camera is a neighbour's.
        motion: what kind of motion the camera makes.
        course: how the optimisation went.
    """

    c2w: Float[Tensor, "N 4 4"]
    focals: Float[Tensor, " N"]
    depths: Float[Tensor, "N H W"]
    confidences: Float[Tensor, "N H W"]
    registered: Bool[Tensor, " N"]
    motion: Motion
    course: Course


def align(
    pairs: Pointmaps,
    size: tuple[int, int],
    config: AlignmentConfig,
    *,
    moving: Bool[Tensor, "N P"] | None = None,
    flows: PairFlows | None = None,
    known: Known | None = None,
) -> Aligned:
    """Cameras, depths and confidences that agree with all pairs.

    Args:
        pairs: predictions at all pixels; two pairs at least that connect the frames.
        size: (height, width) of the frames.
        config: weights, steps, sampling.
        moving: where something moves.
        flows: optical flow of directed pairs at the pixels of `sample_rows(height, width, config.pixels)`,
            used only where nothing moves.
        known: cameras and focal lengths that are given.

    Raises:
        UserError: the pairs do not connect all frames.
    """
    known = known or Known()
    height, width = size
    lattice = sample_rows(height, width, config.pixels)
    sampled = pairs.sampled(lattice)
    if moving is None:
        moving = torch.zeros(pairs.frames, len(pairs.pixels), dtype=torch.bool)
    static = static_pixels(moving[:, lattice])
    if flows is not None:
        flows = replace(flows, used=flows.used & static[flows.edges[:, 0]])
        if known.c2w is None and stands_still(flows, config.static_camera_px):
            known = _still(known, pairs.frames)
    variables, registered, course = _solved(sampled, size, config, static, flows, known)
    motion = camera_motion(variables.c2w, variables.depths, variables.focals, config.static_camera_px)
    if motion == "static" and known.c2w is None:
        known = _still(known, pairs.frames)
        variables, registered, course = _solved(sampled, size, config, static, flows, known)
    del sampled
    c2w, focals = variables.c2w, variables.focals.clone()
    depths = variables.depths
    if len(lattice) < height * width:
        transforms = variables.pair_transforms(normalised=not known.gives_scale)
        depths = fit_depths(pairs, c2w, focals, transforms, config.distance, config.confidence_weight)
    depths = depths.reshape(-1, height, width)
    confidences = frame_confidences(pairs).reshape(-1, height, width).to(depths)
    cleaned = cleaned_confidences(depths, confidences, c2w, focals, window=config.clean_window)
    return Aligned(c2w, focals, depths, cleaned, registered, motion, course)


def _solved(
    pairs: Pointmaps,
    size: tuple[int, int],
    config: AlignmentConfig,
    static: Bool[Tensor, "N P"],
    flows: PairFlows | None,
    known: Known,
) -> tuple[Variables, Bool[Tensor, " N"], Course]:
    """The start along the spanning tree, then the optimiser."""
    trust = static[pairs.edges].to(pairs.confidences)
    confident = pairs.confidences * trust
    scores = pair_scores(confident.mean(dim=2))
    if known.focals is None:
        focals = frame_focals(pairs, scores, confident, size)
        if config.shared_focal:
            focals = focals.nanmedian().expand(pairs.frames)
    else:
        focals = known.focals.to(scores).expand(pairs.frames)
    start = joined(pairs, scores, confident, static, focals, config.pnp_confidence)
    variables = starting_variables(start, pairs, confident, known, shared_focal=config.shared_focal)
    weights = confidence_weights(pairs.confidences, config.confidence_weight)
    problem = Problem(
        pairs.edges,
        pairs.pixels,
        pairs.points,
        weights * trust.clamp_min(config.moving_weight),
        normalised=not known.gives_scale,
        flows=flows,
        moving=~static,
        initial_log_depths=variables.log_depths.clone(),
        fixed_poses=known.which if known.c2w is not None else None,
        fixed_focal=known.focals is not None,
    )
    solved, course = optimise(variables, problem, config)
    return solved, start.posed, course


def _still(known: Known, frames: int) -> Known:
    """All cameras at the origin."""
    return replace(known, c2w=torch.eye(4).repeat(frames, 1, 1), which=torch.ones(frames, dtype=torch.bool))
