"""Inverse depths from flows, and their fusion."""

import pytest
import torch

from dynamic_predictor.flow_depth.ladder import Neighbor
from dynamic_predictor.flow_depth.triangulation import Observations, fuse, observe
from tests.dynamic_predictor.flow_depth.scenes import (
    HEIGHT,
    WIDTH,
    ExactFlow,
    cameras,
    numbered,
    slanted_plane,
)

STEPS = [(0.2, 0.0, 0.0), (0.05, -0.1, 0.15), (0.0, 0.0, 0.3), (0.1, 0.0, -0.2)]


def neighbors(flow: ExactFlow, index: int, others: list[int]) -> list[Neighbor]:
    frames = numbered(len(flow.cameras))
    return [Neighbor(j, flow(frames[index], frames[j]), flow(frames[j], frames[index])) for j in others]


def nothing_moves(count: int) -> torch.Tensor:
    return torch.zeros(count, HEIGHT, WIDTH, dtype=torch.bool)


@pytest.mark.parametrize("step", STEPS)
def test_exact_flow_gives_exact_depth(step: tuple[float, float, float]) -> None:
    path = cameras(3, step, turn=0.02)
    seen = observe(1, neighbors(ExactFlow(path), 1, [0, 2]), path, nothing_moves(3))
    truth = 1 / slanted_plane(path[1])
    known = seen.precision > 0
    assert known.float().mean() > 0.75
    spread = seen.precision.clamp_min(1e-9).rsqrt()
    # Float32 has some 1e-4 px to spare; in standard deviations, which count 0.15 px and more.
    assert ((seen.inverse - truth).abs() / spread)[known].max() < 0.01
    mean, precision = fuse(seen)
    assert ((mean - truth).abs() * precision.sqrt()).max() < 0.02


def test_precision_is_that_of_the_noise() -> None:
    path = cameras(2, (0.3, 0.0, 0.0))
    seen = observe(0, neighbors(ExactFlow(path, noise_px=0.15), 0, [1]), path, nothing_moves(2))
    known = seen.precision > 0
    off = (seen.inverse - 1 / slanted_plane(path[0])) * seen.precision.sqrt()
    assert 0.4 < off[known].std() < 1.1


def test_reach_is_the_motion_of_unit_inverse_depth() -> None:
    path = cameras(2, (0.3, 0.0, 0.0))
    seen = observe(0, neighbors(ExactFlow(path), 0, [1]), path, nothing_moves(2))
    assert abs(seen.reach_px.item() - 0.3 * 60.0) < 1e-3


def test_what_moves_here_or_there_says_nothing() -> None:
    path = cameras(2, (0.5, 0.0, 0.0))
    told = neighbors(ExactFlow(path), 0, [1])
    masks = nothing_moves(2)
    masks[0, :10] = True
    masks[1, :, :20] = True
    seen = observe(0, told, path, masks)
    assert not seen.precision[0, :10].any()
    columns = torch.arange(WIDTH) + told[0].forward[20, :, 0]
    assert not seen.precision[0, 20, columns < 19].any()
    assert bool((seen.precision[0, 20, (columns > 21) & (columns < WIDTH - 2)] > 0).all())


def test_flow_off_the_epipolar_line_says_nothing() -> None:
    path = cameras(2, (0.5, 0.0, 0.0))
    told = neighbors(ExactFlow(path), 0, [1])[0]
    aside = torch.tensor([0.0, 3.0])
    seen = observe(0, [Neighbor(1, told.forward + aside, told.backward - aside)], path, nothing_moves(2))
    assert not seen.precision.any()


def test_a_camera_that_only_turns_says_nothing() -> None:
    path = cameras(3, (0.0, 0.0, 0.0), turn=0.05)
    seen = observe(1, neighbors(ExactFlow(path), 1, [0, 2]), path, nothing_moves(3))
    assert seen.inverse.shape == (0, HEIGHT, WIDTH)
    mean, precision = fuse(seen)
    assert not mean.any()
    assert not precision.any()


def test_fusion_of_agreeing_neighbours_is_the_weighted_mean() -> None:
    inverse = 0.5 + 1e-4 * torch.randn(5, 3, 4)
    precision = 1 + torch.rand(5, 3, 4)
    mean, total = fuse(Observations(inverse, precision, torch.ones(5)))
    torch.testing.assert_close(mean, (precision * inverse).sum(0) / precision.sum(0))
    torch.testing.assert_close(total, precision.sum(0))


def test_fusion_leaves_an_outlier_out() -> None:
    inverse = torch.tensor([0.50, 0.51, 0.49, 0.50, 2.0]).view(5, 1, 1)
    precision = torch.full((5, 1, 1), 1e4)
    mean, _ = fuse(Observations(inverse, precision, torch.ones(5)))
    assert abs(mean.item() - 0.5) < 0.005
    apart = torch.tensor([0.3, 0.7]).view(2, 1, 1)
    _, doubtful = fuse(Observations(apart, precision[:2], torch.ones(2)))
    assert doubtful.item() < 100  # two that contradict each other are not sure of anything
