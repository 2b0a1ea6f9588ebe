"""Where one who looks at a page stands: between the browser's camera and ours, checked on the way."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation
from torch import Tensor

from core.geometry import invert_se3
from scene.cameras import Cameras
from viewer.subject import Picture

_SMALLEST_PX, _LARGEST_PX = 16, 8192
_NARROWEST, _WIDEST = math.radians(0.5), math.radians(175)  # fields of view that a pinhole can draw
_FARTHEST = 1e12  # beyond it float32 knows no directions
_BORDER = 18  # grey of what a letterbox adds


@dataclass(frozen=True)
class Eye:
    """What a browser says of its camera.

    Args:
        c2w: world-from-camera, row by row, OpenCV axes; a tuple, so that eyes can be compared.
        fov: vertical, radians.
        width: of the window, pixels.
        height: of the window, pixels.
    """

    c2w: tuple[float, ...]
    fov: float
    width: int
    height: int

    @property
    def pose(self) -> Float[ndarray, "4 4"]:
        """World-from-camera."""
        return np.array(self.c2w).reshape(4, 4)

    def cameras(self, width: int, height: int) -> Cameras:
        """The camera that fills an image of this size; the window's shape is expected."""
        c2w = torch.from_numpy(self.pose)
        focal = height / 2 / math.tan(self.fov / 2)
        K = torch.tensor([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
        sizes = (torch.tensor([side]) for side in (width, height))
        return Cameras(invert_se3(c2w)[None].float(), K[None], *sizes)

    def size(self, height: int) -> tuple[int, int]:
        """(width, height) of a picture of the window's shape that is at most so high."""
        height = min(height, self.height)
        return max(1, round(self.width * height / self.height)), height


def eye(wxyz: object, position: object, fov: object, width: object, height: object) -> Eye | None:
    """An eye as a browser describes it; None for what is no camera, whatever it is.

    Args:
        wxyz: rotation of the camera in the world, OpenCV axes, of any length but zero.
        position: in the world.
        fov: vertical, radians.
        width: of the window, pixels.
        height: of the window, pixels.
    """
    try:
        quat, place = (np.asarray(each, np.float64).reshape(-1) for each in (wxyz, position))
        angle, *sides = (float(each) for each in (fov, width, height))  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        return None
    numbers = np.concatenate([quat, place, [angle, *sides]])
    if len(quat) != 4 or len(place) != 3 or not np.isfinite(numbers).all():
        return None
    in_range = (
        1e-6 < float(np.abs(quat).max()) < _FARTHEST
        and float(np.abs(place).max()) < _FARTHEST
        and _NARROWEST <= angle <= _WIDEST
        and all(_SMALLEST_PX <= side <= _LARGEST_PX for side in sides)
    )
    if not in_range:
        return None
    c2w = np.eye(4)
    c2w[:3, :3] = Rotation.from_quat(quat[[1, 2, 3, 0]]).as_matrix()
    c2w[:3, 3] = place
    return Eye(tuple(c2w.ravel().tolist()), angle, int(sides[0]), int(sides[1]))


def wxyz_of(rotation: Float[ndarray, "3 3"]) -> Float[ndarray, "4"]:
    """The quaternion of a rotation."""
    return Rotation.from_matrix(rotation).as_quat()[[3, 0, 1, 2]]


def is_near(a: Float[ndarray, "4 4"], b: Float[ndarray, "4 4"], distance: float) -> bool:
    """Whether two poses are as good as the same: within a distance, and within half a degree."""
    turn = Rotation.from_matrix(a[:3, :3].T @ b[:3, :3]).magnitude()
    return bool(np.linalg.norm(a[:3, 3] - b[:3, 3]) <= distance and turn <= math.radians(0.5))


def fitted(camera: Cameras, width: int, height: int) -> Cameras:
    """A camera on the largest image of its own shape that fits into a size."""
    own = torch.tensor([camera.size[0], camera.size[1]], dtype=torch.float64)
    factor = float((torch.tensor([width, height]) / own).min())
    sides: Tensor = (own * factor).round().long().clamp(min=1)
    return camera.resized(sides[:1], sides[1:])


def fov_around(camera: Cameras, aspect: float) -> float:
    """The vertical field of view of a window that shows the whole image of a camera, radians.

    Args:
        camera: one.
        aspect: width over height of the window.
    """
    width, height = camera.size
    K = camera.Ks[0]
    up = float(height / 2 / K[1, 1])
    across = float(width / 2 / K[0, 0])
    return float(np.clip(2 * math.atan(max(up, across / aspect)), _NARROWEST, _WIDEST))


def letterboxed(picture: Picture, width: int, height: int) -> Picture:
    """A picture in the middle of a larger one, on dark grey."""
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    if top == left == 0 and picture.shape[:2] == (height, width):
        return picture
    canvas = np.full((height, width, 3), _BORDER, np.uint8)
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return canvas


def scaled(picture: Picture, width: int, height: int) -> Picture:
    """A picture on another size."""
    if picture.shape[:2] == (height, width):
        return picture
    method = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=method)
