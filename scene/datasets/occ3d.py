"""Occ3D: occupancy of nuScenes and Waymo, 200 x 200 x 16 voxels of 0.4 m.

nuScenes, at 2 Hz:

    gts/<scene>/<frame token>/labels.npz      semantics (0 to 16, 17 = free), mask_lidar, mask_camera
    annotations.json                          optional: train_split, val_split, and in scene_infos the
                                              timestamps and poses of the frames

Waymo, at 10 Hz:

    {training,validation}/<scene>/<number>_04.npz      voxel_label (0 to 14, 23 = free), infov,
                                                       origin_voxel_state (lidar), final_voxel_state (camera)

Masks are 1 where something observed the voxel. The classes are Occ3D's, one higher than in the files, or
those of CarlaSC. Files `<number>.npz` of Waymo have voxels of 0.1 m; they are not read. Waymo's vehicle poses
are in other files than these; they are unknown here.
Source: X. Tian et al., "Occ3D: A Large-Scale 3D Occupancy Prediction Benchmark for Autonomous Driving",
NeurIPS 2023, and the description of its files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Shaped, UInt8
from numpy import ndarray
from torch import Tensor

from core.arrays import read_archive
from core.errors import UserError
from core.files import read_json
from scene.datasets.poses import check_pose, pose_of
from scene.occupancy.classes import CARLASC, OCC3D_NUSCENES, OCC3D_WAYMO, ClassSet
from scene.occupancy.scenes import Frame, OccupancyData, OccupancyScene
from scene.occupancy.sequence import OCC3D_GRID
from scene.occupancy.unified import unified

_COARSE = "_04"  # marks Waymo's files with voxels of 0.4 m


@dataclass(frozen=True)
class Occ3DOptions:
    """How Occ3D is read."""

    occ3d_classes: Literal["own", "carlasc"] = "own"
    """Occ3D's classes, or those of CarlaSC: of Waymo's fifteen nine are left then."""

    observed_by: Literal["lidar", "camera"] = "lidar"
    """Voxels that this sensor did not observe are invalid. Waymo's cameras do not look all around: what is
    outside of their view is invalid with them too."""


class _Files(NamedTuple):
    """How the files of one part of Occ3D are to be understood."""

    labels: str
    masks: Mapping[str, Sequence[str]]
    free: int
    class_set: ClassSet
    seconds_per_frame: float


_NUSCENES = _Files("semantics", {"lidar": ["mask_lidar"], "camera": ["mask_camera"]}, 17, OCC3D_NUSCENES, 0.5)
_WAYMO = _Files(
    labels="voxel_label",
    masks={"lidar": ["origin_voxel_state"], "camera": ["final_voxel_state", "infov"]},
    free=23,
    class_set=OCC3D_WAYMO,
    seconds_per_frame=0.1,
)


def read_occ3d(source: Path, options: Occ3DOptions | None = None) -> OccupancyData:
    """What a folder of Occ3D holds; frames are read when they are asked for.

    Frames of nuScenes are named by chance: `annotations.json` says in which order they come, and which scenes
    are held out.

    Args:
        source: with `gts` in it (nuScenes), or `training` and `validation` (Waymo).
        options: the classes and the masks; the defaults by default.

    Raises:
        UserError: the folder is neither, has no frames, or its annotations are missing or broken.
    """
    options = Occ3DOptions() if options is None else options
    if (source / "gts").is_dir():
        return _read_nuscenes(source, options)
    if (source / "training").is_dir() or (source / "validation").is_dir():
        return _read_waymo(source, options)
    raise UserError(
        f"{source} is no folder of Occ3D: gts/ (nuScenes) or training/ and validation/ (Waymo) were expected"
    )


def _read_nuscenes(source: Path, options: Occ3DOptions) -> OccupancyData:
    path = source / "annotations.json"
    told = read_json(path) if path.is_file() else {}
    infos = told.get("scene_infos", {}) if isinstance(told, dict) else None
    held_out = told.get("val_split", []) if isinstance(told, dict) else None
    if not isinstance(infos, dict) or not isinstance(held_out, list):
        raise UserError(f"{path}: an object with scene_infos and val_split was expected; fetch it again")
    scenes: dict[bool, list[OccupancyScene]] = {False: [], True: []}
    for folder in _folders(source / "gts"):
        tokens = [token.name for token in _folders(folder) if (token / "labels.npz").is_file()]
        frames = infos.get(folder.name)
        poses = None
        if frames is not None:
            tokens, poses = _told(frames, tokens, f"{path}, {folder.name}")
        elif len(tokens) > 1:
            raise UserError(
                f"{path} is missing or does not tell of {folder.name}, and nobody else knows the order of "
                "its frames; fetch it"
            )
        if tokens:
            paths = [folder / token / "labels.npz" for token in tokens]
            scene = _scene(folder.name, tokens, paths, poses, _NUSCENES, options)
            scenes[folder.name in held_out].append(scene)
    return _data("occ3d-nuscenes", source, scenes[False], scenes[True])


def _told(
    frames: Any, tokens: Sequence[str], where: str
) -> tuple[list[str], Float64[Tensor, "N 4 4"] | None]:
    """The frames in the order of time, and the vehicle's poses, as the annotations tell them."""
    try:
        missing = [token for token in tokens if token not in frames]
        if missing:
            raise UserError(f"{where} has no frame {missing[0]}; the annotations belong to other files")
        ordered = sorted(tokens, key=lambda token: int(frames[token]["timestamp"]))
        poses = [
            pose_of(
                *([float(v) for v in frames[token]["ego_pose"][key]] for key in ("rotation", "translation"))
            )
            for token in ordered
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{where}: a timestamp and an ego_pose with rotation and translation were expected of each frame "
            f"({error!r}); fetch the annotations again"
        ) from error
    for token, pose in zip(ordered, poses, strict=True):
        check_pose(pose, f"{where}: the pose of frame {token}")
    return ordered, torch.from_numpy(np.stack(poses)) if poses else None


