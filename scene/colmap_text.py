"""Cameras as a COLMAP model of text files, which COLMAP and most of its descendants read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation

from core.files import write_text
from core.number_files import numbers_of_lines
from scene.cameras import Cameras
from scene.capture import PointCloud

_CAMERAS_HEAD = (
    "# Camera list with one line of data per camera:\n#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n"
)
_IMAGES_HEAD = (
    "# Image list with two lines of data per image:\n"
    "#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n#   POINTS2D[] as (X, Y, POINT3D_ID)\n"
)
_POINTS_HEAD = (
    "# 3D point list with one line of data per point:\n"
    "#   POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)\n"
)
_POINT_COLUMNS = 8  # id, position, colour, error; and two for each observation, of which there are none here


def write_colmap_text(
    folder: Path, cameras: Cameras, names: Sequence[str], points: PointCloud | None = None
) -> None:
    """Write `cameras.txt`, `images.txt` and `points3D.txt`: one PINHOLE camera for each image, ids from 1.

    Args:
        folder: `sparse/0` of a capture.
        cameras: of the images, at the size of their files.
        names: of the image files, relative to the folder of images.
        points: without observations, as nothing is known of these; the file is empty without points.

    Raises:
        UserError: a file cannot be written.
    """
    lines = []
    for number, (K, width, height) in enumerate(
        zip(cameras.Ks.double().tolist(), cameras.width.tolist(), cameras.height.tolist(), strict=True),
        start=1,
    ):
        lines.append(_line(number, "PINHOLE", width, height, K[0][0], K[1][1], K[0][2], K[1][2]))
    write_text(folder / "cameras.txt", _CAMERAS_HEAD + "".join(lines))
    viewmats = cameras.viewmats.double().cpu().numpy()
    quats = wxyz_of(viewmats[:, :3, :3])
    lines = [
        _line(number, *quat.tolist(), *viewmat[:3, 3].tolist(), number, name) + "\n"
        for number, (quat, viewmat, name) in enumerate(zip(quats, viewmats, names, strict=True), start=1)
    ]
    write_text(folder / "images.txt", _IMAGES_HEAD + "".join(lines))
    lines = []
    if points is not None:
        rows = zip(points.xyz.double().tolist(), points.rgb.tolist(), strict=True)
        lines = [_line(number, *xyz, *rgb, 0) for number, (xyz, rgb) in enumerate(rows, start=1)]
    write_text(folder / "points3D.txt", _POINTS_HEAD + "".join(lines))


def read_points_text(path: Path) -> PointCloud | None:
    """The points of a `points3D.txt`; None where there is no file, or one without points.

    Raises:
        UserError: the file is broken.
    """
    if not path.exists():
        return None
    rows = np.array(numbers_of_lines(path, _POINT_COLUMNS), dtype=np.float64).reshape(-1, _POINT_COLUMNS)
    if not len(rows):
        return None
    xyz = torch.from_numpy(rows[:, 1:4]).float()
    return PointCloud(xyz, torch.from_numpy(rows[:, 4:7].clip(0, 255).astype(np.uint8)))


def wxyz_of(rotations: Float[ndarray, "N 3 3"]) -> Float[ndarray, "N 4"]:
    """Unit quaternions, scalar first and not negative."""
    xyzw = Rotation.from_matrix(rotations).as_quat(canonical=True)
    return np.roll(xyzw, 1, axis=1)


def _line(*values: object) -> str:
    return " ".join(map(str, values)) + "\n"
