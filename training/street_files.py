"""A trained street on disk: two PLY files that viewers open, and all of it in one file of tensors."""

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from core.errors import UserError
from core.files import atomic_write
from core.run_folder import RunFolder
from scene import fourd_hash_checkpoint
from scene.deformation import Deformation
from scene.drive import Drive
from scene.gaussian_model import NAMES, StaticGaussians
from scene.sky import Sky
from scene.street_gaussians import StreetGaussians
from training.street_config import StreetConfig, make_deformation
from training.street_scene import StreetScene

MOVING = "moving.ply"
"""Beside point_cloud.ply, which has what stands still: what moves, each Gaussian where it was first seen."""

TENSORS = "street.safetensors"
"""Beside them: tables, field, sky and colour transforms."""

_DEFORMATION, _SKY, _TRANSFORM = "deformation.", "sky", "transform."


def save_street(folder: RunFolder, iteration: int, scene: StreetScene) -> None:
    """Write a street; what stands still last, as its presence says that all is there.

    Raises:
        UserError: a file cannot be written.
    """
    still = folder.point_cloud(iteration)
    model = scene.model
    tensors: dict[str, Tensor] = {name: table.detach() for name, table in model.parameters.items()}
    if model.deformation is not None:
        tensors |= {_DEFORMATION + name: value for name, value in model.deformation.state_dict().items()}
    if scene.sky is not None:
        tensors[_SKY] = scene.sky.texture.detach()
    for view, transform in (scene.transforms or {}).items():
        tensors[f"{_TRANSFORM}{view}"] = transform
    with atomic_write(still.with_name(TENSORS)) as temporary:
        safetensors.torch.save_file(
            {name: value.contiguous().clone() for name, value in tensors.items()}, temporary
        )
    _save_rows(model, model.movable(), still.with_name(MOVING))
    _save_rows(model, ~model.movable(), still)


def load_street(path: Path, config: StreetConfig, drive: Drive) -> StreetScene:
    """Read what `save_street` wrote; or the Gaussians alone of a checkpoint of S3Gaussian or 4DHash.

    Args:
        path: the file of tensors, or a checkpoint, whose name ends in .pth.
        config: with which it was trained.
        drive: on which it was trained.

    Raises:
        UserError: the file is missing, damaged, or of another configuration.
    """
    if path.suffix == fourd_hash_checkpoint.SUFFIX:
        still = fourd_hash_checkpoint.read_checkpoint(path).gaussians
        still = fourd_hash_checkpoint.with_sh_degree(still, config.fit.model.sh_degree)
        standing = StreetGaussians.standing(still, None, drive.duration_s)
        return StreetScene(standing, None, None, config.fit.render.backend)
    tensors = read_tensors(path)
    missing = [name for name in StreetGaussians.names if name not in tensors]
    if missing:
        raise UserError(f"{path} is no street of ours: it lacks {', '.join(missing)}")
    transforms = {int(name): value for name, value in _under(tensors, _TRANSFORM).items()}
    sky = None
    if _SKY in tensors:
        sky = Sky(config.fit.sky)
        if sky.texture.shape != tensors[_SKY].shape:
            raise UserError(f"{path} was trained with a sky of another size; give the same --sky-rows")
        sky.load_state_dict({"texture": tensors[_SKY]})
    deformation = _deformation(path, _under(tensors, _DEFORMATION), config, drive)
    model = StreetGaussians(tensors, deformation, drive.duration_s)
    return StreetScene(model, sky, transforms or None, config.fit.render.backend)


def _deformation(
    path: Path, state: Mapping[str, Tensor], config: StreetConfig, drive: Drive
) -> Deformation | None:
    """The field and its network; None where none were trained."""
    if not state:
        return None
    deformation = make_deformation(config, state["field.aabb"], len(drive.frame_times_s))
    try:
        if deformation is None:
            raise RuntimeError("it has one, and --encoder-type none was given")
        deformation.load_state_dict(dict(state))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise UserError(f"{path} was trained with another field ({reason}); give the same flags") from error
    return deformation


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def read_tensors(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a file.

    Raises:
        UserError: it is missing or damaged.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; train the street first, or name another file")
    try:
        return safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); train anew") from error


def _save_rows(model: StreetGaussians, rows: Tensor, path: Path) -> None:
    """The Gaussians of some rows, in Inria's layout."""
    with torch.no_grad():
        StaticGaussians({name: model.parameters[name][rows] for name in NAMES}).save_ply(path)
