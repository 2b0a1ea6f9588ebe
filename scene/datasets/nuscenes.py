"""nuScenes: scenes of 20 s with six cameras, a spinning lidar and tracked boxes; the key frames, at 2 Hz.

    v1.0-mini/{scene, sample, sample_data, sensor, calibrated_sensor, ego_pose}.json
    v1.0-mini/{sample_annotation, instance, category}.json        optional: boxes
    v1.0-mini/lidarseg.json, lidarseg/v1.0-mini/*.bin             optional: uint8, a class a return
    samples/CAM_FRONT/*.jpg, samples/LIDAR_TOP/*.pcd.bin          float32: x, y, z, intensity, ring
    ego_masks/CAM_FRONT.png                                       optional: white where the own vehicle is

Rows of the tables point at each other by tokens. A data set holds many scenes; `--scene` says which one is
the log. Images are free of distortion. The vehicle has x ahead, y left, z up; its origin is on the rear axle.

Source: H. Caesar et al., "nuScenes: A Multimodal Dataset for Autonomous Driving", CVPR 2020.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float64, UInt8
from numpy import ndarray

from core.errors import UserError
from core.files import explain, read_json
from scene.datasets.lenses import Lens
from scene.datasets.poses import pose_of
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
from scene.drive import Box

Row = Mapping[str, Any]

_LIDAR = "LIDAR_TOP"
_COLUMNS = 5
_LISTED = 6
# Where the lidar sees its own vehicle, a small car with the origin on its rear axle: x, y, metres.
_OWN_LOW_M, _OWN_HIGH_M = np.array([-1.0, -1.1]), np.array([3.8, 1.1])


def _detect(source: Path) -> bool:
    return any(source.glob("v1.0-*/sample_data.json"))


def _read(source: Path, options: StreetOptions) -> StreetLog:
    folder, scene = _scene_of(source, options.scene)
    try:
        return _log(source, _Tables(folder, scene), options)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(
            f"{folder}: the tables do not fit together, as a row or an entry is missing or of another kind "
            f"({type(error).__name__}: {error}); fetch them again"
        ) from error


def _scene_of(source: Path, name: str | None) -> tuple[Path, Row]:
    """The tables that hold a scene, and its row there; the only scene where none is named."""
    found: dict[str, tuple[Path, Row]] = {}
    for path in sorted(source.glob("v1.0-*/scene.json")):
        found.update({str(row.get("name")): (path.parent, row) for row in _rows(path)})
    if name is None and len(found) == 1:
        name = next(iter(found))
    if name is None or name not in found:
        listed = ", ".join(sorted(found)[:_LISTED]) + (", ..." if len(found) > _LISTED else "")
        raise UserError(f"--scene {name}: {source} has {listed or 'no scene'}; name one of them")
    return found[name]


def _log(source: Path, tables: "_Tables", options: StreetOptions) -> StreetLog:
    channels = sorted({name for taken in tables.taken.values() for name in taken if name.startswith("CAM_")})
    names = options.cameras(channels, source)
    present = list(range(len(tables.samples)))
    origin = tables.world_from_ego(tables.lidar(options.origin(present, source)))
    frames: list[LogFrame] = []
    views: list[LogView] = []
    lenses: dict[str, Lens] = {}
    for number in options.frames(present, source):
        row = tables.lidar(number)
        world_from_ego, path = tables.world_from_ego(row), source / row["filename"]
        sweep = partial(_sweep, path, world_from_ego, tables.ego_from_sensor(row)) if path.is_file() else None
        boxes = partial(tables.boxes, number) if tables.has_boxes else None
        classes = tables.lidarseg.get(row["token"])
        labels = partial(_labels, path, source / classes, tables.ego_from_sensor(row)) if classes else None
        frames.append(LogFrame(number, row["timestamp"] * 1e-6, world_from_ego, sweep, boxes, labels))
        for name in names:
            image = tables.taken[tables.samples[number]["token"]].get(name)
            if image is None:
                continue
            lenses.setdefault(name, _lens(tables, image))
            views.append(
                LogView(
                    camera=name,
                    frame=len(frames) - 1,
                    name=f"{number:03d}_{name}.jpg",
                    path=source / image["filename"],
                    world_from_camera=tables.world_from_ego(image) @ tables.ego_from_sensor(image),
                    time_s=image["timestamp"] * 1e-6,
                )
            )
    return StreetLog(lenses, frames, views, origin, ego_masks=ego_mask_files(source, names))


class _Tables:
    """The tables of a data set, and what they say of one scene."""

    def __init__(self, folder: Path, scene: Row) -> None:
        self._folder = folder
        self._scene = scene
        self._sensors = self._by_token("calibrated_sensor")
        self._poses = self._by_token("ego_pose")
        self.has_boxes = (folder / "sample_annotation.json").is_file()

    @cached_property
    def samples(self) -> Sequence[Row]:
        """The key frames of the scene, in the order of time."""
        of_scene = [row for row in self._rows("sample") if row["scene_token"] == self._scene["token"]]
        if not of_scene:
            raise UserError(f"{self._folder / 'sample.json'} has no frame of {self._scene['name']}")
        return sorted(of_scene, key=lambda row: row["timestamp"])

    @cached_property
    def taken(self) -> Mapping[str, Mapping[str, Row]]:
        """What each sensor measured in each key frame, by the frame's token and the sensor's channel."""
        sensors = self._by_token("sensor")
        found: dict[str, dict[str, Row]] = {row["token"]: {} for row in self.samples}
        for row in self._rows("sample_data"):
            if row["is_key_frame"] and row["sample_token"] in found:
                sensor = sensors[self._sensors[row["calibrated_sensor_token"]]["sensor_token"]]
                found[row["sample_token"]][sensor["channel"]] = row
        return found

    def lidar(self, number: int) -> Row:
        """What the lidar measured in a key frame; the frame's time and pose are those of its turn."""
        return self.taken[self.samples[number]["token"]][_LIDAR]

    def world_from_ego(self, measured: Row) -> Float64[ndarray, "4 4"]:
        """Where the vehicle was when something was measured."""
        return _pose(self._poses[measured["ego_pose_token"]])

    def ego_from_sensor(self, measured: Row) -> Float64[ndarray, "4 4"]:
        """Where the sensor is on the vehicle."""
        return _pose(self._sensors[measured["calibrated_sensor_token"]])

    def intrinsics(self, measured: Row) -> Float64[ndarray, "3 3"]:
        """Of the camera that took an image."""
        K = np.array(self._sensors[measured["calibrated_sensor_token"]]["camera_intrinsic"], np.float64)
        if K.shape != (3, 3):
            raise ValueError(f"camera_intrinsic of {measured['filename']} is no matrix of 3x3")
        return K

    def boxes(self, number: int) -> tuple[Box, ...]:
        """The labelled objects of a key frame."""
        try:
            token = self.samples[number]["token"]
            return tuple(self._box(row) for row in self._annotations.values() if row["sample_token"] == token)
        except (KeyError, TypeError, ValueError) as error:
            path = self._folder / "sample_annotation.json"
            raise UserError(f"{path}, frame {number}: a box is broken ({error!r}); fetch it again") from error

    @cached_property
    def lidarseg(self) -> Mapping[str, str]:
        """Files with the classes of returns, by the token of the measurement; empty where there are none."""
        if not (self._folder / "lidarseg.json").is_file():
            return {}
        return {row["sample_data_token"]: row["filename"] for row in self._rows("lidarseg")}

    @cached_property
    def _annotations(self) -> Mapping[str, Row]:
        """Those of the scene."""
        tokens = {row["token"] for row in self.samples}
        return {row["token"]: row for row in self._rows("sample_annotation") if row["sample_token"] in tokens}

    @cached_property
    def _labels(self) -> Mapping[str, str]:
        """The class of each object."""
        categories = self._by_token("category")
        return {row["token"]: categories[row["category_token"]]["name"] for row in self._rows("instance")}

    @cached_property
    def _times(self) -> Mapping[str, float]:
        return {row["token"]: row["timestamp"] * 1e-6 for row in self.samples}

    def _box(self, row: Row) -> Box:
        width, length, height = (float(value) for value in row["size"])
        return Box(
            track=row["instance_token"],
            label=self._labels[row["instance_token"]],
            world_from_box=torch.from_numpy(_pose(row)),
            size_m=(length, width, height),
            speed_m_s=self._speed(row),
            lidar_points=int(row["num_lidar_pts"]),
        )

    def _speed(self, row: Row) -> float:
        """Between the frames before and after, where the object is in both; else from or to this one."""
        first, last = (self._annotations.get(row[key], row) for key in ("prev", "next"))
        time = self._times[last["sample_token"]] - self._times[first["sample_token"]]
        way = float(np.linalg.norm(np.subtract(last["translation"], first["translation"])))
        return way / time if time > 0 else 0.0

    def _rows(self, name: str) -> list[Row]:
        return _rows(self._folder / f"{name}.json")

    def _by_token(self, name: str) -> dict[str, Row]:
        return {row["token"]: row for row in self._rows(name)}


