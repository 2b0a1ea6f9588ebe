"""CarlaSC: drives through simulated towns as voxels with classes, complete and at ten frames a second.

    Cartesian/{Train,Val,Test}/TownNN_{Light,Medium,Heavy}/cartesian/
        evaluation/000000.label    uint32, x slowest and z fastest: CARLA's classes, 0 = free
        evaluation/000000.bin      float32, alike: how often each voxel was observed
        evaluation/params.json     grid_size, min_bound, max_bound
        poses.txt                  3 x 4 matrices, a row a frame: first-frame-from-vehicle
        times.txt                  seconds, a row a frame; without it there are ten frames a second

Source: J. Wilson et al., "MotionSC: Data Set and Network for Real-Time Semantic Mapping in Dynamic
    Environments", RA-L 2022; https://umich-curly.github.io/CarlaSC.github.io.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.files import explain, read_json
from core.number_files import numbers_of_lines
from scene.datasets.poses import check_pose
from scene.occupancy.classes import CARLASC
from scene.occupancy.frequencies import class_weights
from scene.occupancy.scenes import Frame, OccupancyData, OccupancyScene
from scene.occupancy.sequence import CARLASC_GRID, Grid

FROM_RAW = (0, 1, 2, 3, 4, 5, 6, 6, 8, 9, 10, 2, 5, 3, 7, 3, 3, 2, 5, 3, 3, 3, 7)
"""For each of CARLA's 23 classes the one of `CARLASC` it belongs to."""

RAW_VOXEL_COUNTS = (
    *(3763643297, 39644538, 8417042, 362221, 546581, 2265328, 3319457, 184640959, 105036782, 20811569),
    *(9942710, 18401902, 96415, 0, 6995101, 538555, 4313, 8965598, 66443, 3009867, 2982851, 234650, 66806621),
)
"""Voxels of each of CARLA's classes in the 32400 frames of the published training split."""

PARAMETERS = "params.json"
SPLITS = ("Train", "Val", "Test")
_EVALUATION = Path("cartesian", "evaluation")


def merged_counts(raw: tuple[int, ...] = RAW_VOXEL_COUNTS) -> Int64[Tensor, " C"]:
    """Voxels of each class of `CARLASC`.

    Args:
        raw: voxels of each of CARLA's classes.
    """
    counts = torch.zeros(len(CARLASC), dtype=torch.int64)
    return counts.index_add(0, torch.tensor(FROM_RAW), torch.tensor(raw))


CARLASC_SECONDS = 0.1
"""From frame to frame of the published data."""

CLASS_WEIGHTS = class_weights(merged_counts())
"""Weights of the classes in the published training split."""


def is_carlasc(folder: Path) -> bool:
    """Whether a folder looks like CarlaSC, its folder `Cartesian`, or one above it."""
    return _root(folder) is not None


def open_carlasc(folder: Path) -> OccupancyData:
    """The scenes under a folder; voxels are read when they are asked for.

    Args:
        folder: `Cartesian`, or the folder that holds it. `Val` is what is scored on where `Test` is missing.

    Raises:
        UserError: there are no scenes, or the files around the voxels of one are missing or broken.
    """
    root = _root(folder)
    if root is None:
        raise UserError(
            f"{folder} is not CarlaSC: Cartesian/Train/SCENE/cartesian/evaluation/000000.label was expected; "
            "name the folder that holds Cartesian"
        )
    train, validation, test = (_scenes(root / split) for split in SPLITS)
    return OccupancyData("carlasc", train, test or validation)


def _root(folder: Path) -> Path | None:
    """The folder of the splits."""
    for root in (folder, folder / "Cartesian"):
        if any(next((root / split).glob(f"*/{_EVALUATION}"), None) for split in SPLITS):
            return root
    return None


def _scenes(split: Path) -> tuple[OccupancyScene, ...]:
    folders = sorted(split.iterdir()) if split.is_dir() else []
    return tuple(read_scene(folder) for folder in folders if (folder / _EVALUATION).is_dir())


def read_scene(folder: Path) -> OccupancyScene:
    """One drive.

    Args:
        folder: such as `Town01_Light`.

    Raises:
        UserError: it has no voxels, or its grid or poses are missing or broken.
    """
    evaluation = folder / _EVALUATION
    files = tuple(sorted(evaluation.glob("*.label")))
    if not files:
        raise UserError(f"{evaluation} holds no .label files; unpack the scene anew or remove its folder")
    grid = read_grid(evaluation / PARAMETERS)
    return OccupancyScene(
        name=folder.name,
        frame_names=tuple(file.stem for file in files),
        class_set=CARLASC,
        grid=grid,
        read_frame=partial(_read_frame, files, grid),
        world_from_ego=_poses(folder / "cartesian" / "poses.txt", files),
        seconds_per_frame=_seconds(folder / "cartesian" / "times.txt"),
    )


