"""Converted Waymo segments: the folder that `waymo_convert` makes, and those of S3Gaussian and EmerNeRF.

What only some converters write is used where it is: times and poses of the single pictures, boxes, masks, the
size that the intrinsics belong to. The layout is described in `scene.datasets.waymo.convert`. No converter
writes `ego_masks/front.png` and so on, which are used too: white where a camera sees its own vehicle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from core.errors import UserError
from core.files import read_json
from core.number_files import numbers_of_lines
from scene.boxes import count_points
from scene.datasets.lenses import Lens
from scene.datasets.street_log import (
    LogFrame,
    LogReader,
    LogSweep,
    LogView,
    StreetLog,
    brown_lens,
    ego_mask_files,
)
from scene.datasets.street_options import StreetOptions
from scene.datasets.waymo.frames import CAMERAS
from scene.datasets.waymo.lidar import check_size, read_rows
from scene.drive import Box
from scene.images import read_header

_INFO = "frame_info.json"
_PERIOD_S = 0.1
# Waymo's camera axes from OpenCV's: x ahead, y left, z up from x right, y down, z ahead.
_WAYMO_FROM_OPENCV = np.array(
    [[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)


def _detect(source: Path) -> bool:
    return (source / _INFO).is_file() and (source / "ego_pose").is_dir()


def _read(source: Path, options: StreetOptions) -> StreetLog:
    images = _images(source)
    named = {_camera_name(number): number for number in sorted(images)}
    names = options.cameras(list(named), source)
    present = sorted(int(path.stem) for path in (source / "ego_pose").glob("*.txt") if path.stem.isdigit())
    numbers = options.frames(present, source)
    origin = _matrix(source / "ego_pose" / f"{options.origin(present, source):03d}.txt")
    sizes = _sizes(source / _INFO)
    clock = _Clock(source)
    boxes = _Boxes(source)
    frames = []
    for number in numbers:
        pose = _matrix(source / "ego_pose" / f"{number:03d}.txt")
        lidar = source / "lidar" / f"{number:03d}.bin"
        sweep = None
        if lidar.is_file():
            check_size(lidar)
            sweep = partial(_sweep, lidar, pose)
        of_frame = partial(boxes.of_frame, number, sweep) if boxes.exist else None
        frames.append(LogFrame(number, clock.frame(number), pose, sweep, of_frame))
    lenses, views = {}, []
    for name in names:
        camera = named[name]
        lenses[name] = _lens(source, camera, sizes.get(camera) or read_header(images[camera])[:2])
        views += [_view(source, name, camera, row, frame, clock) for row, frame in enumerate(frames)]
    notes = () if clock.stored else ("the log has no timestamps.json: frames are taken to be 0.1 s apart",)
    return StreetLog(lenses, frames, views, origin, ego_masks=ego_mask_files(source, names), notes=notes)


def _images(source: Path) -> dict[int, Path]:
    """An image of each camera."""
    found: dict[int, Path] = {}
    for path in sorted((source / "images").glob("*_*.*")):
        camera = path.stem.rpartition("_")[2]
        if camera.isdigit():
            found.setdefault(int(camera), path)
    return found


def _camera_name(number: int) -> str:
    return CAMERAS[number].lower() if number < len(CAMERAS) else f"camera_{number}"


def _view(source: Path, name: str, camera: int, row: int, frame: LogFrame, clock: "_Clock") -> LogView:
    stem = f"{frame.number:03d}_{camera}"
    own_pose = source / "image_pose" / f"{stem}.txt"
    world_from_ego = _matrix(own_pose) if own_pose.is_file() else frame.world_from_ego
    ego_from_camera = _matrix(source / "extrinsics" / f"{camera}.txt")
    dynamic = [source / folder / f"{stem}.png" for folder in ("dynamic_masks", "dynamic_masks/all")]
    return LogView(
        camera=name,
        frame=row,
        name=f"{frame.number:03d}_{name}.jpg",
        path=next(
            (
                path
                for suffix in (".jpg", ".png")
                if (path := source / "images" / f"{stem}{suffix}").is_file()
            ),
            source / "images" / f"{stem}.jpg",
        ),
        world_from_camera=world_from_ego @ ego_from_camera @ _WAYMO_FROM_OPENCV,
        time_s=clock.image(frame.number, camera),
        dynamic_mask=next((path for path in dynamic if path.is_file()), None),
        sky_mask=source / "sky_masks" / f"{stem}.png",
    )


def _sizes(path: Path) -> dict[int, tuple[int, int]]:
    """Width and height that the intrinsics belong to, in pixels, by camera; none from other converters."""
    info = read_json(path)
    stored = info.get("camera_sizes", {}) if isinstance(info, dict) else {}
    try:
        sizes = {int(camera): (int(width), int(height)) for camera, (width, height) in stored.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: camera_sizes must be [width, height] by camera ({error})") from error
    if any(min(size) < 1 for size in sizes.values()):
        raise UserError(f"{path}: camera_sizes must be at least 1 pixel, got {sizes}")
    return sizes


def _lens(source: Path, camera: int, size_px: tuple[int, int]) -> Lens:
    path = source / "intrinsics" / f"{camera}.txt"
    values = [row[0] for row in numbers_of_lines(path, 1)]
    if len(values) != 9:
        raise UserError(
            f"{path} has {len(values)} numbers; f_u, f_v, c_u, c_v, k1, k2, p1, p2, k3 were expected, one a "
            "line"
        )
    fx, fy, cx, cy, k1, k2, p1, p2, k3 = values
    return brown_lens((fx, fy), (cx, cy), (k1, k2, p1, p2, k3), size_px)


def _matrix(path: Path) -> Float64[ndarray, "4 4"]:
    rows = numbers_of_lines(path, 4)
    if len(rows) != 4:
        raise UserError(f"{path} has {len(rows)} lines; a matrix of 4 was expected")
    return np.array(rows)


def _sweep(path: Path, world_from_ego: Float64[ndarray, "4 4"]) -> LogSweep:
    rows = read_rows(path)
    rotation, position = world_from_ego[:3, :3], world_from_ego[:3, 3]
    return LogSweep(rows.xyz @ rotation.T + position, rows.origins @ rotation.T + position, rows.intensity)


class _Clock:
    """When frames and pictures were measured, seconds."""

    def __init__(self, source: Path) -> None:
        self._path = source / "timestamps.json"
        self.stored = self._path.is_file()

    @cached_property
    def _entries(self) -> Sequence[Any]:
        entries = read_json(self._path)
        if not isinstance(entries, list):
            raise UserError(f"{self._path}: a list with an entry a frame was expected")
        return entries

    def frame(self, number: int) -> float:
        """Of a frame; by its number where the log does not say it."""
        if not self.stored:
            return number * _PERIOD_S
        try:
            return float(self._entries[number]["time_s"])
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self._path} gives no time_s for frame {number}") from error

    def image(self, number: int, camera: int) -> float:
        """Of a picture; its frame's where the log does not say it."""
        if not self.stored:
            return self.frame(number)
        try:
            time = (self._entries[number].get("images") or {}).get(str(camera))
            return self.frame(number) if time is None else float(time)
        except (IndexError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"{self._path}, frame {number}: seconds by camera were expected as images ({error})"
            ) from error


