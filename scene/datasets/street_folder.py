"""Your own driving log: `street.json` names pictures, cameras, poses, times, and lidar and masks if any.

    {"cameras": {"left": {"width": 1280, "height": 720, "K": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]],
                          "distortion": [k1, k2, p1, p2, k3], "ego_from_camera": [4x4]}, ...},
     "frames": [{"time_s": 0.0, "world_from_ego": [4x4], "lidar": "lidar/000.npy",
                 "images": {"left": "images/000_left.jpg",
                            "right": {"file": "...", "time_s": 0.01, "world_from_camera": [4x4],
                                      "dynamic_mask": "...png", "sky_mask": "...png"}}}, ...]}

Metres, seconds, pixels with centres at +0.5. The vehicle has x ahead, y left, z up; cameras are OpenCV: x
right, y down, z forward. Lidar files are `.npy` arrays of floating-point numbers in the vehicle's frame, with
3, 4 or 7 columns: x, y, z, intensity, and where the ray began.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from core.arrays import read_array
from core.errors import UserError
from core.files import read_json
from scene.datasets.lenses import Lens
from scene.datasets.street_log import LogFrame, LogReader, LogSweep, LogView, StreetLog, brown_lens
from scene.datasets.street_options import StreetOptions
from scene.datasets.transforms_json import matrix

FILE = "street.json"
_LIDAR_COLUMNS = (3, 4, 7)


def _detect(source: Path) -> bool:
    return (source / FILE).is_file()


def _read(source: Path, options: StreetOptions) -> StreetLog:
    path = source / FILE
    content = read_json(path)
    cameras = content.get("cameras") if isinstance(content, dict) else None
    entries = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(cameras, dict) or not isinstance(entries, list):
        raise UserError(f'{path}: {{"cameras": {{...}}, "frames": [...]}} was expected')
    names = options.cameras(list(cameras), path)
    numbers = options.frames(list(range(len(entries))), path)
    lenses = {name: _lens(cameras[name], f"{path}, camera {name}") for name in names}
    frames, views = [], []
    for row, number in enumerate(numbers):
        entry, where = entries[number], f"{path}, frame {number}"
        pose = _pose(entries, number, path)
        frames.append(_frame(source, entry, number, pose, where))
        images = entry.get("images")
        if not isinstance(images, dict):
            raise UserError(f"{where}: images by the names of their cameras were expected")
        unknown = set(images) - set(cameras)
        if unknown:
            raise UserError(f"{where} has an image of {min(unknown)}, which is none of the cameras")
        for name in names:
            if name in images:
                own = f"{where}, image of {name}"
                views.append(_view(source, images[name], cameras[name], name, row, frames[-1], own))
    masks = {
        name: _file(source, cameras[name]["ego_mask"], f"{path}, camera {name}: ego_mask")
        for name in names
        if cameras[name].get("ego_mask") is not None
    }
    origin = options.origin(list(range(len(entries))), path)
    return StreetLog(lenses, frames, views, _pose(entries, origin, path), ego_masks=masks)


def _pose(entries: list[Any], number: int, path: Path) -> Float64[ndarray, "4 4"]:
    """Where the vehicle was in a frame."""
    entry = entries[number]
    if not isinstance(entry, dict):
        raise UserError(f"{path}, frame {number}: an object was expected")
    return matrix(entry.get("world_from_ego"), f"{path}, frame {number}: world_from_ego")


def _lens(entry: Any, where: str) -> Lens:
    try:
        size = int(entry["width"]), int(entry["height"])
        K = np.array(entry["K"], np.float64)
        k1, k2, p1, p2, k3 = (float(value) for value in entry.get("distortion") or (0.0,) * 5)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{where}: width, height, K and, if at all, five numbers of distortion were expected ({error})"
        ) from error
    if K.shape != (3, 3) or not np.isfinite(K).all() or K[0, 1] != 0 or (K[2] != (0, 0, 1)).any():
        raise UserError(f"{where}: K must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]")
    return brown_lens((K[0, 0], K[1, 1]), (K[0, 2], K[1, 2]), (k1, k2, p1, p2, k3), size)


def _frame(
    source: Path, entry: Mapping[str, Any], number: int, pose: Float64[ndarray, "4 4"], where: str
) -> LogFrame:
    lidar = entry.get("lidar")
    return LogFrame(
        number=number,
        time_s=_seconds(entry.get("time_s"), where),
        world_from_ego=pose,
        sweep=None if lidar is None else partial(_sweep, _file(source, lidar, f"{where}: lidar"), pose),
    )


def _view(
    source: Path, entry: Any, camera: Mapping[str, Any], name: str, row: int, frame: LogFrame, where: str
) -> LogView:
    entry = {"file": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict):
        raise UserError(f"{where}: a file or an object with one was expected")
    if entry.get("world_from_camera") is not None:
        pose = matrix(entry["world_from_camera"], f"{where}: world_from_camera")
    else:
        rig = matrix(camera.get("ego_from_camera"), f"{where}, whose camera's ego_from_camera")
        pose = frame.world_from_ego @ rig
    masks = {
        key: None if entry.get(key) is None else _file(source, entry[key], f"{where}: {key}")
        for key in ("dynamic_mask", "sky_mask")
    }
    path = _file(source, entry.get("file"), where)
    return LogView(
        camera=name,
        frame=row,
        name=f"{frame.number:03d}_{name}.jpg",
        path=path,
        world_from_camera=pose,
        time_s=frame.time_s if entry.get("time_s") is None else _seconds(entry["time_s"], where),
        **masks,
    )


def _file(source: Path, name: Any, where: str) -> Path:
    """A file inside the folder.

    Raises:
        UserError: it is no name of one.
    """
    if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
        raise UserError(f"{where}: a file inside {source} was expected, got {name!r}")
    return source / name


def _seconds(value: Any, where: str) -> float:
    if not isinstance(value, (int, float)) or not np.isfinite(value):
        raise UserError(f"{where}: time_s is {value!r}; seconds were expected")
    return float(value)


def _sweep(path: Path, world_from_ego: Float64[ndarray, "4 4"]) -> LogSweep:
    table = read_array(path).astype(np.float64)
    if table.ndim != 2 or table.shape[1] not in _LIDAR_COLUMNS or not np.isfinite(table).all():
        raise UserError(
            f"{path} has the shape {table.shape}; finite rows of 3, 4 or 7 numbers were expected: x, y, z, "
            "intensity, and where the ray began"
        )
    origins = table[:, 4:7] if table.shape[1] == 7 else np.zeros((len(table), 3))
    intensity = table[:, 3] if table.shape[1] > 3 else np.zeros(len(table))
    rotation, position = world_from_ego[:3, :3], world_from_ego[:3, 3]
    return LogSweep(table[:, :3] @ rotation.T + position, origins @ rotation.T + position, intensity)


READER = LogReader("street", f"{FILE} (your own log)", _detect, _read)
"""Logs that their owners describe by `street.json`."""
