"""Global alignment from end to end on pairs that are known."""

import dataclasses

import pytest
import torch
from torch import Tensor

from core.errors import UserError
from dynamic_predictor.alignment.aligner import Aligned, align
from dynamic_predictor.alignment.config import AlignmentConfig
from dynamic_predictor.alignment.flow_term import PairFlows
from dynamic_predictor.alignment.initialisation import Known
from dynamic_predictor.alignment.pointmaps import Pointmaps, sample_rows
from tests.dynamic_predictor.alignment.scenes import (
    FOCAL,
    HEIGHT,
    WIDTH,
    Wall,
    camera_path,
    center_errors,
    wall,
)

SIZE = (HEIGHT, WIDTH)
QUICK = AlignmentConfig(steps=40, smoothness=0.0)


def aligned(scene: Wall, config: AlignmentConfig = QUICK, **others: object) -> Aligned:
    return align(scene.pairs, SIZE, config, **others)  # pyright: ignore[reportArgumentType]


def still_flows(pairs: Pointmaps, config: AlignmentConfig) -> PairFlows:
    lattice = sample_rows(*SIZE, config.pixels)
    shape = len(pairs.edges), len(lattice)
    return PairFlows(pairs.edges, torch.zeros(*shape, 2), torch.ones(shape, dtype=torch.bool))


def depth_errors(found: Tensor, scene: Wall) -> Tensor:
    ratio = found.double().flatten(1) / scene.depths
    return (ratio / ratio.median() - 1).abs()


@pytest.mark.parametrize("pixels", [None, 48])
@pytest.mark.parametrize("graph", ["complete", "swinstride-2-noncyclic", "oneref-1"])
def test_a_rigid_scene_is_recovered(graph: str, pixels: int | None) -> None:
    scene = wall(5, graph, noise=0.003)
    found = aligned(scene, dataclasses.replace(QUICK, pixels=pixels))
    assert found.motion == "general"
    assert found.registered.all()
    assert center_errors(found.c2w, scene.c2w).max() < 0.1
    assert depth_errors(found.depths, scene).median() < 0.005
    torch.testing.assert_close(found.focals, torch.full((5,), FOCAL), rtol=0.03, atol=0)


def test_moving_things_do_not_bend_the_path() -> None:
    scene = wall(4)
    moving = torch.zeros(4, HEIGHT * WIDTH, dtype=torch.bool)
    moving[:, : HEIGHT * WIDTH // 3] = True
    for row in range(len(scene.pairs.edges)):
        scene.pairs.points[row, 1, moving[0]] += 0.4 * torch.randn(3, dtype=torch.float64)
    config = dataclasses.replace(QUICK, pixels=None)
    masked = center_errors(aligned(scene, config, moving=moving).c2w, scene.c2w).max()
    unmasked = center_errors(aligned(scene, config).c2w, scene.c2w).max()
    assert masked < 0.02
    assert masked < unmasked


@pytest.mark.parametrize("with_flow", [True, False])
def test_a_still_camera_stands_still(with_flow: bool) -> None:
    scene = wall(4, "swin-2-noncyclic", step=0.0, turn=0.0)
    flows = still_flows(scene.pairs, QUICK) if with_flow else None
    found = aligned(scene, flows=flows)
    assert found.motion == "static"
    torch.testing.assert_close(found.c2w, torch.eye(4).expand(4, 4, 4), rtol=0, atol=1e-6)
    assert depth_errors(found.depths, scene).median() < 0.01


def test_frames_that_repeat_are_no_problem() -> None:
    scene = wall(3)
    pairs = scene.pairs
    twice = Pointmaps.empty(
        [(0, 1), (1, 0), (1, 2), (2, 1)], 3, pairs.pixels, with_dynamic=False, dtype=torch.float32
    )
    own = pairs.points[0, 0]
    for row in range(4):
        for side in (0, 1):
            twice.put(row, side, own, torch.full((len(own),), 5.0))
    found = align(twice, SIZE, QUICK)
    assert found.c2w.isfinite().all()
    assert found.motion == "static"


@pytest.mark.parametrize("which", [[0, 1, 2, 3], [0, 3]])
def test_known_cameras_stay_and_give_the_scale(which: list[int]) -> None:
    scene = wall(4, noise=0.003)
    poses = camera_path(4)
    poses[:, :3, 3] *= 3
    given = torch.zeros(4, dtype=torch.bool)
    given[which] = True
    known = Known(poses, given, torch.tensor([FOCAL]))
    found = aligned(scene, known=known)
    torch.testing.assert_close(found.c2w[given], poses[given].float(), rtol=0, atol=1e-5)
    torch.testing.assert_close(found.c2w, poses.float(), rtol=0, atol=0.06)
    torch.testing.assert_close(found.focals, torch.full((4,), FOCAL), rtol=1e-6, atol=0)
    assert (found.depths.flatten(1) / (3 * scene.depths) - 1).abs().median() < 0.02


def test_focal_lengths_of_their_own() -> None:
    scene = wall(3)
    found = aligned(scene, dataclasses.replace(QUICK, shared_focal=False))
    assert found.focals.shape == (3,)
    torch.testing.assert_close(found.focals, torch.full((3,), FOCAL), rtol=0.03, atol=0)


def test_confidence_is_taken_only_where_there_was_some() -> None:
    scene = wall(4, noise=0.02)
    found = aligned(scene)
    assert ((found.confidences == 0) | (found.confidences >= 4 - 1e-3)).all()


def test_pairs_that_leave_a_frame_out_are_refused() -> None:
    scene = wall(3)
    lost = dataclasses.replace(
        scene.pairs,
        edges=scene.pairs.edges[:1],
        points=scene.pairs.points[:1],
        confidences=scene.pairs.confidences[:1],
    )
    with pytest.raises(UserError, match="leaves out"):
        align(lost, SIZE, QUICK)


def test_the_same_input_gives_the_same_output() -> None:
    scene = wall(3, noise=0.01)
    first, second = aligned(scene), aligned(scene)
    assert torch.equal(first.c2w, second.c2w)
    assert torch.equal(first.depths, second.depths)
