"""Logs with a class for each lidar return and tracked boxes, from folders of several kinds."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from core.errors import UserError
from scene.datasets import nuscenes, pandaset
from scene.datasets.poses import check_pose
from scene.datasets.street_log import LogFrame
from scene.datasets.street_options import StreetOptions
from scene.occupancy.classes import ClassSet
from scene.occupancy.from_lidar import keyframes
from scene.occupancy.from_lidar.frames import LidarFrame, LidarLog
from scene.occupancy.from_lidar.labels import NO_CLASS, lookup


def read_log(source: Path, class_set: ClassSet, scene: str | None = None) -> LidarLog:
    """The frames of a log that have lidar, in the world of the first one's vehicle.

    Args:
        source: a log of PandaSet, a data set of nuScenes with lidarseg, or its key frames in single files.
        class_set: in whose classes returns are told.
        scene: which log of a data set that keeps many in one folder.

    Raises:
        UserError: the folder is none of these, a file is missing or broken, or there are no boxes or no
            classes.
    """
    frames, numbering = _open(source, scene)
    table = lookup(numbering, class_set)
    seen = [frame for frame in frames if frame.sweep is not None]
    if not seen:
        raise UserError(
            f"{source} has no frame with lidar; a sweep with a class for each return was expected"
        )
    check_pose(seen[0].world_from_ego, f"{source}: the vehicle's pose in frame {seen[0].number}")
    origin = torch.from_numpy(seen[0].world_from_ego).inverse()
    read = tuple(_labelled(frame, source, table, origin) for frame in seen)
    return LidarLog(scene or source.resolve().name, class_set, read)


def _open(source: Path, scene: str | None) -> tuple[Sequence[LogFrame], str]:
    """The frames of a folder, and how the classes of their returns are numbered."""
    options = StreetOptions(scene=scene)
    if pandaset.READER.detect(source):
        return pandaset.READER.read(source, options).frames, "pandaset"
    if nuscenes.READER.detect(source):
        return nuscenes.READER.read(source, options).frames, "lidarseg"
    if keyframes.detect(source):
        return keyframes.read(source), "lidarseg16"
    raise UserError(
        f"{source} is no log with labelled lidar: {pandaset.READER.marks}, {nuscenes.READER.marks}, or "
        "poses.json and 00.npz (key frames of nuScenes) were expected"
    )


def _labelled(frame: LogFrame, source: Path, table: torch.Tensor, origin: torch.Tensor) -> LidarFrame:
    if frame.boxes is None:
        raise UserError(
            f"{source} has no tracked boxes, without which what moves cannot be told from what stands; add "
            "the data set's annotations"
        )
    if frame.sweep is None or frame.labels is None:
        raise UserError(
            f"{source}, frame {frame.number}: no classes of lidar returns; add the data set's semantic labels"
        )
    check_pose(frame.world_from_ego, f"{source}: the vehicle's pose in frame {frame.number}")
    sweep, numbers = frame.sweep(), torch.from_numpy(frame.labels().copy())
    if len(numbers) != len(sweep.xyz):
        raise UserError(
            f"{source}, frame {frame.number}: {len(numbers)} classes for {len(sweep.xyz)} returns; one each "
            "was expected"
        )
    classes = table[numbers.long()]
    kept = classes != NO_CLASS
    in_log = LidarFrame(
        number=frame.number,
        time_s=frame.time_s,
        world_from_ego=torch.from_numpy(frame.world_from_ego),
        xyz=torch.from_numpy(sweep.xyz)[kept],
        origins=torch.from_numpy(sweep.origins)[kept],
        classes=classes[kept],
        boxes=frame.boxes(),
    )
    near = in_log.moved(origin)  # a log's world may begin far away: 32 bits are enough only after this
    return replace(near, xyz=near.xyz.float(), origins=near.origins.float())
