"""From the frames of a segment to a folder of plain files, one frame in memory at a time.

    images/000_0.jpg             as stored; cameras are 0 FRONT, 1 FRONT_LEFT, 2 FRONT_RIGHT, 3 SIDE_LEFT,
                                 4 SIDE_RIGHT
    ego_pose/000.txt             vehicle-to-world
    image_pose/000_0.txt         the same when the picture was taken, where the segment says it
    extrinsics/0.txt             camera-to-vehicle, camera x ahead, y left, z up
    intrinsics/0.txt             f_u, f_v, c_u, c_v, k1, k2, p1, p2, k3, one a line
    lidar/000.bin                10 or 14 columns of float32, see `waymo.lidar`
    dynamic_masks/000_0.png      255 in rectangles of moving boxes
    sky_masks/000_0.png          255 where the panoptic labels say sky, for pictures that have such labels
    instances/                   boxes: instances_info.json and frame_instances.json
    timestamps.json              seconds of each frame, and of each of its pictures
    frame_info.json              time of day, location, weather; how many objects there are; camera_sizes: the
                                 width and height that intrinsics belong to

The first eight and the last are the layout of S3Gaussian and EmerNeRF, so that tools made for it read it.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.errors import UserError
from core.files import read_json, write_json
from core.folders import atomic_folder
from core.images import encode
from scene.datasets.waymo.frames import CAMERAS, WaymoFrame
from scene.datasets.waymo.instances import Instances
from scene.datasets.waymo.lidar import Columns, columns_of, lidar_rows
from scene.datasets.waymo.masks import dynamic_mask, sky_mask
from scene.datasets.waymo.wire import WireError

Key = Literal["images", "lidar", "calib", "pose", "dynamic_masks", "sky_masks", "objects"]

KEYS: tuple[Key, ...] = ("images", "lidar", "calib", "pose", "dynamic_masks", "sky_masks", "objects")
"""What can be taken out of a segment."""
INFO = "frame_info.json"
"""The file that tells a converted folder; it also says from which segment, and what was taken out of it."""


def is_converted(folder: Path, segment: str, keys: Iterable[str]) -> bool:
    """Whether a folder holds all that is asked for of a segment.

    Raises:
        UserError: the folder is that of another segment.
    """
    if not (folder / INFO).is_file():
        return False
    info = read_json(folder / INFO)
    if info.get("segment") not in (None, segment):
        raise UserError(f"{folder} holds {info['segment']}, not {segment}; choose another --target-dir")
    return set(keys) <= set(info.get("process_keys", ()))


def convert_frames(frames: Iterable[WaymoFrame], folder: Path, keys: Iterable[Key] = KEYS) -> int:
    """Write the folder of a segment, whole or not at all.

    Args:
        frames: of one segment, in the order of time.
        folder: to be made; what is there is replaced.
        keys: what is taken out of the frames.

    Returns:
        The number of frames.

    Raises:
        UserError: a frame is broken or misses something, there is no frame, or the folder cannot be written.
    """
    chosen = frozenset(keys)
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise UserError(f"there is no frame for {folder}; a segment with at least one was expected")
    columns = columns_of(first)
    instances, times = Instances(), []
    with atomic_folder(folder) as temporary:
        for key in _folders(chosen):
            (temporary / key).mkdir()
        if "calib" in chosen:
            _write_calibrations(temporary, first)
        for number, frame in enumerate(_same_segment(chain([first], iterator))):
            try:
                _write_frame(temporary, number, frame, chosen, columns)
            except WireError as error:
                raise UserError(
                    f"{frame.segment}, frame {number}: {error}; fetch the segment again"
                ) from error
            times.append(_times(frame))
            instances.add(number, frame)
        if "objects" in chosen:
            instances.write(temporary / "instances")
        write_json(temporary / "timestamps.json", times, indent=None)
        info = {
            **first.surroundings,
            "object_counts": instances.counts(),
            "segment": first.segment,
            "process_keys": sorted(chosen),
            "frames": len(times),
            "camera_sizes": {
                str(CAMERAS.index(name)): [camera.width, camera.height]
                for name, camera in first.camera_calibrations.items()
            },
        }
        write_json(temporary / INFO, info)
    return len(times)


def _folders(keys: frozenset[str]) -> list[str]:
    of_key = {
        "images": ["images"],
        "lidar": ["lidar"],
        "calib": ["extrinsics", "intrinsics"],
        "pose": ["ego_pose", "image_pose"],
        "dynamic_masks": ["dynamic_masks"],
        "sky_masks": ["sky_masks"],
        "objects": ["instances"],
    }
    return [folder for key in keys for folder in of_key[key]]


def _same_segment(frames: Iterable[WaymoFrame]) -> Iterator[WaymoFrame]:
    segment: str | None = None
    for frame in frames:
        if segment not in (None, frame.segment):
            raise UserError(f"a frame of {frame.segment} follows one of {segment}; one segment was expected")
        segment = frame.segment
        yield frame


def _write_calibrations(folder: Path, frame: WaymoFrame) -> None:
    for name, camera in frame.camera_calibrations.items():
        number = CAMERAS.index(name)
        np.savetxt(folder / "extrinsics" / f"{number}.txt", camera.vehicle_from_camera)
        np.savetxt(folder / "intrinsics" / f"{number}.txt", np.array(camera.intrinsic))


def _write_frame(
    folder: Path, number: int, frame: WaymoFrame, keys: frozenset[str], columns: Columns
) -> None:
    if "pose" in keys:
        np.savetxt(folder / "ego_pose" / f"{number:03d}.txt", frame.world_from_vehicle)
    if "lidar" in keys and frame.range_images:
        (folder / "lidar" / f"{number:03d}.bin").write_bytes(lidar_rows(frame, columns).tobytes())
    for name, image in frame.images.items():
        stem = f"{number:03d}_{CAMERAS.index(name)}"
        if "images" in keys:
            (folder / "images" / f"{stem}.jpg").write_bytes(image.jpeg)
        if "pose" in keys and image.world_from_vehicle is not None:
            np.savetxt(folder / "image_pose" / f"{stem}.txt", image.world_from_vehicle)
        masks = {}
        if "dynamic_masks" in keys:
            masks["dynamic_masks"] = dynamic_mask(frame.labels, frame.camera_calibrations[name])
        if "sky_masks" in keys:
            masks["sky_masks"] = sky_mask(image)
        for kind, mask in masks.items():
            if mask is not None:
                data = encode(mask.astype(np.uint8) * 255, ".png")
                (folder / kind / f"{stem}.png").write_bytes(data)


def _times(frame: WaymoFrame) -> dict[str, Any]:
    """Seconds of a frame and of its pictures."""
    return {
        "time_s": frame.timestamp_micros * 1e-6,
        "images": {str(CAMERAS.index(name)): image.time_s for name, image in frame.images.items()},
    }
