"""PandaSet: logs of 8 s with six cameras, a spinning lidar and tracked boxes, at 10 Hz.

    camera/NAME/{00.jpg, intrinsics.json, poses.json, timestamps.json}
    lidar/{00.npz, poses.json, timestamps.json}       xyz_5mm_int16: sensor frame, steps of 5 mm; intensity
    annotations/cuboids*.json                         by frame number, in the log's world

Lists of poses and times have an entry for every frame of the log, also for those whose files are not there.
The vehicle's frame has x to the right and y ahead. The published pickles are not read, as a pickle can run
code.

Source: P. Xiao et al., "PandaSet: Advanced Sensor Suite Dataset for Autonomous Driving", ITSC 2021.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from core.errors import UserError
from core.files import explain, read_json
from core.geometry import quat_to_rotation
from scene.boxes import count_points
from scene.datasets.lenses import Lens
from scene.datasets.street_log import LogFrame, LogReader, LogSweep, LogView, StreetLog, brown_lens
from scene.datasets.street_options import StreetOptions
from scene.drive import Box

_STEP_M = 0.005
# Where the spinning lidar is in the frame of its sweeps. The log does not say; here the rays of different
# sweeps contradict each other least: in 150 to 270 cells, in 9,000 to 10,000 from the frame's origin.
_LIDAR_M = np.array([0.03, 0.66, 1.86])
_SIZE_PX = (1920, 1080)
# x ahead, y left, z up, in the axes of PandaSet's vehicles and boxes: x right, y ahead, z up.
_ALIGNED = np.array([[0.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


def _detect(source: Path) -> bool:
    """Whether a folder is a log of PandaSet."""
    return (source / "lidar" / "poses.json").is_file() and (source / "camera").is_dir()


def _read(source: Path, options: StreetOptions) -> StreetLog:
    """What the log says of the frames and cameras that are asked for.

    Raises:
        UserError: a file is missing or broken, or there is no such frame or camera.
    """
    images = {
        folder.name: {int(path.stem): path for path in folder.glob("*.jpg") if path.stem.isdigit()}
        for folder in sorted((source / "camera").iterdir())
    }
    names = options.cameras([name for name, paths in images.items() if paths], source)
    numbers = sorted(set().union(*(images[name] for name in names)))
    numbers = options.frames(numbers, source)
    poses, times = _poses(source / "lidar"), _times(source / "lidar")
    for name, values in (("poses.json", poses), ("timestamps.json", times)):
        if len(values) <= numbers[-1]:
            raise UserError(f"{source / 'lidar' / name} ends before frame {numbers[-1]}")
    annotations = _Annotations(source, numbers, poses, times)
    frames = [
        LogFrame(
            number=number,
            time_s=times[number],
            world_from_ego=poses[number] @ _ALIGNED,
            sweep=annotations.sweep_of(number),
            boxes=partial(annotations.boxes, number) if annotations.cuboids else None,
        )
        for number in numbers
    ]
    views, lenses = [], {}
    for name in names:
        folder = source / "camera" / name
        lenses[name] = _lens(folder / "intrinsics.json")
        camera_poses, camera_times = _poses(folder), _times(folder)
        if min(len(camera_poses), len(camera_times)) <= numbers[-1]:
            raise UserError(f"{folder}: poses.json or timestamps.json ends before frame {numbers[-1]}")
        views += [
            LogView(
                camera=name,
                frame=row,
                name=f"{number:03d}_{name}.jpg",
                path=images[name].get(number, folder / f"{number:02d}.jpg"),
                world_from_camera=camera_poses[number],
                time_s=camera_times[number],
            )
            for row, number in enumerate(numbers)
        ]
    return StreetLog(lenses, frames, views, notes=annotations.notes)


@dataclass(frozen=True)
class _Annotations:
    """Sweeps and boxes of a log."""

    source: Path
    numbers: list[int]
    poses: list[Float64[ndarray, "4 4"]]
    times: list[float]

    @cached_property
    def cuboids(self) -> Mapping[int, list[dict[str, Any]]]:
        """The boxes of each frame, as stored; empty for a log without."""
        files = sorted((self.source / "annotations").glob("cuboids*.json"))
        found: dict[int, list[dict[str, Any]]] = {}
        for path in files:
            content = read_json(path)
            if not isinstance(content, dict) or not all(key.isdigit() for key in content):
                raise UserError(f"{path}: boxes by frame number were expected")
            found.update({int(key): boxes for key, boxes in content.items()})
        return found

    @cached_property
    def tracks(self) -> Mapping[str, Mapping[int, Float64[ndarray, "3"]]]:
        """Where each object is, by frame number; frames that are not read help to tell its speed."""
        tracks: dict[str, dict[int, ndarray]] = {}
        for number, boxes in self.cuboids.items():
            for box in boxes:
                tracks.setdefault(box["uuid"], {})[number] = np.array(box["position"], np.float64)
        return tracks

    @property
    def notes(self) -> tuple[str, ...]:
        """What stands in for returns that are missing."""
        if self.cuboids and any(self.sweep_of(number) is None for number in self.numbers):
            return ("returns inside the boxes of a frame without lidar are those of the nearest that has it",)
        return ()

    def sweep_of(self, number: int) -> "partial[LogSweep] | None":
        path = self.source / "lidar" / f"{number:02d}.npz"
        return partial(_sweep, path, self.poses[number]) if path.is_file() else None

    def boxes(self, number: int) -> tuple[Box, ...]:
        """The boxes of a frame."""
        boxes = [self._box(cuboid, number) for cuboid in self.cuboids.get(number, [])]
        counts = self._counts(number)
        return tuple(
            Box(box.track, box.label, box.world_from_box, box.size_m, box.speed_m_s, counts.get(box.track, 0))
            for box in boxes
        )

    def _counts(self, number: int) -> dict[str, int]:
        """Returns inside each object's box, in the nearest frame with lidar."""
        near = sorted(self.cuboids, key=lambda other: (abs(other - number), other))
        for other in near:
            make = self.sweep_of(other) if other < len(self.poses) else None
            if make is not None:
                boxes = [self._box(cuboid, other) for cuboid in self.cuboids[other]]
                counts = count_points(boxes, torch.from_numpy(make().xyz))
                return {box.track: count for box, count in zip(boxes, counts, strict=True)}
        return {}

    def _box(self, cuboid: dict[str, Any], number: int) -> Box:
        where = f"{self.source / 'annotations'}, frame {number}, box {cuboid.get('uuid')}"
        width, length, height = cuboid["dimensions"]
        cosine, sine = np.cos(cuboid["yaw"]), np.sin(cuboid["yaw"])
        pose = np.eye(4)
        pose[:2, :2] = [[cosine, -sine], [sine, cosine]]
        pose[:3, 3] = cuboid["position"]
        if not np.isfinite([*pose.ravel(), width, length, height]).all():
            raise UserError(f"{where} is not finite; mend or remove it")
        return Box(
            track=cuboid["uuid"],
            label=cuboid["label"],
            world_from_box=torch.from_numpy(pose @ _ALIGNED),
            size_m=(length, width, height),
            speed_m_s=self._speed(cuboid["uuid"], number),
            lidar_points=0,
        )

    def _speed(self, track: str, number: int) -> float:
        """Between the frames before and after, where the object is in both; else from or to this one."""
        places = self.tracks[track]
        first = number - 1 if number - 1 in places else number
        last = number + 1 if number + 1 in places else number
        if first == last or last >= len(self.times):
            return 0.0
        way = np.linalg.norm(places[last] - places[first])
        return float(way / (self.times[last] - self.times[first]))


