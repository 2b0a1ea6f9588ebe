"""A trained street on disk: two PLY files that viewers open, and all of it in one file of tensors."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import safetensors.torch
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor

from core.errors import UserError
from core.files import atomic_write
from core.run_folder import RunFolder
from scene import fourd_hash_checkpoint
from scene.cameras import Cameras
from scene.capture import Capture
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
_VIEWMAT, _K = "viewmat.", "K."
_WORLD = "log_from_world"
_SAME = 1e-3  # metres, and of rotations: origins of one world come from the same numbers


def save_street(folder: RunFolder, iteration: int, scene: StreetScene, capture: Capture) -> None:
    """Write a street; what stands still last, as its presence says that all is there.

    Args:
        folder: of the run.
        iteration: how long it was trained.
        scene: the street.
        capture: on which it was trained; what belongs to a view is kept by the name of its image.

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
    tensors |= _of_views(scene, capture)
    assert capture.drive is not None  # of a street
    if capture.drive.log_from_world is not None:
        tensors[_WORLD] = capture.drive.log_from_world
    with atomic_write(still.with_name(TENSORS)) as temporary:
        safetensors.torch.save_file(
            {name: value.contiguous().clone() for name, value in tensors.items()}, temporary
        )
    _save_rows(model, model.movable(), still.with_name(MOVING))
    _save_rows(model, ~model.movable(), still)


def load_street(path: Path, config: StreetConfig, capture: Capture) -> StreetScene:
    """Read what `save_street` wrote; or the Gaussians alone of a checkpoint of S3Gaussian or 4DHash.

    Args:
        path: the file of tensors, or a checkpoint, whose name ends in .pth.
        config: with which it was trained.
        capture: on which it was trained, or one that shares its world: other frames, cameras, or sizes.

    Raises:
        UserError: the file is missing, damaged, of another configuration, or of another world.
    """
    drive, render = capture.drive, config.fit.render
    assert drive is not None  # of a street
    looks = {
        "backend": render.backend, "antialiased": render.antialiasing, "white": render.white_background
    }  # fmt: skip
    if path.suffix == fourd_hash_checkpoint.SUFFIX:
        still = fourd_hash_checkpoint.read_checkpoint(path).gaussians
        still = fourd_hash_checkpoint.with_sh_degree(still, config.fit.model.sh_degree)
        return StreetScene(StreetGaussians.standing(still, None, drive.duration_s), None, None, **looks)
    tensors = read_tensors(path)
    missing = [name for name in StreetGaussians.names if name not in tensors]
    if missing:
        raise UserError(f"{path} is no street of ours: it lacks {', '.join(missing)}")
    _check_world(path, tensors.get(_WORLD), capture)
    known = _under(tensors, _TRANSFORM)
    transforms = {view: known[name] for view, name in enumerate(capture.image_names) if name in known}
    deformation = _deformation(path, _under(tensors, _DEFORMATION), config, drive)
    model = StreetGaussians(tensors, deformation, drive.duration_s)
    sky = _sky(path, tensors, config)
    return StreetScene(model, sky, transforms or None, _cameras(tensors, capture), **looks)


def _of_views(scene: StreetScene, capture: Capture) -> dict[str, Tensor]:
    """What a street has for each view, by the name of its image; intrinsics in units of the image's sides."""
    names, found = capture.image_names, {}
    for view, transform in (scene.transforms or {}).items():
        found[_TRANSFORM + names[view]] = transform
    if scene.cameras is not None:
        scales = _sides(scene.cameras)
        for view, name in enumerate(names):
            found[_VIEWMAT + name] = scene.cameras.viewmats[view]
            found[_K + name] = scene.cameras.Ks[view] / scales[view]
    return found


def _cameras(tensors: Mapping[str, Tensor], capture: Capture) -> Cameras:
    """The capture's cameras, with those that a street knows where it has learned that they are."""
    viewmats, Ks = capture.cameras.viewmats.clone(), capture.cameras.Ks.clone()
    scales = _sides(capture.cameras)
    for view, name in enumerate(capture.image_names):
        if _VIEWMAT + name in tensors:
            viewmats[view] = tensors[_VIEWMAT + name]
            Ks[view] = tensors[_K + name] * scales[view]
    return replace(capture.cameras, viewmats=viewmats, Ks=Ks)


def _sides(cameras: Cameras) -> Float[Tensor, "C 3 1"]:
    """What the rows of intrinsics are proportional to: width, height, 1."""
    return torch.stack([cameras.width, cameras.height, torch.ones_like(cameras.width)], dim=1).float()[
        ..., None
    ]


def _check_world(path: Path, log_from_world: Tensor | None, capture: Capture) -> None:
    """That a street lies in a capture's world, as far as both say where that is.

    Raises:
        UserError: it does not.
    """
    drive = capture.drive
    if drive is None or drive.log_from_world is None or log_from_world is None:
        return
    if not torch.allclose(drive.log_from_world, log_from_world.double(), rtol=0, atol=_SAME):
        apart = float((drive.log_from_world - log_from_world)[:3, 3].norm())
        raise UserError(
            f"{path} was trained in another world than that of {capture.source} as it is read here: their "
            f"origins are {apart:.2f} m apart, or turned; give a street of the same log, read from the same "
            "first frame"
        )


def _sky(path: Path, tensors: Mapping[str, Tensor], config: StreetConfig) -> Sky | None:
    if _SKY not in tensors:
        return None
    sky = Sky(config.fit.sky)
    if sky.texture.shape != tensors[_SKY].shape:
        raise UserError(f"{path} was trained with a sky of another size; give the same --sky-rows")
    sky.load_state_dict({"texture": tensors[_SKY]})
    return sky


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
