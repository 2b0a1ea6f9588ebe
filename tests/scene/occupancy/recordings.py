"""Small scenes in memory, and CarlaSC's layout on disk."""

import json
import math
from pathlib import Path

import numpy as np
import torch

from scene.occupancy.classes import CARLASC
from scene.occupancy.scenes import Frame, OccupancyScene
from scene.occupancy.sequence import Grid

GRID = Grid((6, 4, 2), (-1.2, -0.8, -2.0), (0.4, 0.4, 0.375))


def poses_on_arc(count: int, yaw_step: float, step_m: float = 0.5) -> torch.Tensor:
    """A vehicle that turns by `yaw_step` a frame and moves ahead by `step_m`, from anywhere."""
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    x, y, yaw = 3.0, -2.0, 0.4
    for row in range(count):
        poses[row, :2, :2] = torch.tensor(
            [[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]], dtype=torch.float64
        )
        poses[row, 0, 3], poses[row, 1, 3] = x, y
        x, y, yaw = x + step_m * math.cos(yaw), y + step_m * math.sin(yaw), yaw + yaw_step
    return poses


def frame_of(number: int) -> torch.Tensor:
    source = torch.Generator().manual_seed(number)
    return torch.randint(11, GRID.size, generator=source).to(torch.uint8)


def scene(name: str = "drive", frames: int = 9, *, masks: bool = True) -> OccupancyScene:
    def read(frame: int) -> Frame:
        classes = frame_of(frame)
        return classes, classes == 3 if masks else None

    names = tuple(f"{frame:06d}" for frame in range(frames))
    return OccupancyScene(name, names, CARLASC, GRID, read, poses_on_arc(frames, 0.05))


def write_carlasc(folder: Path, frames: int = 3, grid: Grid = GRID) -> np.ndarray:
    """One scene such as .../Train/Town01_Light; its raw classes."""
    evaluation = folder / "cartesian" / "evaluation"
    evaluation.mkdir(parents=True)
    raw = np.random.default_rng(0).integers(0, 23, (frames, *grid.size)).astype("<u4")
    for frame in range(frames):
        (evaluation / f"{frame:06d}.label").write_bytes(raw[frame].tobytes())
        (evaluation / f"{frame:06d}.bin").write_bytes((raw[frame] % 3).astype("<f4").tobytes())
    high = [low + side * edge for low, side, edge in zip(grid.origin_m, grid.size, grid.voxel_m, strict=True)]
    parameters = {"grid_size": list(grid.size), "min_bound": list(grid.origin_m), "max_bound": high}
    (evaluation / "params.json").write_text(json.dumps(parameters))
    rows = poses_on_arc(frames, 0.1)[:, :3].reshape(frames, 12)
    text = "".join(" ".join(f"{value:.12g}" for value in row.tolist()) + "\n" for row in rows)
    (folder / "cartesian" / "poses.txt").write_text(text)
    return raw
