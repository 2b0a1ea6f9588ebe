"""Camera trajectories as TUM text files: a line `t x y z qx qy qz qw` for each pose, camera-to-world.

Source: J. Sturm et al., "A Benchmark for the Evaluation of RGB-D SLAM Systems", IROS 2012; format of the data
set's web page.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation
from torch import Tensor

from core.errors import UserError
from core.files import write_text
from core.number_files import numbers_of_lines

_COLUMNS = "t x y z qx qy qz qw"


def read_tum(path: Path) -> tuple[Float[Tensor, " N"], Float[Tensor, "N 4 4"]]:
    """Timestamps in seconds and world-from-camera transforms, in float64, as the file orders them.

    Raises:
        UserError: the file cannot be read, holds no pose, or a line is no pose.
    """
    rows = numbers_of_lines(path, len(_COLUMNS.split()))
    if not rows:
        raise UserError(f"{path} holds no pose; lines `{_COLUMNS}` were expected")
    values = np.array(rows)
    bad = ~np.isfinite(values).all(1) | ~values[:, 4:].any(1)
    if bad.any():
        raise UserError(f"{path}: pose {int(bad.argmax()) + 1} is none; `{_COLUMNS}` was expected")
    c2w = np.tile(np.eye(4), (len(values), 1, 1))
    c2w[:, :3, :3] = Rotation.from_quat(values[:, 4:]).as_matrix()
    c2w[:, :3, 3] = values[:, 1:4]
    return torch.from_numpy(values[:, 0].copy()), torch.from_numpy(c2w)


def write_tum(path: Path, timestamps: Iterable[float], c2w: Float[Tensor, "N 4 4"]) -> None:
    """Write a trajectory with all the digits that float64 has.

    Args:
        path: the file.
        timestamps: one for each pose, in seconds.
        c2w: world-from-camera transforms.

    Raises:
        UserError: the file cannot be written.
    """
    poses = c2w.detach().cpu().double().numpy()
    quats = Rotation.from_matrix(poses[:, :3, :3]).as_quat()  # xyzw
    lines = [
        " ".join(repr(float(value)) for value in (time, *pose[:3, 3], *quat))
        for time, pose, quat in zip(timestamps, poses, quats, strict=True)
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))
