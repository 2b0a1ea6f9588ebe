"""The labelled objects of a segment as two JSON files: DriveStudio's layout, with speeds and counts.

instances_info.json     {"0": {"id": ..., "class_name": ..., "frame_annotations": {"frame_idx": [...],
                        "obj_to_world": [4x4, ...], "box_size": [[l, w, h], ...], "speed_m_s": [...],
                        "lidar_points": [...]}}, ...}
frame_instances.json    {"0": [0, 5, ...], ...}      the objects of each frame
"""

from pathlib import Path
from typing import Any

import numpy as np

from core.files import write_json
from scene.datasets.waymo.frames import WaymoFrame
from scene.datasets.waymo.masks import label_pose

INFO = "instances_info.json"
_LISTS = ("frame_idx", "obj_to_world", "box_size", "speed_m_s", "lidar_points")


class Instances:
    """Gathers the objects of frames that come one after the other."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[str, Any]] = {}
        self._frames: dict[str, list[int]] = {}

    def add(self, number: int, frame: WaymoFrame) -> None:
        """Take in the objects of a frame."""
        present = self._frames.setdefault(str(number), [])
        for label in frame.labels:
            entry = self._objects.setdefault(
                label.track,
                {
                    "number": len(self._objects),
                    "class_name": label.type,
                    "frame_annotations": {name: [] for name in _LISTS},
                },
            )
            values = (
                number,
                (frame.world_from_vehicle @ label_pose(label)).tolist(),
                list(label.size_m),
                float(np.hypot(*label.speed)),
                label.lidar_points,
            )
            for name, value in zip(_LISTS, values, strict=True):
                entry["frame_annotations"][name].append(value)
            present.append(entry["number"])

    def counts(self) -> dict[str, int]:
        """How many objects of each class there are."""
        kinds = [entry["class_name"] for entry in self._objects.values()]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    def write(self, folder: Path) -> None:
        """Write both files.

        Raises:
            UserError: they cannot be written.
        """
        info = {
            str(entry["number"]): {
                "id": track,
                "class_name": entry["class_name"],
                "frame_annotations": entry["frame_annotations"],
            }
            for track, entry in self._objects.items()
        }
        write_json(folder / INFO, info, indent=None)
        write_json(folder / "frame_instances.json", self._frames, indent=None)
