"""COLMAP models: `sparse/0` or `sparse` in binary or text, of any version, beside a folder of images."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from core.errors import UserError
from scene.cameras import Cameras
from scene.capture import PointCloud
from scene.datasets.colmap_check import check_model
from scene.datasets.image_folders import ImageFinder, find_image_folder
from scene.datasets.lenses import Lens
from scene.datasets.options import CaptureOptions
from scene.datasets.pycolmap_import import pycolmap
from scene.datasets.source import Reader, SourceScene, SourceView

_NERFSTUDIO_FOLDER = "colmap/sparse/0"
MODEL_FOLDERS = ("sparse/0", "sparse", _NERFSTUDIO_FOLDER)
"""Where the model of a source may be; the first that has one is read."""
_SUFFIXES = (".bin", ".txt")


def _detect(source: Path) -> bool:
    model = find_model(source)
    # nerfstudio keeps the model that its transforms.json was made from; the latter is what it trains on.
    made_transforms = model == source / _NERFSTUDIO_FOLDER and (source / "transforms.json").is_file()
    return model is not None and not made_transforms


def _read(source: Path, options: CaptureOptions) -> SourceScene:
    folder = find_model(source)
    if folder is None:
        raise UserError(
            f"{source} has no COLMAP model; cameras.bin or .txt was expected in {MODEL_FOLDERS[0]}"
        )
    model = read_model(folder)
    notes = []
    if (source / "sparse" / "1").is_dir() and folder.name == "0":
        notes.append("COLMAP made several models of these images; only sparse/0 is used")
    images = [image for image in model.images.values() if image.has_pose]
    if not images:
        raise UserError(f"{folder} has no image with a pose; reconstruct it again")
    if len(images) < len(model.images):
        notes.append(f"{len(model.images) - len(images)} images have no pose and were left out")
    finder = ImageFinder(find_image_folder(source, options.images))
    lenses = {number: _lens(camera) for number, camera in model.cameras.items()}
    views = [
        SourceView(image.name, finder.find(image.name), _viewmat(image), lenses[image.camera_id])
        for image in images
    ]
    return SourceScene(views, stored_points(folder, model), tuple(notes))


def model_cameras(folder: Path) -> tuple[Cameras, tuple[str, ...]]:
    """Cameras and names of the images that a model poses, ordered by name; distortion is left out.

    Args:
        folder: of the model, or of a capture that has one.

    Raises:
        UserError: there is no model, it cannot be read, or it poses no image.
    """
    model = read_model(find_model(folder) or folder)
    images = sorted((image for image in model.images.values() if image.has_pose), key=lambda one: one.name)
    if not images:
        raise UserError(f"{folder} has no image with a pose; reconstruct it again")
    lenses = [model.cameras[image.camera_id] for image in images]
    cameras = Cameras(
        torch.from_numpy(np.stack([_viewmat(image) for image in images])).float(),
        torch.from_numpy(np.stack([lens.calibration_matrix() for lens in lenses])).float(),
        torch.tensor([lens.width for lens in lenses]),
        torch.tensor([lens.height for lens in lenses]),
    )
    return cameras, tuple(image.name for image in images)


def find_model(source: Path) -> Path | None:
    """The folder of the COLMAP model in a source, if there is one."""
    for name in MODEL_FOLDERS:
        for stem in ("cameras", "images"):
            if any((source / name / f"{stem}{suffix}").is_file() for suffix in _SUFFIXES):
                return source / name
    return None


def read_model(folder: Path) -> pycolmap.Reconstruction:
    """The COLMAP model in a folder. One without points will do.

    Raises:
        UserError: files are missing or broken.
    """
    suffix = next((suffix for suffix in _SUFFIXES if (folder / f"cameras{suffix}").is_file()), _SUFFIXES[0])
    for stem in ("cameras", "images"):
        if not (folder / f"{stem}{suffix}").is_file():
            raise UserError(f"{folder / (stem + suffix)} is missing; a COLMAP model needs it")
    check_model(folder, suffix)
    try:
        if (folder / f"points3D{suffix}").is_file():
            return pycolmap.Reconstruction(folder)
        with tempfile.TemporaryDirectory() as copy:
            return pycolmap.Reconstruction(_with_empty_points(folder, suffix, Path(copy)))
    except (ValueError, IndexError, KeyError, RuntimeError) as error:
        raise UserError(f"{folder} is no COLMAP model that can be read ({_first_line(error)})") from error


def model_points(model: pycolmap.Reconstruction) -> PointCloud:
    """The points of a model, ordered by their numbers."""
    xyz = np.empty((len(model.points3D), 3))
    rgb = np.empty((len(model.points3D), 3), np.uint8)
    for row, number in enumerate(sorted(model.points3D)):
        point = model.points3D[number]
        xyz[row], rgb[row] = point.xyz, point.color
    return PointCloud(torch.from_numpy(xyz).float(), torch.from_numpy(rgb))


def stored_points(folder: Path, model: pycolmap.Reconstruction) -> PointCloud | None:
    """The points of the model in a folder; None where that has no file of points."""
    has_file = any((folder / f"points3D{suffix}").is_file() for suffix in _SUFFIXES)
    return model_points(model) if has_file else None


def _with_empty_points(folder: Path, suffix: str, copy: Path) -> Path:
    """A copy of a model without points, with the empty file that COLMAP insists on."""
    for stem in ("cameras", "images", "rigs", "frames"):
        with suppress(FileNotFoundError):  # models of before version 3.12 have no rigs and frames
            shutil.copy(folder / f"{stem}{suffix}", copy)
    (copy / f"points3D{suffix}").write_bytes(bytes(8) if suffix == ".bin" else b"")
    return copy


def _lens(camera: pycolmap.Camera) -> Lens:
    return Lens(camera.model_name, tuple(camera.params.tolist()), camera.width, camera.height)


def _viewmat(image: pycolmap.Image) -> np.ndarray:
    return np.vstack([image.cam_from_world().matrix(), (0.0, 0.0, 0.0, 1.0)])


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else repr(error)


def _test_images(_source: Path) -> tuple[str, ...]:
    return ()


READER = Reader("colmap", "sparse/0/cameras.bin or .txt (COLMAP)", _detect, _read, _test_images)