def _sweep(path: Path, pose: Float64[ndarray, "4 4"]) -> LogSweep:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            steps, intensity = arrays["xyz_5mm_int16"], arrays["intensity"]
    except OSError as error:
        raise explain(error, path, "read") from error
    except (KeyError, ValueError, EOFError) as error:
        raise UserError(f"{path} is no sweep: xyz_5mm_int16 and intensity were expected ({error})") from error
    if steps.ndim != 2 or steps.shape[1] != 3 or intensity.shape != steps.shape[:1]:
        raise UserError(f"{path}: [P, 3] and [P] were expected, got {steps.shape} and {intensity.shape}")
    xyz = steps.astype(np.float64) * _STEP_M @ pose[:3, :3].T + pose[:3, 3]
    origins = np.broadcast_to(_LIDAR_M @ pose[:3, :3].T + pose[:3, 3], xyz.shape).copy()
    return LogSweep(xyz, origins, intensity.astype(np.float64))


def _lens(path: Path) -> Lens:
    numbers = read_json(path)
    try:
        fx, fy, cx, cy = (float(numbers[key]) for key in ("fx", "fy", "cx", "cy"))
        k1, k2, p1, p2, k3 = (float(numbers.get(key, 0.0)) for key in ("k1", "k2", "p1", "p2", "k3"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: the numbers fx, fy, cx, cy were expected ({error})") from error
    return brown_lens((fx, fy), (cx, cy), (k1, k2, p1, p2, k3), _SIZE_PX)


def _poses(folder: Path) -> list[Float64[ndarray, "4 4"]]:
    path = folder / "poses.json"
    poses = []
    for number, entry in enumerate(_list(path)):
        try:
            quat = [float(entry["heading"][key]) for key in "wxyz"]
            position = [float(entry["position"][key]) for key in "xyz"]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}, entry {number}: a position and a heading were expected") from error
        pose = np.eye(4)
        pose[:3, :3] = quat_to_rotation(torch.tensor(quat, dtype=torch.float64)).numpy()
        pose[:3, 3] = position
        poses.append(pose)
    return poses


def _times(folder: Path) -> list[float]:
    path = folder / "timestamps.json"
    times = _list(path)
    if not all(isinstance(time, (int, float)) for time in times):
        raise UserError(f"{path}: a list of seconds was expected")
    return [float(time) for time in times]


def _list(path: Path) -> Sequence[Any]:
    content = read_json(path)
    if not isinstance(content, list):
        raise UserError(f"{path}: a list with an entry a frame was expected")
    return content


READER = LogReader("pandaset", "camera/ and lidar/poses.json (PandaSet)", _detect, _read)