@dataclass(frozen=True)
class _Boxes:
    """The objects of `instances/instances_info.json`."""

    source: Path

    @property
    def _path(self) -> Path:
        return self.source / "instances" / "instances_info.json"

    @property
    def exist(self) -> bool:
        """Whether the log has boxes."""
        return self._path.is_file()

    @cached_property
    def _by_frame(self) -> Mapping[int, list[tuple[Box, bool]]]:
        """The boxes of each frame, and whether their returns have been counted."""
        found: dict[int, list[tuple[Box, bool]]] = {}
        try:
            for entry in read_json(self._path).values():
                notes = entry["frame_annotations"]
                poses = np.array(notes["obj_to_world"], np.float64).reshape(-1, 4, 4)
                speeds = notes.get("speed_m_s") or _speeds(poses, notes["frame_idx"])
                counts = notes.get("lidar_points") or [None] * len(poses)
                for row, frame in enumerate(notes["frame_idx"]):
                    length, width, height = map(float, notes["box_size"][row])
                    box = Box(
                        track=str(entry["id"]),
                        label=str(entry["class_name"]),
                        world_from_box=torch.from_numpy(poses[row]),
                        size_m=(length, width, height),
                        speed_m_s=float(speeds[row]),
                        lidar_points=counts[row] or 0,
                    )
                    found.setdefault(int(frame), []).append((box, counts[row] is not None))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{self._path} is no list of objects with frame_annotations ({error})") from error
        return found

    def of_frame(self, number: int, sweep: "partial[LogSweep] | None") -> tuple[Box, ...]:
        """The boxes of a frame, in the log's world."""
        entries = self._by_frame.get(number, [])
        boxes = [box for box, _ in entries]
        if all(counted for _, counted in entries) or sweep is None:
            return tuple(boxes)
        counts = count_points(boxes, torch.from_numpy(sweep().xyz))
        return tuple(replace(box, lidar_points=count) for box, count in zip(boxes, counts, strict=True))


def _speeds(poses: Float64[ndarray, "N 4 4"], frames: Sequence[int]) -> list[float]:
    """Metres a second between the neighbours of each entry, frames being 0.1 s apart."""
    last = len(poses) - 1
    speeds = []
    for row in range(len(poses)):
        low, high = max(0, row - 1), min(last, row + 1)
        time = (frames[high] - frames[low]) * _PERIOD_S
        way = float(np.linalg.norm(poses[high, :3, 3] - poses[low, :3, 3]))
        speeds.append(way / time if time > 0 else 0.0)
    return speeds


READER = LogReader("waymo", f"{_INFO} and ego_pose/ (converted Waymo segment)", _detect, _read)
"""Converted segments of the Waymo Open Dataset."""
