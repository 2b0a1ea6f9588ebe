"""Scenes whose pointmaps are exact: a wavy wall before a camera that moves, turns or stands still."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.geometry import invert_se3, transform_points
from dynamic_predictor.alignment.pointmaps import Pointmaps, pixel_grid
from dynamic_predictor.alignment.registration import register_poses
from dynamic_predictor.alignment.variables import Variables
from dynamic_predictor.pairs import pair_graph

HEIGHT, WIDTH, FOCAL = 12, 16, 15.0


@dataclass(frozen=True)
class Wall:
    """N frames of the wall and their pairs' pointmaps, in float64."""

    c2w: Tensor
    depths: Tensor
    points: Tensor
    pairs: Pointmaps
    pair_scales: Tensor


def camera_path(frames: int, step: float = 0.15, turn: float = 0.03) -> Tensor:
    """Cameras that go right and forward and turn a little."""
    c2w = torch.eye(4, dtype=torch.float64).repeat(frames, 1, 1)
    for frame in range(frames):
        angle = turn * frame
        c2w[frame, 0, 0] = c2w[frame, 2, 2] = math.cos(angle)
        c2w[frame, 0, 2], c2w[frame, 2, 0] = math.sin(angle), -math.sin(angle)
        c2w[frame, :3, 3] = torch.tensor([step * frame, 0.02 * step * frame**2, 0.4 * step * frame])
    return c2w


def wavy(xy: Tensor) -> Tensor:
    """z of the wall."""
    return 3 + 0.3 * torch.sin(1.7 * xy[..., 0] + 0.3) * torch.cos(1.3 * xy[..., 1])


def wall_depths(c2w: Tensor, pixels: Tensor, focal: float = FOCAL) -> Tensor:
    """z-depths at which the pixels' rays meet the wall, by fixed-point iteration."""
    rays = torch.nn.functional.pad(pixels / focal, (0, 1), value=1.0)
    directions = rays @ c2w[:, :3, :3].mT
    centers = c2w[:, None, :3, 3]
    depths = torch.full(directions.shape[:2], 3.0, dtype=torch.float64)
    for _ in range(200):
        hit = centers + depths[..., None] * directions
        depths = depths + 0.5 * (wavy(hit) - hit[..., 2]) / directions[..., 2]
    return depths


def wall(
    frames: int,
    graph: str = "complete",
    *,
    step: float = 0.15,
    turn: float = 0.03,
    noise: float = 0.0,
    center: float = 0.5,
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> Wall:
    """The wall's frames; each pair has a scale of its own, and noise relative to depth."""
    random = np.random.default_rng(frames)
    pixels = pixel_grid(*size, center=center, dtype=torch.float64)
    c2w = camera_path(frames, step, turn)
    depths = wall_depths(c2w, pixels)
    rays = torch.nn.functional.pad(pixels / FOCAL, (0, 1), value=1.0)
    points = transform_points(c2w, depths[..., None] * rays)
    edges = pair_graph(graph, frames) or [(0, 0)]
    scales = torch.from_numpy(np.exp(random.normal(0, 0.2, len(edges))))
    pairs = Pointmaps.empty(edges, frames, pixels, with_dynamic=False, dtype=torch.float64)
    w2c = invert_se3(c2w)
    for row, edge in enumerate(edges):
        for side in (0, 1):
            seen = transform_points(w2c[edge[0]], points[edge[side]]) * scales[row]
            seen = seen * (1 + noise * torch.from_numpy(random.normal(size=(len(pixels), 1))))
            confidence = torch.from_numpy(random.uniform(4, 9, len(pixels)))
            pairs.put(row, side, seen, confidence)
    return Wall(c2w, depths, points, pairs, scales)


def truth(scene: Wall) -> Variables:
    """The variables that stand for the wall as it is."""
    first = scene.c2w[scene.pairs.edges[:, 0]]
    return Variables.of(
        scene.depths,
        scene.c2w,
        torch.tensor([FOCAL], dtype=torch.float64),
        first[:, :3, :3],
        first[:, :3, 3],
        1 / scene.pair_scales,
    )


def center_errors(found: Tensor, expected: Tensor) -> Tensor:
    """Distances of camera centres after the best similarity, in units of the path's extent."""
    fit = register_poses(found.double(), expected.double())
    extent = (expected[:, :3, 3] - expected[:, :3, 3].mean(dim=0)).norm(dim=1).max().clamp_min(1e-9)
    return (fit(found[:, :3, 3].double()) - expected[:, :3, 3]).norm(dim=1) / extent