def _read_waymo(source: Path, options: Occ3DOptions) -> OccupancyData:
    splits: list[list[OccupancyScene]] = []
    for split in ("training", "validation"):
        splits.append([])
        for folder in _folders(source / split) if (source / split).is_dir() else ():
            paths = {
                path.stem.removesuffix(_COARSE): path
                for path in sorted(folder.glob(f"*{_COARSE}.npz"))
                if path.stem.removesuffix(_COARSE).isdecimal()
            }
            if paths:
                names = sorted(paths, key=int)
                files = [paths[name] for name in names]
                splits[-1].append(_scene(folder.name, names, files, None, _WAYMO, options))
    return _data("occ3d-waymo", source, *splits)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _scene(
    name: str,
    frame_names: Sequence[str],
    paths: Sequence[Path],
    poses: Float64[Tensor, "N 4 4"] | None,
    files: _Files,
    options: Occ3DOptions,
) -> OccupancyScene:
    own = options.occ3d_classes == "own"
    return OccupancyScene(
        name=name,
        frame_names=tuple(frame_names),
        class_set=files.class_set if own else CARLASC,
        grid=OCC3D_GRID,
        read_frame=partial(_read_frame, tuple(paths), files, options),
        world_from_ego=poses,
        seconds_per_frame=files.seconds_per_frame,
    )


def _read_frame(paths: Sequence[Path], files: _Files, options: Occ3DOptions, frame: int) -> Frame:
    path = paths[frame]
    masks = files.masks[options.observed_by]
    labels, *observed = read_archive(path, (files.labels, *masks))
    for name, array in zip((files.labels, *masks), (labels, *observed), strict=True):
        if array.shape != OCC3D_GRID.size or array.dtype.kind not in "uib":
            raise UserError(
                f"{path}: {name} of whole numbers {OCC3D_GRID.size} was expected, got {array.dtype} "
                f"{array.shape}; fetch the file again"
            )
    classes = _classes(labels, path, files)
    if options.occ3d_classes == "carlasc":
        classes = unified(files.class_set)[classes.long()]
    seen = np.logical_and.reduce([mask != 0 for mask in observed])
    return classes, torch.from_numpy(~seen)


def _classes(labels: Shaped[ndarray, "X Y Z"], path: Path, files: _Files) -> UInt8[Tensor, "X Y Z"]:
    """Occ3D's own classes, with free space first."""
    occupied = labels != files.free
    last = len(files.class_set) - 2
    wrong = labels[occupied & ((labels < 0) | (labels > last))]
    if len(wrong):
        raise UserError(
            f"{path}: class {int(wrong[0])}; 0 to {last}, or {files.free} for free, were expected of "
            f"{files.class_set.name}"
        )
    return torch.from_numpy(np.where(occupied, labels.astype(np.int64) + 1, 0).astype(np.uint8))


def _data(
    name: str, source: Path, train: Sequence[OccupancyScene], test: Sequence[OccupancyScene]
) -> OccupancyData:
    if not train and not test:
        raise UserError(f"{source} has no frames of {name}; folders of scenes with .npz files were expected")
    return OccupancyData(name, tuple(train), tuple(test))
