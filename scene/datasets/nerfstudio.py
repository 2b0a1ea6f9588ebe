"""Captures of nerfstudio and instant-ngp: one `transforms.json`, images in `images` or scaled `images_N`."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from core.errors import UserError
from core.geometry import transform_points
from core.ply import read_points_ply
from scene.capture import PointCloud
from scene.datasets.colmap import find_model, model_cameras, read_model, stored_points
from scene.datasets.image_folders import ImageFinder, find_image_folder
from scene.datasets.options import CaptureOptions
from scene.datasets.source import Reader, SourceScene, SourceView
from scene.datasets.transforms_json import (
    Json,
    lens_of,
    matrix,
    read_transforms,
    size_of_first,
    split_path,
    viewmat_of,
)

_FILE = "transforms.json"
_DEFAULT_FOLDER = CaptureOptions().images

NERFSTUDIO_WORLD = np.array([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0]])
"""How nerfstudio turns the world of a COLMAP model: its own `applied_transform`."""

_LEAST_TO_COMPARE = 3  # cameras; fewer do not tell one turn of the world from another
_SAME_PLACE = 1e-3  # how far cameras may be apart, of the extent of all


def _detect(source: Path) -> bool:
    return (source / _FILE).is_file()


def _read(source: Path, options: CaptureOptions) -> SourceScene:
    path = source / _FILE
    meta, frames = read_transforms(path)
    names = _names(frames)
    _state_world(source, meta, frames, names)
    # The file's world is COLMAP's moved by `applied_transform`; everything is moved back.
    applied = meta.get("applied_transform")
    world = np.eye(4) if applied is None else np.linalg.inv(matrix(applied, f"{path}: applied_transform"))
    files = _image_files(source, frames, names, options)
    size = size_of_first(files)
    views = []
    for frame, name, file in zip(frames, names, files, strict=True):
        where = f"{path}, {frame['file_path']}"
        c2w = world @ matrix(frame.get("transform_matrix"), f"{where}: transform_matrix")
        mask = source / frame["mask_path"] if isinstance(frame.get("mask_path"), str) else None
        views.append(SourceView(name, file, viewmat_of(c2w), lens_of(meta, frame, size, where), mask))
    notes: list[str] = []
    return SourceScene(views, _points(source, meta, world, notes), tuple(notes))


def _state_world(source: Path, meta: Json, frames: list[Json], names: list[str]) -> None:
    """State `applied_transform` where the file does not and the poses of a COLMAP model tell what it was.

    Older files leave it out though their world is turned as nerfstudio turns it; then the model's points
    would lie elsewhere than the cameras look.
    """
    folder = find_model(source)
    if folder is None or "applied_transform" in meta or "applied_scale" in meta:
        return
    cameras, posed = model_cameras(folder)
    centers = dict(zip(posed, cameras.centers.double().numpy(), strict=True))
    pairs = [
        (matrix(frame.get("transform_matrix"), str(source / _FILE))[:3, 3], centers[name])
        for frame, name in zip(frames, names, strict=True)
        if name in centers
    ]
    if len(pairs) < _LEAST_TO_COMPARE:
        return
    stated, colmap = np.array(pairs).transpose(1, 0, 2)
    extent = np.linalg.norm(colmap - colmap.mean(0), axis=1).max()
    for candidate in (np.eye(4)[:3], NERFSTUDIO_WORLD):
        error = np.linalg.norm(colmap @ candidate[:, :3].T - stated, axis=1).max()
        if error <= _SAME_PLACE * extent:
            meta["applied_transform"] = candidate.tolist()
            return


def _names(frames: list[Json]) -> list[str]:
    """Paths of the frames inside their image folder."""
    return [split_path(frame["file_path"])[1] for frame in frames]


def _image_files(source: Path, frames: list[Json], names: list[str], options: CaptureOptions) -> list[Path]:
    """Files of the frames, in the folder that was asked for instead of the one that the file states."""

    @lru_cache
    def finder(folder: str) -> ImageFinder:
        chosen = folder
        if options.images != _DEFAULT_FOLDER:
            if folder == ".":
                raise UserError(
                    f"-i {options.images}: the frames of {source / _FILE} are not in a folder images that "
                    f"another could stand in for; {frames[0]['file_path']} is the first"
                )
            chosen = options.images
        return ImageFinder(source if folder == "." else find_image_folder(source, chosen))

    folders = [split_path(frame["file_path"])[0] for frame in frames]
    return [finder(folder).find(name) for folder, name in zip(folders, names, strict=True)]


def _points(source: Path, meta: Json, world: np.ndarray, notes: list[str]) -> PointCloud | None:
    """The points that the file names, else those of a COLMAP model in the same world."""
    stated = meta.get("ply_file_path")
    if isinstance(stated, str) and not (source / stated).is_file():
        notes.append(f"{source / stated}, which {_FILE} names, is missing")
    elif isinstance(stated, str):
        points = read_points_ply(source / stated)
        xyz = transform_points(torch.from_numpy(world), torch.from_numpy(points.xyz).double())
        return PointCloud(xyz.float(), torch.from_numpy(points.rgb))
    model = find_model(source)
    if model is None or "applied_transform" not in meta or "applied_scale" in meta:
        return None
    return stored_points(model, read_model(model))


def _test_images(source: Path) -> tuple[str, ...]:
    meta, _ = read_transforms(source / _FILE)
    key = "test_filenames" if meta.get("test_filenames") else "val_filenames"
    listed = meta.get(key) or []
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise UserError(f"{source / _FILE}: {key} is no list of file names; write one or remove the entry")
    return tuple(split_path(name)[1] for name in listed)


READER = Reader("transforms", f"{_FILE} (nerfstudio)", _detect, _read, _test_images)
