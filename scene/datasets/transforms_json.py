"""What the files `transforms*.json` have in common: frames with OpenGL poses, intrinsics for all or each."""

import math
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from core.errors import UserError
from core.files import read_json
from scene.datasets.lenses import Lens
from scene.images import read_header

Json = dict[str, Any]

_PERSPECTIVE = {"OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "PERSPECTIVE"}
_FISHEYE = {"OPENCV_FISHEYE", "FISHEYE"}


def read_transforms(path: Path) -> tuple[Json, list[Json]]:
    """The whole of a transforms file, and its frames.

    Raises:
        UserError: the file is no such file, or lists no frame.
    """
    meta = read_json(path)
    frames = meta.get("frames") if isinstance(meta, dict) else None
    if not isinstance(frames, list) or not frames:
        raise UserError(f'{path} lists no frames; {{"frames": [{{"file_path": ..., ...}}]}} was expected')
    for number, frame in enumerate(frames):
        if not isinstance(frame, dict) or not isinstance(frame.get("file_path"), str):
            raise UserError(f"{path}: frame {number} has no file_path")
    return meta, frames


def split_path(file_path: str) -> tuple[str, str]:
    """The image folder and the rest of a frame's path; the folder is `.` where none is called images(_N)."""
    parts = PurePosixPath(file_path.replace("\\", "/")).parts
    for index, part in enumerate(parts[:-1]):
        if re.fullmatch(r"images(_\d+)?", part):
            return str(PurePosixPath(*parts[: index + 1])), str(PurePosixPath(*parts[index + 1 :]))
    return ".", str(PurePosixPath(*parts))


def matrix(value: Any, where: str) -> Float64[ndarray, "4 4"]:
    """A 3x4 or 4x4 matrix of numbers as 4x4.

    Raises:
        UserError: it is something else.
    """
    try:
        rows = np.array(value, np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where} is no matrix of numbers") from error
    if rows.shape not in ((3, 4), (4, 4)):
        raise UserError(f"{where} has the shape {rows.shape}; 3x4 or 4x4 was expected")
    return np.vstack([rows[:3], (0.0, 0.0, 0.0, 1.0)])


def viewmat_of(c2w_opengl: Float64[ndarray, "4 4"]) -> Float64[ndarray, "4 4"]:
    """Camera-from-world in OpenCV axes, from world-from-camera in OpenGL axes: x right, y up, z backward."""
    rotation = c2w_opengl[:3, :3] * (1.0, -1.0, -1.0)
    viewmat = np.eye(4)
    viewmat[:3, :3] = rotation.T
    viewmat[:3, 3] = -rotation.T @ c2w_opengl[:3, 3]
    return viewmat


def lens_of(meta: Json, frame: Json, size: tuple[int, int], where: str) -> Lens:
    """The lens of a frame, whose own numbers go before those for all frames.

    Args:
        meta: the whole file.
        frame: one entry of it.
        size: width and height in pixels where the file states none.
        where: the file and the frame, for messages.

    Raises:
        UserError: a number is none, the focal length is missing, or the model is not known.
    """
    numbers = _Numbers({**meta, **frame}, where)
    width, height = (round(numbers.get(key, float(length))) for key, length in zip("wh", size, strict=True))
    fx = numbers.focal("fl_x", "camera_angle_x", width)
    if fx is None:
        raise UserError(f"{where} has neither fl_x nor camera_angle_x; a focal length was expected")
    fy = numbers.focal("fl_y", "camera_angle_y", height) or fx
    center = (numbers.get("cx", width / 2), numbers.get("cy", height / 2))
    k1, k2, k3, k4, p1, p2 = (numbers.get(key, 0.0) for key in ("k1", "k2", "k3", "k4", "p1", "p2"))
    model = numbers.values.get("camera_model") or ("OPENCV_FISHEYE" if meta.get("is_fisheye") else "OPENCV")
    if not isinstance(model, str):
        raise UserError(f"{where}: camera_model is {model!r}; a name such as OPENCV was expected")
    if model in _FISHEYE:
        return Lens("OPENCV_FISHEYE", (fx, fy, *center, k1, k2, k3, k4), width, height)
    if model not in _PERSPECTIVE or k4:
        known = ", ".join(sorted(_PERSPECTIVE | _FISHEYE))
        raise UserError(
            f"{where} has the camera model {model} with k4 = {k4}; known are {known}, k4 for fisheyes"
        )
    if k3:
        return Lens("FULL_OPENCV", (fx, fy, *center, k1, k2, p1, p2, k3, 0.0, 0.0, 0.0), width, height)
    return Lens("OPENCV", (fx, fy, *center, k1, k2, p1, p2), width, height)


class _Numbers:
    """Entries of a file as numbers."""

    def __init__(self, values: Json, where: str) -> None:
        self.values = values
        self._where = where

    def get(self, key: str, default: float) -> float:
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UserError(f"{self._where}: {key} is {value!r}; a number was expected")
        return float(value)

    def focal(self, key: str, angle_key: str, length: int) -> float | None:
        """A focal length in pixels, stated or worked out from a field of view in radians."""
        angle = self.get(angle_key, 0.0)
        focal = self.get(key, 0.5 * length / math.tan(0.5 * angle) if angle else 0.0)
        return focal or None


def size_of_first(paths: Iterable[Path]) -> tuple[int, int]:
    """Width and height of the first image that exists, (1, 1) where there is none."""
    for path in paths:
        if path.is_file():
            return read_header(path)[:2]
    return 1, 1