def read_grid(path: Path) -> Grid:
    """The grid that `params.json` describes; CarlaSC's own where there is no such file.

    Raises:
        UserError: it describes none.
    """
    if not path.is_file():
        return CARLASC_GRID
    content = read_json(path)
    size, low, high = (_triple(content, key) for key in ("grid_size", "min_bound", "max_bound"))
    extent = [top - bottom for top, bottom in zip(high or (), low or (), strict=False)]
    whole = size is not None and all(side == int(side) and 0 < side <= 4096 for side in size)
    if size is None or low is None or not whole or len(extent) != 3 or min(extent) <= 0:
        raise UserError(f"{path}: grid_size, min_bound and max_bound with 3 numbers each were expected")
    if str(content.get("coordinates", "")).lower() == "cylindrical":
        raise UserError(f"{path} tells of a cylindrical grid; take the files of Cartesian instead")
    voxel = [round(length / side, 9) for length, side in zip(extent, size, strict=True)]
    sides = (int(size[0]), int(size[1]), int(size[2]))
    return Grid(sides, (low[0], low[1], low[2]), (voxel[0], voxel[1], voxel[2]))


def _triple(content: Any, key: str) -> list[float] | None:
    values = content.get(key) if isinstance(content, dict) else None
    if not isinstance(values, list) or len(values) != 3:
        return None
    finite = all(isinstance(value, int | float) and abs(value) < 1e6 for value in values)
    return [float(value) for value in values] if finite else None


def _poses(path: Path, files: tuple[Path, ...]) -> Float64[Tensor, "N 4 4"]:
    """The pose of each file; a file's number is its row."""
    try:
        numbers = [int(file.stem) for file in files]
    except ValueError as error:
        raise UserError(f"{files[0].parent}: names such as 000000.label were expected ({error})") from error
    rows = np.array(numbers_of_lines(path, columns=12)).reshape(-1, 3, 4)
    if len(rows) <= max(numbers):
        raise UserError(
            f"{path} has {len(rows)} poses and there are frames up to {max(numbers)}; restore the file"
        )
    poses = np.tile(np.eye(4), (len(numbers), 1, 1))
    poses[:, :3] = rows[numbers]
    for number, pose in zip(numbers, poses, strict=True):
        check_pose(pose, f"{path}, row {number + 1}")
    return torch.from_numpy(poses)


def _seconds(path: Path) -> float:
    """Time between frames: the median in a file of times; CarlaSC's own where there is none."""
    times = np.array(numbers_of_lines(path, columns=1))[:, 0] if path.is_file() else np.empty(0)
    if len(times) < 2:
        return CARLASC_SECONDS
    seconds = round(float(np.median(np.diff(times))), 4)
    if not 0 < seconds < math.inf:
        raise UserError(
            f"{path}: times that grow were expected, a row a frame, in seconds; restore the file, or remove "
            f"it if there are {CARLASC_SECONDS} s from frame to frame"
        )
    return seconds


def _read_frame(files: tuple[Path, ...], grid: Grid, frame: int) -> Frame:
    """Classes of one frame, and which voxels nothing observed where that was recorded."""
    labels = _numbers(files[frame], "<u4", grid)
    largest = int(labels.max())
    if largest >= len(FROM_RAW):
        raise UserError(
            f"{files[frame]} holds class {largest}; CARLA's 0 to {len(FROM_RAW) - 1} were expected; "
            "restore the file"
        )
    classes = torch.from_numpy(np.array(FROM_RAW, np.uint8)[labels])
    counts = files[frame].with_suffix(".bin")
    if not counts.is_file():
        return classes, None
    return classes, torch.from_numpy(_numbers(counts, "<f4", grid) == 0)


def _numbers(path: Path, kind: str, grid: Grid) -> ndarray:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise explain(error, path, "read") from error
    needed = 4 * grid.size[0] * grid.size[1] * grid.size[2]
    if len(content) != needed:
        sides = " x ".join(str(side) for side in grid.size)
        raise UserError(
            f"{path} has {len(content)} bytes; a grid of {sides} voxels takes {needed}; restore the file, or "
            f"mend {PARAMETERS} beside it"
        )
    return np.frombuffer(content, kind).reshape(grid.size)
