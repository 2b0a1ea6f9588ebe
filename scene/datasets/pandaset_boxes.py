"""The tracked boxes of a PandaSet log, with speeds and the lidar returns inside.

    annotations/cuboids*.json      {"40": [{"uuid": ..., "label": ..., "yaw": ..., "position": [x, y, z],
                                            "dimensions": [width, length, height]}, ...], ...}

By frame number, in the log's world; yaw is about z, and a box of yaw 0 has its length along y.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from core.errors import UserError
from core.files import read_json
from scene.boxes import count_points
from scene.datasets.street_log import LogSweep
from scene.drive import Box

ALIGNED = np.array([[0.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
"""x ahead, y left, z up, in the axes of PandaSet's vehicles and boxes: x right, y ahead, z up."""


@dataclass(frozen=True)
class PandaBoxes:
    """The boxes of a log.

    Args:
        source: the log's folder.
        times: seconds of every frame of the log, increasing.
        sweep_of: what reads the returns of a frame; None for a frame that has none.
    """

    source: Path
    times: Sequence[float]
    sweep_of: Callable[[int], Callable[[], LogSweep] | None]

    @property
    def exist(self) -> bool:
        """Whether the log has boxes."""
        return bool(self._by_frame)

    def of_frame(self, number: int) -> tuple[Box, ...]:
        """The boxes of a frame, in the log's world."""
        counts = self._counts(number)
        boxes = self._by_frame.get(number, ())
        return tuple(
            replace(box, speed_m_s=self._speed(box.track, number), lidar_points=counts.get(box.track, 0))
            for box in boxes
        )

    @cached_property
    def _by_frame(self) -> Mapping[int, Sequence[Box]]:
        """The boxes of each frame, without speeds and returns."""
        found: dict[int, list[Box]] = {}
        for path in sorted((self.source / "annotations").glob("cuboids*.json")):
            content = read_json(path)
            if not isinstance(content, dict) or not all(
                key.isdecimal() and isinstance(boxes, list) for key, boxes in content.items()
            ):
                raise UserError(f"{path}: lists of boxes by frame number were expected")
            for key, boxes in content.items():
                found[int(key)] = [
                    _box(box, f"{path}, frame {key}, box {row}") for row, box in enumerate(boxes)
                ]
        return found

    @cached_property
    def _tracks(self) -> Mapping[str, Mapping[int, Float64[ndarray, "3"]]]:
        """Where each object is, by frame number; frames that are not read help to tell its speed."""
        tracks: dict[str, dict[int, ndarray]] = {}
        for number, boxes in self._by_frame.items():
            for box in boxes:
                tracks.setdefault(box.track, {})[number] = box.world_from_box[:3, 3].numpy()
        return tracks

    def _counts(self, number: int) -> dict[str, int]:
        """Returns inside each object's box, in the nearest frame with lidar."""
        for other in sorted(self._by_frame, key=lambda other: (abs(other - number), other)):
            read = self.sweep_of(other)
            if read is not None:
                boxes = self._by_frame[other]
                counts = count_points(boxes, torch.from_numpy(read().xyz))
                return {box.track: count for box, count in zip(boxes, counts, strict=True)}
        return {}

    def _speed(self, track: str, number: int) -> float:
        """Between the frames before and after, where the object is in both; else from or to this one."""
        places = self._tracks[track]
        first = number - 1 if number - 1 in places else number
        last = number + 1 if number + 1 in places else number
        if first == last or last >= len(self.times):
            return 0.0
        way = np.linalg.norm(places[last] - places[first])
        return float(way / (self.times[last] - self.times[first]))


def _box(cuboid: Any, where: str) -> Box:
    """A box without speed and returns."""
    try:
        track, label, yaw = str(cuboid["uuid"]), str(cuboid["label"]), float(cuboid["yaw"])
        position = [float(value) for value in cuboid["position"]]
        width, length, height = (float(value) for value in cuboid["dimensions"])
        x, y, z = position
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{where}: uuid, label, yaw, and three numbers each of position and dimensions were expected "
            f"({type(error).__name__}: {error})"
        ) from error
    if not np.isfinite([yaw, x, y, z, width, length, height]).all() or min(width, length, height) <= 0:
        raise UserError(f"{where} is not finite or has no extent; mend or remove it")
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    pose[:3, 3] = position
    return Box(
        track=track,
        label=label,
        world_from_box=torch.from_numpy(pose @ ALIGNED),
        size_m=(length, width, height),
        speed_m_s=0.0,
        lidar_points=0,
    )
