"""Depth of a clip, from flow that is exact, noisy, or nothing but noise."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from dynamic_predictor.flow import make_flow
from dynamic_predictor.flow_depth import FlowDepthConfig, depth_from_flow
from scene.cameras import Cameras
from tests.dynamic_predictor.flow_depth.scenes import (
    HEIGHT,
    WIDTH,
    ExactFlow,
    cameras,
    numbered,
    slanted_plane,
)

CONFIG = FlowDepthConfig()


def nothing_moves(count: int) -> Tensor:
    return torch.zeros(count, HEIGHT, WIDTH, dtype=torch.bool)


def true_depths(path: Cameras) -> Tensor:
    return torch.stack([slanted_plane(path[row]) for row in range(len(path))])


def test_noisy_flow_gives_depth_everywhere() -> None:
    path = cameras(9, (0.15, 0.0, 0.05), turn=0.01)
    depths, confidences = depth_from_flow(
        numbered(9), path, nothing_moves(9), ExactFlow(path, noise_px=0.1), CONFIG
    )
    assert depths.dtype == confidences.dtype == torch.float32
    error = (depths / true_depths(path) - 1).abs()
    assert bool((depths > 0).all())
    assert error.median() < 0.01
    sure = confidences > 0.5
    assert sure.float().mean() > 0.6
    assert error[sure].quantile(0.99) < 0.06
    assert confidences.max() <= 1


def test_world_scale_does_not_matter() -> None:
    path = cameras(5, (0.2, 0.0, 0.0))
    large = Cameras(path.viewmats.clone(), path.Ks, path.width, path.height)
    large.viewmats[:, :3, 3] *= 1000
    frames, masks = numbered(5), nothing_moves(5)
    flow = ExactFlow(path, noise_px=0.1)
    depths, confidences = depth_from_flow(frames, path, masks, flow, CONFIG)
    far, same = depth_from_flow(frames, large, masks, flow, CONFIG)
    torch.testing.assert_close(far, 1000 * depths, rtol=2e-3, atol=0)
    torch.testing.assert_close(same, confidences, rtol=0, atol=0.02)


@pytest.mark.parametrize("turn", [0.0, 0.03])
def test_a_camera_that_stands_or_turns_gives_no_depth(turn: float) -> None:
    path = cameras(6, (0.0, 0.0, 0.0), turn=turn)
    depths, confidences = depth_from_flow(
        numbered(6), path, nothing_moves(6), ExactFlow(path, noise_px=0.1), CONFIG
    )
    assert not depths.any()
    assert not confidences.any()


def test_poses_that_only_tremble_give_no_depth() -> None:
    still = cameras(6, (0.0, 0.0, 0.0), turn=0.03)
    trembling = Cameras(still.viewmats.clone(), still.Ks, still.width, still.height)
    trembling.viewmats[:, :3, 3] += 1e-2 * torch.randn(6, 3, generator=torch.Generator().manual_seed(2))
    depths, _ = depth_from_flow(
        numbered(6), trembling, nothing_moves(6), ExactFlow(still, noise_px=0.1), CONFIG
    )
    assert not depths.any()


@pytest.mark.parametrize("count", [1, 2])
def test_the_shortest_clips(count: int) -> None:
    path = cameras(count, (0.5, 0.0, 0.0))
    depths, _ = depth_from_flow(numbered(count), path, nothing_moves(count), ExactFlow(path), CONFIG)
    assert depths.shape == (count, HEIGHT, WIDTH)
    assert bool((depths > 0).all()) == (count == 2)


def test_what_moves_is_filled_in_without_confidence() -> None:
    path, masks = cameras(5, (0.25, 0.0, 0.0)), nothing_moves(5)
    masks[:, 15:30, 20:40] = True
    depths, confidences = depth_from_flow(numbered(5), path, masks, ExactFlow(path, noise_px=0.05), CONFIG)
    assert not confidences[masks].any()
    error = (depths / true_depths(path) - 1).abs()
    assert error[masks].median() < 0.15
    everywhere = torch.ones_like(masks)
    depths, confidences = depth_from_flow(numbered(5), path, everywhere, ExactFlow(path), CONFIG)
    assert not depths.any()
    assert not confidences.any()


def test_the_gap_grows_until_there_is_parallax() -> None:
    calls = {}
    for step in (0.01, 1.5):
        path = cameras(10, (step, 0.0, 0.0))
        flow = ExactFlow(path)
        depth_from_flow(numbered(10), path, nothing_moves(10), flow, CONFIG)
        calls[step] = flow.calls
    assert calls[0.01] > calls[1.5]


def test_photographs_of_a_plane() -> None:
    """The whole way, with a flow that looks: a textured plane before a camera that moves sideways."""
    path = cameras(5, (0.2, 0.0, 0.0))
    noise = np.random.default_rng(0).normal(size=(400, 700, 3)).astype(np.float32)
    texture = np.clip(128 + 500 * cv2.GaussianBlur(noise, (0, 0), 3.0), 0, 255).astype(np.uint8)
    scale = 40.0  # texels a world unit, on the plane z = 4
    frames = []
    for row in range(5):
        x, y = np.meshgrid(np.arange(WIDTH) + 0.5 - WIDTH / 2, np.arange(HEIGHT) + 0.5 - HEIGHT / 2)
        points = np.stack([4 * x / 60 + 0.2 * row, 4 * y / 60])
        at = (points * scale + np.array([250, 200])[:, None, None]).astype(np.float32)
        frames.append(torch.from_numpy(cv2.remap(texture, at[0], at[1], cv2.INTER_LINEAR)))
    depths, confidences = depth_from_flow(frames, path, nothing_moves(5), make_flow("dis"), CONFIG)
    inner = depths[:, 6:-6, 10:-10]
    assert (inner / 4 - 1).abs().median() < 0.02
    assert confidences[:, 6:-6, 10:-10].median() > 0.5
