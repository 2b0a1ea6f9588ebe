"""Cameras that the user knows: a TUM trajectory or a COLMAP model."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from core.errors import UserError
from core.geometry import invert_se3
from core.tum import read_tum
from scene.cameras import Cameras

_FOCAL = 1.2  # long sides: what is taken when a trajectory comes without one


def read_user_poses(
    path: Path, frame: UInt8[Tensor, "H W 3"], names: Sequence[str], focal_px: float | None
) -> tuple[Cameras, Bool[Tensor, " N"]]:
    """One camera a frame, and which of them are known.

    Args:
        path: a TUM trajectory, one pose a frame in the order of the frames, or the folder of a COLMAP model,
            whose images are matched by the stems of their names.
        frame: any frame; all have its size.
        names: of the frames.
        focal_px: known focal length in pixels of the frames; a trajectory has none.

    Raises:
        UserError: the file or model cannot be read, or fits no frame.
    """
    height, width = frame.shape[:2]
    return (
        _from_model(path, names, width, height)
        if path.is_dir()
        else _from_trajectory(path, len(names), width, height, focal_px)
    )


def _from_trajectory(
    path: Path, count: int, width: int, height: int, focal_px: float | None
) -> tuple[Cameras, Bool[Tensor, " N"]]:
    _, c2w = read_tum(path)
    if len(c2w) != count:
        raise UserError(
            f"{path} holds {len(c2w)} poses for {count} frames; one line a frame was expected, in their order"
        )
    focal = _FOCAL * max(width, height) if focal_px is None else focal_px
    K = torch.tensor([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    sizes = (torch.full((count,), size) for size in (width, height))
    cameras = Cameras(invert_se3(c2w).float(), K.repeat(count, 1, 1), *sizes)
    return cameras, torch.ones(count, dtype=torch.bool)


def _from_model(
    path: Path, names: Sequence[str], width: int, height: int
) -> tuple[Cameras, Bool[Tensor, " N"]]:
    # COLMAP is loaded by those who bring a model.
    from scene.datasets.colmap import model_cameras  # noqa: PLC0415

    cameras, image_names = model_cameras(path)
    rows = {Path(name).stem: row for row, name in enumerate(image_names)}
    found = [rows.get(Path(name).stem) for name in names]
    missing = [name for name, row in zip(names, found, strict=True) if row is None]
    if missing:
        raise UserError(
            f"{path} has no camera for {len(missing)} of {len(names)} frames, such as {missing[0]}; a model "
            "with an image of the same name for each frame was expected"
        )
    count = len(names)
    sizes = (torch.full((count,), size) for size in (width, height))
    chosen = cameras[[row for row in found if row is not None]].resized(*sizes)
    return chosen, torch.ones(count, dtype=torch.bool)
