"""Key frames of nuScenes with everything in one file each.

    poses.json    a list: lidar_ego_pose and lidar_calibrated_sensor, each a rotation (wxyz) and a translation
    00.npz        xyz [P, 3]: lidar frame; lidarseg16 [P]; boxes7 [N, 7]: centre of the bottom face, width
                  along x, length along y, height, yaw about z, in the lidar frame; box_instance [N]

The height that nuScenes gives of a vehicle is always nought.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Shaped, UInt8
from numpy import ndarray

from core.arrays import read_archive
from core.errors import UserError
from core.files import read_json
from scene.datasets.pandaset_boxes import ALIGNED
from scene.datasets.poses import pose_of
from scene.datasets.street_log import LogFrame, LogSweep
from scene.drive import Box

_NAMES: tuple[str, ...] = ("xyz", "lidarseg16", "boxes7", "box_instance")


def detect(source: Path) -> bool:
    """Whether a folder holds such key frames."""
    return (source / "poses.json").is_file() and (source / "00.npz").is_file()


def read(source: Path) -> list[LogFrame]:
    """The frames, in the world of nuScenes.

    Raises:
        UserError: the poses are broken, or there are fewer of them than frames.
    """
    path = source / "poses.json"
    poses = read_json(path)
    frames = []
    for file in sorted(source.glob("*.npz")):
        if not file.stem.isdecimal():
            continue
        number = int(file.stem)
        try:
            entry = poses[number]
            world_from_ego = _pose(entry["lidar_ego_pose"])
            world_from_lidar = world_from_ego @ _pose(entry["lidar_calibrated_sensor"])
            time_s = 1e-6 * float(entry["lidar_ego_pose"]["timestamp"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UserError(
                f"{path}: no poses of the vehicle and its lidar for {file.name} ({error!r}); an entry a "
                "frame was expected"
            ) from error
        frames.append(_frame(file, number, time_s, world_from_ego, world_from_lidar))
    return frames


def _pose(entry: Mapping[str, Any]) -> Float64[ndarray, "4 4"]:
    return pose_of([float(v) for v in entry["rotation"]], [float(v) for v in entry["translation"]])


def _frame(
    file: Path,
    number: int,
    time_s: float,
    world_from_ego: Float64[ndarray, "4 4"],
    world_from_lidar: Float64[ndarray, "4 4"],
) -> LogFrame:
    content: Callable[[], Mapping[str, Shaped[ndarray, ...]]] = partial(_content, file)
    return LogFrame(
        number=number,
        time_s=time_s,
        world_from_ego=world_from_ego,
        sweep=lambda: _sweep(content(), world_from_lidar),
        boxes=lambda: _boxes(content(), world_from_lidar),
        labels=lambda: _labels(content()),
    )


def _content(file: Path) -> dict[str, Shaped[ndarray, "..."]]:
    content = dict(zip(_NAMES, read_archive(file, _NAMES), strict=True))
    points, boxes = len(content["xyz"]), len(content["boxes7"])
    expected = {"xyz": (points, 3), "lidarseg16": (points,), "boxes7": (boxes, 7), "box_instance": (boxes,)}
    for name, shape in expected.items():
        if content[name].shape != shape:
            raise UserError(f"{file}: {name} of shape {shape} was expected, got {content[name].shape}")
    return content


def _sweep(
    content: Mapping[str, Shaped[ndarray, "..."]], world_from_lidar: Float64[ndarray, "4 4"]
) -> LogSweep:
    xyz = content["xyz"].astype(np.float64) @ world_from_lidar[:3, :3].T + world_from_lidar[:3, 3]
    origins = np.broadcast_to(world_from_lidar[:3, 3], xyz.shape).copy()
    return LogSweep(xyz, origins, np.zeros(len(xyz)))


def _labels(content: Mapping[str, Shaped[ndarray, "..."]]) -> UInt8[ndarray, " P"]:
    return content["lidarseg16"].astype(np.uint8)


def _boxes(
    content: Mapping[str, Shaped[ndarray, "..."]], world_from_lidar: Float64[ndarray, "4 4"]
) -> tuple[Box, ...]:
    boxes = []
    rows = zip(content["boxes7"].astype(np.float64), content["box_instance"], strict=True)
    for (x, y, z, width, length, height, yaw), track in rows:
        pose = np.eye(4)
        pose[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
        pose[:3, 3] = x, y, z + 0.5 * height
        boxes.append(
            Box(
                track=str(track),
                label="",
                world_from_box=torch.from_numpy(world_from_lidar @ pose @ ALIGNED),
                size_m=(length, width, height),
                speed_m_s=0.0,
                lidar_points=0,
            )
        )
    return tuple(boxes)
