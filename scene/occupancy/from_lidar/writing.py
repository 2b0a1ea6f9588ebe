"""Occupancy made of lidar in the folders of CarlaSC, so that what reads that data set reads it too.

    Cartesian/{Train,Test}/<log>_<number of the first frame>/cartesian/
        evaluation/000000.label    uint32 [X, Y, Z], numbers of CARLA's classes, 0 = free
        evaluation/000000.bin      float32 [X, Y, Z], observations of the voxel, 0 = never observed
        evaluation/params.json     grid_size, min_bound, max_bound
        poses.txt                  a row a frame: 3x4 of first-frame-from-frame, row by row
        times.txt                  a row a frame: seconds in the log's clock

Frames of a scene follow each other without a gap: where a log has frames without lidar, another scene begins.
Source: J. Wilson et al., "MotionSC: Data Set and Network for Real-Time Semantic Mapping in Dynamic
Environments", RA-L 2022, and the files of its CarlaSC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Shaped
from numpy import ndarray

from core.errors import UserError
from core.files import atomic_write, write_json, write_text
from core.folders import atomic_folder
from core.progress import Progress
from scene.occupancy.classes import CARLASC
from scene.occupancy.from_lidar.building import LidarOccupancy, LogVoxels, Voxels
from scene.occupancy.from_lidar.frames import LidarLog
from scene.occupancy.sequence import Grid

RAW = torch.tensor([0, 1, 2, 3, 4, 5, 7, 22, 8, 9, 10, 3], dtype=torch.int32)
"""For each of CarlaSC's classes one of the numbers that its readers take for it. None is for bicycles: they
are written as "other"."""


@dataclass(frozen=True)
class Scene:
    """Some frames of a log that follow each other.

    Args:
        split: Train or Test.
        name: of the folder.
        voxels: of the part of the log that is learned from or held out.
        rows: the frames' places there.
    """

    split: str
    name: str
    voxels: LogVoxels
    rows: tuple[int, ...]


def scenes_of(log: LidarLog, options: LidarOccupancy, test_share: float) -> list[Scene]:
    """The scenes of a log; its last frames are held out.

    What is learned from and what is held out share no sweep: each is made of its own frames only.

    Args:
        log: with lidar in each frame; its classes are CarlaSC's.
        options: how lidar becomes voxels.
        test_share: of the frames, 0 to 1.

    Raises:
        UserError: the share is out of range, or the classes cannot be written.
    """
    if not 0 <= test_share <= 1:
        raise UserError(f"--test-share {test_share:g}: a share of the frames, 0 to 1, was expected")
    if log.class_set.name != CARLASC.name:
        raise UserError(f"CarlaSC's files hold its own classes, not those of {log.class_set.name}")
    first = len(log.frames) - round(test_share * len(log.frames))
    scenes = []
    for split, frames in (("Train", log.frames[:first]), ("Test", log.frames[first:])):
        if not frames:
            continue
        voxels = LogVoxels(LidarLog(log.name, log.class_set, frames), options)
        for rows in _runs([frame.number for frame in frames]):
            scenes.append(Scene(split, f"{log.name}_{frames[rows[0]].number:03d}", voxels, rows))
    return scenes


def write_scenes(scenes: Sequence[Scene], output: Path) -> None:
    """Write scenes below `output/Cartesian`; each scene is whole or absent.

    Raises:
        UserError: there is such a scene already, or a file cannot be written.
    """
    folders = [output / "Cartesian" / scene.split / scene.name for scene in scenes]
    for folder in folders:
        if folder.exists():
            raise UserError(f"{folder} exists already; remove it or choose another folder")
    with Progress(sum(len(scene.rows) for scene in scenes), label="voxels") as progress:
        for scene, folder in zip(scenes, folders, strict=True):
            with atomic_folder(folder) as part:
                _write_poses(scene, part / "cartesian")
                for number, row in enumerate(scene.rows):
                    _write_frame(part / "cartesian" / "evaluation", number, scene.voxels.frame(row))
                    progress.advance()


def _runs(numbers: Sequence[int]) -> list[tuple[int, ...]]:
    """Places of numbers that follow each other."""
    runs: list[list[int]] = []
    for place, number in enumerate(numbers):
        if not runs or number != numbers[place - 1] + 1:
            runs.append([])
        runs[-1].append(place)
    return [tuple(run) for run in runs]


def _write_poses(scene: Scene, folder: Path) -> None:
    poses = scene.voxels.world_from_grid[list(scene.rows)]
    relative = (poses[0].inverse() @ poses)[:, :3].reshape(-1, 12)
    write_text(folder / "poses.txt", "".join(" ".join(f"{v:.9g}" for v in row) + "\n" for row in relative))
    times = [scene.voxels.frames[row].time_s for row in scene.rows]
    write_text(folder / "times.txt", "".join(f"{time:.6f}\n" for time in times))
    write_json(folder / "evaluation" / "params.json", _params(scene.voxels.options.grid))


def _params(grid: Grid) -> dict[str, list[int] | list[float]]:
    ends = [o + n * v for o, n, v in zip(grid.origin_m, grid.size, grid.voxel_m, strict=True)]
    return {"grid_size": list(grid.size), "min_bound": list(grid.origin_m), "max_bound": ends}


def _write_frame(folder: Path, number: int, frame: Voxels) -> None:
    _write(folder / f"{number:06d}.label", RAW[frame.classes.long()].numpy().astype("<u4"))
    _write(folder / f"{number:06d}.bin", frame.counts.numpy().astype("<f4"))


def _write(path: Path, values: Shaped[ndarray, "X Y Z"]) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(np.ascontiguousarray(values).tobytes())
