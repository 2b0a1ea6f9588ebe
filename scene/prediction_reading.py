"""Predictions as they lie on the disk, each map read when it is asked for."""

import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation
from torch import Tensor

from core.arrays import read_array
from core.errors import UserError
from core.files import read_json
from core.geometry import invert_se3
from core.images import read_gray
from core.number_files import numbers_of_lines
from scene.cameras import Cameras
from scene.capture import PointCloud
from scene.colmap_text import read_points_text
from scene.images import read_header
from scene.prediction import Assurance, Level
from scene.prediction_layout import INTRINSICS, MODEL, TRAJECTORY, PredictionLayout, find_layout

Crop = tuple[float, float, float, float]
"""Left, top, width and height in pixels of a frame."""

_UNKNOWN = Assurance("medium", "general", ("how sure these cameras are is not written with them",))
_HALF = 128


@dataclass(frozen=True)
class StoredPrediction:
    """A prediction in a folder: cameras and facts read, maps not yet.

    Args:
        layout: where its files are.
        predictor: its name.
        frames: the images, in the order of time.
        cameras: of the working size.
        registered: False where a frame's camera was filled in from its neighbours.
        crop: the part of a frame that the working images show.
        assurance: how sure the cameras are.
    """

    layout: PredictionLayout
    predictor: str
    frames: tuple[Path, ...]
    cameras: Cameras
    registered: Bool[Tensor, " N"]
    crop: Crop
    assurance: Assurance

    @property
    def frame_names(self) -> tuple[str, ...]:
        """File names of the images."""
        return tuple(path.name for path in self.frames)

    def mask(self, index: int) -> Bool[Tensor, "H W"]:
        """True where something moves.

        Raises:
            UserError: the file is missing, broken, or of another size.
        """
        path = self.layout.mask(index)
        mask = torch.from_numpy(read_gray(path) >= _HALF)
        self._check_size(path, mask)
        return mask

    def probability(self, index: int) -> Float[Tensor, "H W"]:
        """In [0, 1], how likely it is that something moves.

        Raises:
            UserError: as `mask`.
        """
        return self._read(self.layout.probability(index)).clamp(0, 1)

    def depth(self, index: int) -> Float[Tensor, "H W"]:
        """z-depth in world units, 0 = none.

        Raises:
            UserError: as `mask`.
        """
        return self._read(self.layout.depth(index)).clamp(min=0)

    def confidence(self, index: int) -> Float[Tensor, "H W"]:
        """Weights of the depths, 0 = none.

        Raises:
            UserError: as `mask`.
        """
        # Logarithms on the disk: minus infinity, for none, becomes 0.
        return self._read(self.layout.confidence(index), none=-torch.inf).exp()

    def points(self) -> PointCloud | None:
        """Of what stands still, if the predictor made any.

        Raises:
            UserError: their file is broken.
        """
        return None if self.layout.raw else read_points_text(self.layout.folder / MODEL / "points3D.txt")

    def _read(self, path: Path, none: float = 0.0) -> Float[Tensor, "H W"]:
        """The numbers in a file; those that mean nothing are `none`."""
        array = read_array(path)
        if array.ndim != 2:
            raise UserError(f"{path} holds numbers of shape {list(array.shape)}; an image was expected")
        values = torch.from_numpy(array.astype(np.float32))
        self._check_size(path, values)
        if none == 0:
            return torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        return torch.where(values.isnan() | (values == torch.inf), none, values)

    def _check_size(self, path: Path, values: Tensor) -> None:
        width, height = self.cameras.size
        if values.shape != (height, width):
            raise UserError(
                f"{path} is {values.shape[1]}x{values.shape[0]} and the predictor worked at {width}x"
                f"{height}; predict the video anew"
            )


def open_prediction(folder: Path) -> StoredPrediction:
    """What a folder of a prediction says, its maps left unread.

    Raises:
        UserError: the folder holds no prediction, or a file of it is missing or broken.
    """
    layout = find_layout(folder)
    if layout is None:
        raise UserError(
            f"{folder} holds no prediction; prediction.json, or pred_traj.txt with depth maps as DAS3R "
            "leaves them, was expected"
        )
    described = layout.description.exists()
    stored: Any = read_json(layout.description) if described else {}
    try:
        return _described(layout, stored) if described else _published(layout)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{layout.description} does not describe a prediction ({error!r})") from error


