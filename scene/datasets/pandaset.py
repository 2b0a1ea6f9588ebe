"""PandaSet: logs of 8 s with six cameras, a spinning lidar and tracked boxes, at 10 Hz.

    camera/NAME/{00.jpg, intrinsics.json, poses.json, timestamps.json}
    lidar/{00.npz, poses.json, timestamps.json}       xyz_5mm_int16: sensor frame, steps of 5 mm; intensity;
                                                      optional: semseg, a class a return
    annotations/cuboids*.json                         see `pandaset_boxes`
    ego_masks/NAME.png                                optional: white where a camera sees its own vehicle

Lists of poses and times have an entry for every frame of the log, also for those whose files are not there.
The vehicle's frame has x to the right and y ahead. The published pickles are not read, as a pickle can run
code; `pandaset_convert` makes such a folder of them.

Source: P. Xiao et al., "PandaSet: Advanced Sensor Suite Dataset for Autonomous Driving", ITSC 2021.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

from core.arrays import read_archive
from core.errors import UserError
from core.files import read_json
from scene.datasets.lenses import Lens
from scene.datasets.pandaset_boxes import ALIGNED, PandaBoxes
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

STEP_M = 0.005
"""Of the whole numbers that places are stored as, metres."""

# Where the spinning lidar is in the frame of its sweeps. The log does not say; here the rays of different
# sweeps contradict each other least: in 150 to 270 cells, in 9,000 to 10,000 from the frame's origin.
_LIDAR_M = np.array([0.03, 0.66, 1.86])
_SIZE_PX = (1920, 1080)


def _detect(source: Path) -> bool:
    """Whether a folder is a log of PandaSet."""
    return (source / "lidar" / "poses.json").is_file() and (source / "camera").is_dir()


def _read(source: Path, options: StreetOptions) -> StreetLog:
    """What the log says of the frames and cameras that are asked for.

    Raises:
        UserError: a file is missing or broken, or there is no such frame or camera.
    """
    _refuse_pickles(source)
    images = {
        folder.name: {int(path.stem): path for path in folder.glob("*.jpg") if path.stem.isdigit()}
        for folder in sorted((source / "camera").iterdir())
    }
    names = options.cameras([name for name, paths in images.items() if paths], source)
    present = sorted(set().union(*images.values()))
    numbers = options.frames([n for n in present if any(n in images[name] for name in names)], source)
    origin = options.origin(present, source)
    poses, times = read_poses(source / "lidar"), _times(source / "lidar")
    for name, values in (("poses.json", poses), ("timestamps.json", times)):
        if len(values) <= max(*numbers, origin):
            raise UserError(f"{source / 'lidar' / name} ends before frame {max(*numbers, origin)}")
    sweep_of = partial(_sweep_of, source, poses)
    boxes = PandaBoxes(source, _increasing(times, source / "lidar" / "timestamps.json"), sweep_of)
    frames = [
        LogFrame(
            number=number,
            time_s=times[number],
            world_from_ego=poses[number] @ ALIGNED,
            sweep=sweep_of(number),
            boxes=partial(boxes.of_frame, number) if boxes.exist else None,
            labels=partial(_labels, source / "lidar" / f"{number:02d}.npz"),
        )
        for number in numbers
    ]
    views, lenses = [], {}
    for name in names:
        folder = source / "camera" / name
        lenses[name] = _lens(folder / "intrinsics.json")
        camera_poses, camera_times = read_poses(folder), _times(folder)
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
    notes = ()
    if boxes.exist and any(frame.sweep is None for frame in frames):
        notes = ("returns inside the boxes of a frame without lidar are those of the nearest that has it",)
    return StreetLog(
        lenses, frames, views, poses[origin] @ ALIGNED, ego_masks=ego_mask_files(source, names), notes=notes
    )


def _refuse_pickles(source: Path) -> None:
    """Say how a log becomes readable whose lidar is still in the published pickles."""
    lidar = source / "lidar"
    if any(lidar.glob("*.pkl*")) and not any(lidar.glob("*.npz")):
        raise UserError(
            f"{source} is a log as PandaSet publishes it; its pickles, which could run code, are not read. "
            "Make a folder without them by `python -m scene.datasets.pandaset_convert --data-root "
            f"{source.resolve().parent} --target-dir OUT --scene-ids {source.resolve().name}`"
        )


def _sweep_of(
    source: Path, poses: Sequence[Float64[ndarray, "4 4"]], number: int
) -> Callable[[], LogSweep] | None:
    """What reads the returns of a frame; None for a frame that has none."""
    path = source / "lidar" / f"{number:02d}.npz"
    return partial(_sweep, path, poses[number]) if number < len(poses) and path.is_file() else None


def _sweep(path: Path, pose: Float64[ndarray, "4 4"]) -> LogSweep:
    steps, intensity = read_archive(path, ("xyz_5mm_int16", "intensity"))
    if steps.dtype.kind != "i" or steps.shape[1:] != (3,) or intensity.shape != steps.shape[:1]:
        raise UserError(
            f"{path}: whole numbers [P, 3] and an intensity [P] were expected, got {steps.dtype} "
            f"{steps.shape} and {intensity.shape}"
        )
    xyz = steps.astype(np.float64) * STEP_M @ pose[:3, :3].T + pose[:3, 3]
    origins = np.broadcast_to(_LIDAR_M @ pose[:3, :3].T + pose[:3, 3], xyz.shape).copy()
    return LogSweep(xyz, origins, intensity.astype(np.float64))


def _labels(path: Path) -> UInt8[ndarray, " P"]:
    """The class of each return, as `annotations/semseg_classes.json` numbers them."""
    (labels,) = read_archive(path, ("semseg",))
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise UserError(
            f"{path}: semseg of bytes [P] was expected, got {labels.dtype} {labels.shape}; make it anew"
        )
    return labels


def _lens(path: Path) -> Lens:
    numbers = read_json(path)
    try:
        fx, fy, cx, cy = (float(numbers[key]) for key in ("fx", "fy", "cx", "cy"))
        k1, k2, p1, p2, k3 = (float(numbers.get(key, 0.0)) for key in ("k1", "k2", "p1", "p2", "k3"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: the numbers fx, fy, cx, cy were expected ({error})") from error
    return brown_lens((fx, fy), (cx, cy), (k1, k2, p1, p2, k3), _SIZE_PX)


def read_poses(folder: Path) -> list[Float64[ndarray, "4 4"]]:
    """World-from-sensor of each frame of a log, from the folder of a camera or of the lidar.

    Raises:
        UserError: `poses.json` is missing or broken.
    """
    path = folder / "poses.json"
    poses = []
    for number, entry in enumerate(_list(path)):
        try:
            quat = [float(entry["heading"][key]) for key in "wxyz"]
            poses.append(pose_of(quat, [float(entry["position"][key]) for key in "xyz"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path}, entry {number}: a position and a heading were expected ({error})"
            ) from error
    return poses


def _times(folder: Path) -> list[float]:
    path = folder / "timestamps.json"
    times = _list(path)
    if not all(isinstance(time, (int, float)) for time in times):
        raise UserError(f"{path}: a list of seconds was expected")
    return [float(time) for time in times]


def _increasing(times: Sequence[float], path: Path) -> Sequence[float]:
    """The times, if each is later than the one before."""
    wrong = [row for row in range(1, len(times)) if not times[row] > times[row - 1]]
    if wrong:
        raise UserError(
            f"{path}: frame {wrong[0]} was measured at {times[wrong[0]]} s, not after the frame before "
            f"({times[wrong[0] - 1]} s); times in the order of the frames were expected"
        )
    return times


def _list(path: Path) -> Sequence[Any]:
    content = read_json(path)
    if not isinstance(content, list):
        raise UserError(f"{path}: a list with an entry a frame was expected")
    return content


READER = LogReader("pandaset", "camera/ and lidar/poses.json (PandaSet)", _detect, _read)
