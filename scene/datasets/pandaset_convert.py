"""`python -m scene.datasets.pandaset_convert`: logs of PandaSet as published, into folders without pickles.

    NNN/camera/NAME/{00.jpg, *.json}, NNN/lidar/{poses.json, timestamps.json}        linked or copied
    NNN/lidar/00.pkl.gz: x, y, z, i, d in the world             -> lidar/00.npz in the sensor's frame
    NNN/annotations/semseg/00.pkl.gz: class, where it is there  -> semseg in lidar/00.npz
    NNN/annotations/cuboids/00.pkl.gz: a box a row              -> annotations/cuboids.json

Returns of the spinning lidar (d = 0) are kept, as the rays of the other begin elsewhere; those beyond 163 m,
which steps of 5 mm in 16 bits do not reach, are left out. A log that is there is left alone.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

from core import cli
from core.errors import UserError
from core.files import explain, make_folder, write_json
from core.folders import atomic_folder
from core.progress import Progress, say
from scene.datasets.pandas_pickles import read_pandas_table
from scene.datasets.pandaset import STEP_M, read_poses

_SUFFIX = ".pkl.gz"
_SPINNING = 0
_BOX_COLUMNS = (
    "uuid", "label", "yaw", "stationary", "cuboids.sensor_id",
    *(f"position.{axis}" for axis in "xyz"),
    *(f"dimensions.{axis}" for axis in "xyz"),
)  # fmt: skip


@dataclass(frozen=True)
class PandasetConvert:
    """Convert logs of PandaSet."""

    data_root: Path
    """Folder of the logs as published: 001, 002 and so on."""

    target_dir: Path
    """Folder that gets a folder of the same name for each."""

    scene_ids: tuple[str, ...] = ()
    """Names of the logs; all by default."""


def convert(settings: PandasetConvert) -> None:
    """Convert the logs that are asked for and not there yet.

    Raises:
        UserError: there is no such log, a file of it is missing or broken, or the folder cannot be written.
    """
    root = settings.data_root
    found = sorted(path.parent.parent.name for path in root.glob("*/lidar/poses.json"))
    missing = [name for name in settings.scene_ids if name not in found]
    if missing or not found:
        raise UserError(
            f"{root} holds no log {', '.join(missing)} of PandaSet; folders with lidar/poses.json expected"
        )
    for name in settings.scene_ids or found:
        target = settings.target_dir / name
        if target.exists():
            say(f"{target} is there")
        else:
            convert_log(root / name, target)
            say(f"{target} can be trained on")


def convert_log(source: Path, target: Path) -> None:
    """Write the folder of a log, whole or not at all.

    Args:
        source: the log as published.
        target: the folder to be made.

    Raises:
        UserError: as `convert`.
    """
    sweeps, boxes = (
        {int(path.name.removesuffix(_SUFFIX)): path for path in sorted((source / folder).glob(f"*{_SUFFIX}"))}
        for folder in ("lidar", "annotations/cuboids")
    )
    poses = read_poses(source / "lidar")
    if sweeps and max(sweeps) >= len(poses):
        raise UserError(f"{source / 'lidar' / 'poses.json'} ends before frame {max(sweeps)}")
    with (
        atomic_folder(target) as made,
        Progress(len(sweeps) + len(boxes), label=source.name) as progress,
    ):
        for path in (
            *source.glob("camera/*/*.jpg"),
            *source.glob("camera/*/*.json"),
            *source.glob("lidar/*.json"),
        ):
            _place(path, made / path.relative_to(source))
        for number, path in sweeps.items():
            labels = source / "annotations" / "semseg" / path.name
            _write_sweep(
                made / "lidar" / f"{number:02d}.npz",
                path,
                labels if labels.is_file() else None,
                poses[number],
            )
            progress.advance()
        listed = {}
        for number, path in boxes.items():
            listed[str(number)] = _boxes(path)
            progress.advance()
        if listed:
            write_json(made / "annotations" / "cuboids.json", listed, indent=None)


def _place(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file system cannot do that."""
    make_folder(target.parent)
    try:
        os.link(source, target)
    except OSError:  # another disk, or a file system without links
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise explain(error, target) from error


def _write_sweep(
    target: Path, source: Path, labels: Path | None, world_from_lidar: Float64[ndarray, "4 4"]
) -> None:
    table = read_pandas_table(source, ("x", "y", "z", "i", "d"))
    try:
        columns = {name: column.astype(np.float64) for name, column in table.items()}
    except (TypeError, ValueError) as error:
        raise UserError(f"{source} holds other things than numbers ({error})") from error
    xyz = np.stack([columns[axis] for axis in "xyz"], axis=1)
    steps = np.round((xyz - world_from_lidar[:3, 3]) @ world_from_lidar[:3, :3] / STEP_M)
    kept = (columns["d"] == _SPINNING) & (np.abs(steps) <= np.iinfo(np.int16).max).all(axis=1)
    arrays = {
        "xyz_5mm_int16": steps[kept].astype(np.int16),
        "intensity": columns["i"][kept].clip(0, 255).astype(np.uint8),
    }
    if labels is not None:
        arrays["semseg"] = _classes(labels, len(kept))[kept]
    np.savez_compressed(target, **arrays)


def _classes(path: Path, returns: int) -> UInt8[ndarray, " P"]:
    """The class of each return of both lidars, in the order of the sweep's table."""
    classes = read_pandas_table(path, ("class",))["class"]
    if classes.dtype.kind not in "iu" or len(classes) != returns or not np.isin(classes, range(256)).all():
        raise UserError(
            f"{path}: a class, 0 to 255, for each of {returns} returns was expected; fetch it again"
        )
    return classes.astype(np.uint8)


def _boxes(path: Path) -> list[dict[str, Any]]:
    """Boxes as `pandaset_boxes` reads them, with what else may be of use."""
    table = read_pandas_table(path, _BOX_COLUMNS)
    try:
        return [
            {
                "uuid": str(table["uuid"][row]),
                "label": str(table["label"][row]),
                "yaw": float(table["yaw"][row]),
                "stationary": bool(table["stationary"][row]),
                "position": [float(table[f"position.{axis}"][row]) for axis in "xyz"],
                "dimensions": [float(table[f"dimensions.{axis}"][row]) for axis in "xyz"],
                "sensor_id": int(table["cuboids.sensor_id"][row]),
            }
            for row in range(len(table["uuid"]))
        ]
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: a box is not made of numbers ({error}); fetch the log again") from error


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(convert, PandasetConvert, args=args, prog="python -m scene.datasets.pandaset_convert")


if __name__ == "__main__":
    sys.exit(main())