def full_size_cameras(cameras: Cameras, crop: Crop, width: int, height: int) -> Cameras:
    """The cameras of whole frames of `width` x `height`, from those of the part that the predictor looked at.

    Args:
        cameras: of the working size.
        crop: the part, in pixels of a frame.
        width: of the frames, in pixels.
        height: likewise.
    """
    left, top, crop_width, crop_height = crop
    working_width, working_height = cameras.size
    Ks = cameras.Ks.clone()
    Ks[:, 0] *= crop_width / working_width
    Ks[:, 1] *= crop_height / working_height
    Ks[:, 0, 2] += left
    Ks[:, 1, 2] += top
    size = (torch.full_like(cameras.width, side) for side in (width, height))
    return Cameras(cameras.viewmats, Ks, *size)


def _described(layout: PredictionLayout, stored: dict[str, Any]) -> StoredPrediction:
    """Ours. What else than a UserError may be raised says that the description is broken."""
    names = [str(name) for name in stored["frame_names"]]
    folder = layout.frames_folder
    if any(Path(name).name != name for name in names):
        raise UserError(f"{layout.description} names frames outside {folder}; file names were expected")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder / missing[0]} is missing, as are {len(missing) - 1} other frames")
    width, height = (int(side) for side in stored["working_size"])
    left, top, crop_width, crop_height = (float(value) for value in stored["crop"])
    cameras = _read_cameras(layout, len(names), width, height)
    registered = torch.tensor(stored["registered"], dtype=torch.bool)
    if len(registered) != len(names):
        raise ValueError("registered")
    return StoredPrediction(
        layout,
        str(stored["predictor"]),
        tuple(folder / name for name in names),
        cameras,
        registered,
        (left, top, crop_width, crop_height),
        _assurance(stored["assurance"]),
    )


def _published(layout: PredictionLayout) -> StoredPrediction:
    """DAS3R's, which keeps the frames at its working size."""
    frames = tuple(layout.frames())
    header = read_header(frames[0])
    cameras = _read_cameras(layout, len(frames), header.width, header.height)
    crop = (0.0, 0.0, float(header.width), float(header.height))
    registered = torch.ones(len(frames), dtype=torch.bool)
    return StoredPrediction(layout, "das3r", frames, cameras, registered, crop, _UNKNOWN)


def _read_cameras(layout: PredictionLayout, count: int, width: int, height: int) -> Cameras:
    trajectory = np.array(numbers_of_lines(layout.folder / TRAJECTORY, 8)).reshape(-1, 8)
    intrinsics = np.array(numbers_of_lines(layout.folder / INTRINSICS, 9)).reshape(-1, 3, 3)
    for name, rows in ((TRAJECTORY, trajectory), (INTRINSICS, intrinsics)):
        if len(rows) != count:
            raise UserError(f"{layout.folder / name} has {len(rows)} lines for {count} frames")
        if not np.isfinite(rows).all():
            raise UserError(f"{layout.folder / name} has numbers that are not finite; predict the video anew")
    c2w = np.tile(np.eye(4), (count, 1, 1))
    # Scalar first, unlike TUM's trajectories.
    c2w[:, :3, :3] = Rotation.from_quat(np.roll(trajectory[:, 4:], -1, axis=1)).as_matrix()
    c2w[:, :3, 3] = trajectory[:, 1:4]
    viewmats = invert_se3(torch.from_numpy(c2w)).float()
    size = (torch.full((count,), side) for side in (width, height))
    return Cameras(viewmats, torch.from_numpy(intrinsics).float(), *size)


def _assurance(stored: dict[str, Any]) -> Assurance:
    if stored["level"] not in typing.get_args(Level):
        raise ValueError(f"level {stored['level']!r}")
    return Assurance(
        stored["level"], stored["camera_motion"], tuple(map(str, stored["sentences"])), stored["numbers"]
    )
