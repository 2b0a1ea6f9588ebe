"""`cameras.json`: the list of cameras that 3DGS writes beside its Gaussians and that viewers read.

An entry has `id`, `img_name`, `width`, `height`, `position` (camera centre), `rotation` (rows of
world-from-camera, OpenCV axes), `fx`, `fy`. The format has no principal point; where that is off the centre,
our files have `cx` and `cy` too.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.errors import UserError
from core.files import read_json, write_json
from core.geometry import invert_se3
from scene.cameras import Cameras

_LARGEST_SIDE = 65_536


def write_cameras_json(path: Path, cameras: Cameras, image_names: Sequence[str]) -> None:
    """Write cameras in the order given.

    Raises:
        UserError: the file cannot be written.
    """
    poses, Ks = cameras.c2w.double().cpu(), cameras.Ks.double().cpu()
    entries = []
    for row, name in enumerate(image_names):
        width, height = int(cameras.width[row]), int(cameras.height[row])
        entry = {
            "id": row,
            "img_name": name,
            "width": width,
            "height": height,
            "position": poses[row, :3, 3].tolist(),
            "rotation": poses[row, :3, :3].tolist(),
            "fy": float(Ks[row, 1, 1]),
            "fx": float(Ks[row, 0, 0]),
        }
        cx, cy = float(Ks[row, 0, 2]), float(Ks[row, 1, 2])
        if abs(cx - width / 2) > 1e-3 or abs(cy - height / 2) > 1e-3:
            entry |= {"cx": cx, "cy": cy}
        entries.append(entry)
    write_json(path, entries, indent=None)


def read_cameras_json(path: Path) -> tuple[Cameras, tuple[str, ...]]:
    """Cameras in the order of the file, and the names of their images.

    Raises:
        UserError: the file is missing, is no JSON, or an entry of it is no camera.
    """
    entries = read_json(path)
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{path}: a list of cameras as 3DGS writes it was expected")
    poses, Ks, sizes, names = [], [], [], []
    for row, entry in enumerate(entries):
        try:
            pose, K, size = _camera(entry)
        except (KeyError, TypeError, ValueError) as error:
            reason = f"has no {error}" if isinstance(error, KeyError) else f"is no camera ({error})"
            raise UserError(
                f"{path}: entry {row} {reason}; id, img_name, width, height, position, rotation, "
                "fx and fy were expected"
            ) from error
        poses.append(pose)
        Ks.append(K)
        sizes.append(size)
        names.append(str(entry.get("img_name", f"{row:05d}")))
    width, height = torch.tensor(sizes).unbind(1)
    cameras = Cameras(invert_se3(torch.stack(poses)).float(), torch.stack(Ks).float(), width, height)
    return cameras, tuple(names)


def _camera(entry: Mapping[str, Any]) -> tuple[Tensor, Tensor, tuple[int, int]]:
    """World-from-camera, intrinsics and size of an entry."""
    c2w = torch.eye(4, dtype=torch.float64)
    c2w[:3, :3] = torch.from_numpy(np.array(entry["rotation"], dtype=np.float64).reshape(3, 3))
    c2w[:3, 3] = torch.from_numpy(np.array(entry["position"], dtype=np.float64).reshape(3))
    if not torch.isfinite(c2w).all():
        raise ValueError("its pose is not finite")
    rotation = c2w[:3, :3]
    if (
        not torch.allclose(rotation @ rotation.T, torch.eye(3, dtype=torch.float64), atol=1e-3)
        or rotation.det() < 0
    ):
        raise ValueError("its rotation is not one")
    width, height = int(entry["width"]), int(entry["height"])
    if not 0 < width <= _LARGEST_SIDE or not 0 < height <= _LARGEST_SIDE:
        raise ValueError(f"its image is {width}x{height}")
    fx, fy = float(entry["fx"]), float(entry["fy"])
    cx, cy = float(entry.get("cx", width / 2)), float(entry.get("cy", height / 2))
    if not (0 < fx < math.inf and 0 < fy < math.inf and math.isfinite(cx) and math.isfinite(cy)):
        raise ValueError(f"its focal lengths are {fx} and {fy}")
    K = torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=torch.float64)
    return c2w, K, (width, height)