def _rows(path: Path) -> list[Row]:
    rows = read_json(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}: a list of objects was expected")
    return rows


def _pose(row: Row) -> Float64[ndarray, "4 4"]:
    """Target-from-source of a rotation (w, x, y, z) and a translation in metres."""
    return pose_of(
        [float(value) for value in row["rotation"]], [float(value) for value in row["translation"]]
    )


def _lens(tables: _Tables, image: Row) -> Lens:
    K = tables.intrinsics(image)
    size = int(image["width"]), int(image["height"])
    return brown_lens((K[0, 0], K[1, 1]), (K[0, 2], K[1, 2]), (0.0, 0.0, 0.0, 0.0, 0.0), size)


def _sweep(
    path: Path, world_from_ego: Float64[ndarray, "4 4"], ego_from_lidar: Float64[ndarray, "4 4"]
) -> LogSweep:
    rows, xyz, others = _returns(path, ego_from_lidar)
    rotation, position = world_from_ego[:3, :3], world_from_ego[:3, 3]
    xyz = xyz[others] @ rotation.T + position
    origins = np.broadcast_to(rotation @ ego_from_lidar[:3, 3] + position, xyz.shape).copy()
    return LogSweep(xyz, origins, rows[others, 3])


def _returns(
    path: Path, ego_from_lidar: Float64[ndarray, "4 4"]
) -> tuple[Float64[ndarray, "P 5"], Float64[ndarray, "P 3"], Bool[ndarray, " P"]]:
    """A file's rows, their places in the vehicle's frame, and which are not of the vehicle itself."""
    data = _bytes(path)
    table = np.frombuffer(data[: len(data) // 4 * 4], "<f4").astype(np.float64)
    if len(data) % (4 * _COLUMNS) or not np.isfinite(table).all():
        raise UserError(
            f"{path} holds {len(data)} bytes; rows of {_COLUMNS} finite float32 were expected: x, y, z, "
            "intensity, ring"
        )
    rows = table.reshape(-1, _COLUMNS)
    xyz = rows[:, :3] @ ego_from_lidar[:3, :3].T + ego_from_lidar[:3, 3]
    return rows, xyz, ((xyz[:, :2] < _OWN_LOW_M) | (xyz[:, :2] > _OWN_HIGH_M)).any(axis=1)


def _labels(path: Path, classes: Path, ego_from_lidar: Float64[ndarray, "4 4"]) -> UInt8[ndarray, " P"]:
    """The class of each return that `_sweep` gives, as nuScenes-lidarseg numbers them: 0 to 31."""
    labels = np.frombuffer(_bytes(classes), np.uint8)
    _, _, others = _returns(path, ego_from_lidar)
    if len(labels) != len(others):
        raise UserError(f"{classes} has {len(labels)} classes for the {len(others)} returns of {path}")
    return labels[others]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise explain(error, path, "read") from error


READER = LogReader("nuscenes", "v1.0-*/sample_data.json (nuScenes)", _detect, _read)
"""Scenes of nuScenes."""
