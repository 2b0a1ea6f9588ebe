"""Checkpoints of S3Gaussian and 4DHash, `chkpnt_coarse_N.pth` or `chkpnt_fine_N.pth`; nothing in it is run.

    python -m scene.fourd_hash_checkpoint chkpnt_fine_50000.pth --out gaussians.ply

The Gaussians are taken over. The tensors of the deformation network are handed out by their names; it is
another network than ours, so that nothing here evaluates them.
"""

import pickle
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from torch import Tensor

from core import cli
from core.errors import UserError
from core.files import explain
from core.progress import say
from scene.gaussian_model import NAMES, StaticGaussians

SUFFIX = ".pth"

_FIELDS = 14
_DEGREE, _XYZ, _DEFORMATION, _F_DC, _F_REST, _SCALING, _ROTATION, _OPACITY = 0, 1, 2, 4, 5, 6, 7, 8


@dataclass(frozen=True)
class FourDHashCheckpoint:
    """What a checkpoint of S3Gaussian or 4DHash holds.

    Args:
        gaussians: as they are before any deformation.
        deformation: the network's tensors by name.
        active_sh_degree: up to which degree spherical harmonics were trained.
        iteration: of its stage.
    """

    gaussians: StaticGaussians
    deformation: Mapping[str, Tensor]
    active_sh_degree: int
    iteration: int


class _Unread:
    """Stands for a number of numpy's or its type, which the optimiser's settings have. Nobody reads them."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


# Learning rates and the scene's extent are such numbers. The stand-ins run none of numpy's code.
_STAND_INS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_Unread, name)
    for name in ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype")
]


def read_checkpoint(path: Path) -> FourDHashCheckpoint:
    """Read a checkpoint: tensors and plain values, and no code, whatever the file holds.

    Raises:
        UserError: it is missing, damaged, holds other things, or is no such checkpoint.
    """
    try:
        with torch.serialization.safe_globals(_STAND_INS):
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise explain(error, path, "read") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()
        raise UserError(
            f"{path} is damaged, or holds more than tensors and plain values "
            f"({reason[0] if reason else type(error).__name__}); a checkpoint as S3Gaussian and 4DHash write "
            "them was expected"
        ) from error
    state, iteration = _unpacked(path, stored)
    deformation = state[_DEFORMATION]
    named = isinstance(deformation, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in deformation.items()
    )
    if not named:
        raise _other(path, "its third part is no network's state")
    tensors = {name: value.detach() for name, value in deformation.items()}
    return FourDHashCheckpoint(_gaussians(path, state), tensors, state[_DEGREE], iteration)


def _unpacked(path: Path, stored: Any) -> tuple[tuple[Any, ...], int]:
    """The tuple of a model's state, and the iteration."""
    if not isinstance(stored, tuple) or len(stored) != 2 or not isinstance(stored[1], int):
        raise _other(path, "it is no pair of a state and an iteration")
    state, iteration = stored
    if not isinstance(state, tuple) or len(state) != _FIELDS:
        parts = f"{len(state)} parts" if isinstance(state, tuple) else "no parts"
        raise _other(path, f"its state has {parts}, not {_FIELDS}")
    if not isinstance(state[_DEGREE], int):
        raise _other(path, "its first part is no degree of spherical harmonics")
    return state, iteration


def _gaussians(path: Path, state: tuple[Any, ...]) -> StaticGaussians:
    """The Gaussians; the raw parameters are those of 3DGS, and ours."""
    xyz, f_dc, f_rest, scaling, rotation, opacity = (
        state[place] for place in (_XYZ, _F_DC, _F_REST, _SCALING, _ROTATION, _OPACITY)
    )
    count = len(xyz) if isinstance(xyz, Tensor) and xyz.ndim else 0
    rest = f_rest.shape[1] if isinstance(f_rest, Tensor) and f_rest.ndim == 3 else 0
    shapes = {
        "xyz": (xyz, (count, 3)),
        "f_dc": (f_dc, (count, 1, 3)),
        "f_rest": (f_rest, (count, rest, 3)),
        "scaling": (scaling, (count, 3)),
        "rotation": (rotation, (count, 4)),
        "opacity": (opacity, (count, 1)),
    }
    for name, (table, shape) in shapes.items():
        if not isinstance(table, Tensor) or not table.is_floating_point() or tuple(table.shape) != shape:
            found = list(table.shape) if isinstance(table, Tensor) else type(table).__name__
            raise _other(path, f"{name} is {found} where {list(shape)} was expected")
        if not table.isfinite().all():
            raise _other(path, f"{name} holds numbers that are not finite")
    if not count or rest + 1 not in (1, 4, 9, 16):
        raise _other(path, f"it has {count} Gaussians with {rest + 1} coefficients of colour")
    sh = torch.cat([f_dc.detach(), f_rest.detach()], dim=1)
    tables = (xyz, rotation, scaling, opacity[:, 0], sh)
    return StaticGaussians({name: table.detach().float() for name, table in zip(NAMES, tables, strict=True)})


def with_sh_degree(gaussians: StaticGaussians, degree: int) -> StaticGaussians:
    """The same Gaussians with colours of another degree: coefficients left out, or zeros added."""
    tables = {name: gaussians.parameters[name].detach() for name in NAMES}
    sh = tables["sh"][:, : (degree + 1) ** 2]
    missing = (degree + 1) ** 2 - sh.shape[1]
    return StaticGaussians({**tables, "sh": torch.cat([sh, sh.new_zeros(len(sh), missing, 3)], dim=1)})


def _other(path: Path, why: str) -> UserError:
    return UserError(
        f"{path} is no checkpoint of S3Gaussian or 4DHash: {why}; chkpnt_coarse_N.pth or chkpnt_fine_N.pth "
        "was expected"
    )


@dataclass(frozen=True)
class Convert:
    """Take the Gaussians out of a checkpoint of S3Gaussian or 4DHash."""

    checkpoint: Annotated[Path, tyro.conf.Positional]
    """chkpnt_coarse_N.pth or chkpnt_fine_N.pth."""
    out: Path
    """The file for the Gaussians, in the layout of 3DGS."""


def convert(command: Convert) -> None:
    """Run the command.

    Raises:
        UserError: the checkpoint cannot be read, or the file not be written.
    """
    read = read_checkpoint(command.checkpoint)
    read.gaussians.save_ply(command.out)
    say(
        f"{command.out}: {len(read.gaussians):,} Gaussians after iteration {read.iteration:,}, without the "
        f"deformation, whose {len(read.deformation)} tensors no PLY holds"
    )


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(convert, Convert, args=args, prog="python -m scene.fourd_hash_checkpoint")


if __name__ == "__main__":
    sys.exit(main())
