"""`.splat`: 32 bytes a Gaussian, the most important ones first; colours that depend on nothing.

Axes are those of the scene: x right, y down, z forward, as in `.ply`. Of the spherical harmonics the constant
colour is left.
Source: the format of antimatter15's viewer, https://github.com/antimatter15/splat.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Int64
from numpy import ndarray
from scipy import special

from core.errors import UserError
from core.files import atomic_write, explain
from core.ply import SplatArrays
from core.sh import C0
from viewer.formats.gaussians import (
    GaussianScene,
    blocks,
    empty,
    in_bytes,
    logits_of_bytes,
    opacity_bytes,
    take,
    unit,
)

_RECORD = np.dtype([("means", "<f4", 3), ("scales", "<f4", 3), ("rgba", "u1", 4), ("quats", "u1", 4)])
_LEAST_SCALE = np.float32(1e-30)  # whose logarithm is finite


def write_splat(path: Path, scene: GaussianScene) -> None:
    """Write a scene, whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    order = _by_importance(scene.splats)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        for rows in blocks(len(scene)):
            file.write(_packed(take(scene.splats, order[rows])).tobytes())


def read_splat(path: Path) -> GaussianScene:
    """Read a scene; its Gaussians come in the order of the file.

    Raises:
        UserError: the file cannot be read, is empty, or is cut off within a Gaussian.
    """
    try:
        records = np.memmap(path, _RECORD, "r") if path.stat().st_size else None
    except OSError as error:
        raise explain(error, path, "read") from error
    except ValueError:  # its size is no multiple of a record's
        records = None
    if records is None:
        raise UserError(
            f"{path} is cut off or is no .splat file: {_RECORD.itemsize} bytes a Gaussian were expected; "
            "write or fetch it again"
        )
    splats = empty(len(records), 0)
    for rows in blocks(len(records)):
        some = records[rows]
        splats.means[rows] = some["means"]
        splats.log_scales[rows] = np.log(np.maximum(some["scales"], _LEAST_SCALE))
        splats.sh[rows, 0] = (some["rgba"][:, :3] / 255 - 0.5) / C0
        splats.logit_opacities[rows] = logits_of_bytes(some["rgba"][:, 3])
        splats.quats[rows] = unit((some["quats"].astype(np.float32) - 128) / 128)
    return GaussianScene(splats)


def _by_importance(splats: SplatArrays) -> Int64[ndarray, " N"]:
    """Rows by volume times opacity, the largest first: viewers draw what has arrived so far."""
    importance = splats.log_scales.sum(1) + special.log_expit(splats.logit_opacities)
    return np.argsort(-importance, kind="stable")


def _packed(splats: SplatArrays) -> ndarray:
    records = np.empty(len(splats.means), _RECORD)
    records["means"] = splats.means
    records["scales"] = np.exp(splats.log_scales)
    records["rgba"][:, :3] = in_bytes(255 * (0.5 + C0 * splats.sh[:, 0]))
    records["rgba"][:, 3] = opacity_bytes(splats.logit_opacities)
    records["quats"] = in_bytes(128 * unit(splats.quats) + 128)
    return records
