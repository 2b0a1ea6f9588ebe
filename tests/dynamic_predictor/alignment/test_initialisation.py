"""Where the alignment starts."""

import math
from pathlib import Path

import pytest
import torch

from core.geometry import invert_se3, transform_points
from dynamic_predictor.alignment.initialisation import (
    Known,
    Start,
    frame_focals,
    joined,
    pair_scores,
    starting_variables,
)
from dynamic_predictor.alignment.pointmaps import Pointmaps
from dynamic_predictor.alignment.registration import register_poses
from tests.dynamic_predictor.alignment.published import SIZE, Published
from tests.dynamic_predictor.alignment.scenes import FOCAL, HEIGHT, WIDTH, camera_path, center_errors, wall


def start_of(pairs: Pointmaps, focals: torch.Tensor | None = None) -> Start:
    scores = pair_scores(pairs.confidences.mean(dim=2))
    static = torch.ones(pairs.frames, len(pairs.pixels), dtype=torch.bool)
    if focals is None:
        focals = frame_focals(pairs, scores, None, (HEIGHT, WIDTH)).nanmedian().expand(pairs.frames)
    return joined(pairs, scores, pairs.confidences, static, focals)


@pytest.mark.parametrize("graph", ["complete", "swin-1", "swinstride-2-noncyclic", "oneref-2"])
def test_a_rigid_scene_is_recovered_up_to_a_similarity(graph: str) -> None:
    scene = wall(5, graph)
    start = start_of(scene.pairs)
    assert start.posed.all()
    assert center_errors(start.c2w, scene.c2w).max() < 1e-5
    fit = register_poses(start.c2w, scene.c2w)
    torch.testing.assert_close(fit.R @ start.c2w[:, :3, :3], scene.c2w[:, :3, :3], rtol=0, atol=1e-4)


def test_focal_lengths_are_each_frames_own() -> None:
    scene = wall(4)
    pairs = scene.pairs
    rows = pairs.edges[:, 0] == 2
    pairs.points[rows, 0, :, :2] *= 0.5
    focals = frame_focals(pairs, pair_scores(pairs.confidences.mean(dim=2)), None, (HEIGHT, WIDTH))
    expected = torch.tensor([FOCAL, FOCAL, 2 * FOCAL, FOCAL], dtype=torch.float64)
    torch.testing.assert_close(focals, expected, rtol=1e-6, atol=0)


def test_a_frame_that_is_never_first_has_no_focal_length_of_its_own() -> None:
    pairs = wall(3, "oneref-0").pairs
    focals = frame_focals(pairs, pair_scores(pairs.confidences.mean(dim=2)), None, (HEIGHT, WIDTH))
    assert [math.isnan(focal) for focal in focals.tolist()] == [False, True, True]


def test_a_frame_whose_camera_cannot_be_found_borrows_its_neighbours() -> None:
    pairs = wall(3, "oneref-0").pairs
    pairs.points[pairs.edges[:, 1] == 2, 1] = 0.0
    start = start_of(pairs)
    assert start.c2w.isfinite().all()
    if not start.posed[2]:
        assert torch.equal(start.c2w[2], start.c2w[1])


def test_starting_variables_have_pairs_of_the_base_scale_and_fit() -> None:
    scene = wall(4)
    variables = starting_variables(
        start_of(scene.pairs), scene.pairs, scene.pairs.confidences, Known(), shared_focal=True
    )
    torch.testing.assert_close(variables.pair_scales(), variables.pair_scales(normalised=False))
    world = variables.world_points(scene.pairs.pixels)
    transforms = variables.pair_transforms()
    placed = scene.pairs.points[:, 1] @ transforms[:, :, :3].mT + transforms[:, None, :, 3]
    torch.testing.assert_close(placed, world[scene.pairs.edges[:, 1]], rtol=0, atol=1e-4)


@pytest.mark.parametrize("which", [[0, 1, 2, 3], [1, 3]])
def test_known_cameras_give_their_frame_and_scale(which: list[int]) -> None:
    scene = wall(4)
    given = torch.zeros(4, dtype=torch.bool)
    given[which] = True
    moved = camera_path(4) * torch.tensor([1, 1, 1, 7.0]).double()  # metres, say
    moved[:, 3, 3] = 1
    known = Known(moved, given)
    assert known.gives_scale
    variables = starting_variables(
        start_of(scene.pairs), scene.pairs, scene.pairs.confidences, known, shared_focal=True
    )
    torch.testing.assert_close(variables.c2w, moved, rtol=0, atol=1e-4)
    torch.testing.assert_close(variables.depths, 7 * scene.depths, rtol=1e-4, atol=0)


def test_one_known_camera_gives_a_place_but_no_scale() -> None:
    scene = wall(3)
    poses = camera_path(3)
    poses[:, :3, 3] += 5
    known = Known(poses, torch.tensor([False, True, False]))
    assert not known.gives_scale
    variables = starting_variables(
        start_of(scene.pairs), scene.pairs, scene.pairs.confidences, known, shared_focal=True
    )
    torch.testing.assert_close(variables.c2w[1], poses[1])
    torch.testing.assert_close(
        variables.pair_scales(), variables.pair_scales(normalised=False), rtol=1e-6, atol=0
    )


def test_published_start(golden: Path) -> None:
    numbers = Published(golden)
    pairs = numbers.pairs()
    scores = pair_scores(pairs.confidences.mean(dim=2))
    torch.testing.assert_close(scores, numbers["edge_scores"], rtol=1e-9, atol=0)
    focals = frame_focals(pairs, scores, None, SIZE, best=1)
    static = torch.ones(5, len(pairs.pixels), dtype=torch.bool)
    start = joined(pairs, scores, pairs.confidences, static, focals)
    assert pairs.edges[list(start.tree)].tolist() == numbers["f64_tree_edges"].tolist()
    torch.testing.assert_close(start.c2w, numbers["f64_tree_poses_before_scaling"], rtol=0, atol=1e-6)
    torch.testing.assert_close(
        start.points, numbers["f64_tree_pts3d_before_scaling"].flatten(1, 2), rtol=0, atol=1e-6
    )
    # The published focal length of one frame is that of another: a defect that is not repeated.
    per_frame = numbers["f64_init_focals_per_image"]
    assert all((per_frame - focal).abs().min() < 1e-6 for focal in focals[torch.tensor([1, 2, 3, 4])])
    variables = starting_variables(start, pairs, pairs.confidences, Known(), shared_focal=True)
    expected = numbers.variables("f64_iter0")
    torch.testing.assert_close(variables.log_depths, expected.log_depths, rtol=0, atol=1e-6)
    torch.testing.assert_close(variables.c2w, expected.c2w, rtol=0, atol=1e-6)
    torch.testing.assert_close(variables.pair_transforms(), expected.pair_transforms(), rtol=0, atol=1e-6)


def test_points_stay_where_their_cameras_saw_them() -> None:
    scene = wall(3)
    start = start_of(scene.pairs)
    depths = transform_points(invert_se3(start.c2w), start.points)[..., 2]
    ratio = depths / scene.depths
    torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio), rtol=1e-5, atol=0)
