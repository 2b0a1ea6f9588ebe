"""What of a scene is exported: a box of it, fewer coefficients of colour, and only what is finite."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from core.errors import UserError
from core.ply import SplatArrays
from core.progress import say
from viewer.formats.gaussians import GaussianScene, blocks, degree_of, take


@dataclass(frozen=True)
class PartOptions:
    """Which part of a scene is meant."""

    sh_degree: int | None = None
    """The degree up to which colours depend on the direction, 0 to 3; all that is stored by default."""
    crop: tuple[float, float, float, float, float, float] | None = None
    """X0 X1 Y0 Y1 Z0 Z1: Gaussians whose centres are in this box, in units of the world."""


def part_of(scene: GaussianScene, options: PartOptions) -> GaussianScene:
    """The part of a scene that is exported; itself where that is all of it.

    Raises:
        UserError: an option makes no sense, or nothing is left.
    """
    splats = _with_degree(scene.splats, options.sh_degree)
    if not len(scene):
        raise UserError(f"{scene.title or 'the scene'} holds no Gaussians; there is nothing to export")
    kept = _finite(splats)
    lost = len(scene) - int(kept.sum())
    if lost:
        say(f"{lost:,} Gaussians that are not finite are left out")
    if options.crop is not None:
        kept &= _inside(splats, options.crop)
    if not kept.any():
        raise UserError(_nothing_left(splats, options))
    # A scene of millions is not copied to leave nothing out.
    splats = splats if kept.all() else take(splats, np.flatnonzero(kept))
    return replace(scene, splats=splats)


def _with_degree(splats: SplatArrays, degree: int | None) -> SplatArrays:
    if degree is None:
        return splats
    if not 0 <= degree <= degree_of(splats):
        raise UserError(f"--sh-degree {degree}: 0 to {degree_of(splats)}, which is stored, were expected")
    return splats._replace(sh=splats.sh[:, : (degree + 1) ** 2])


def _finite(splats: SplatArrays) -> Bool[ndarray, " N"]:
    kept = np.ones(len(splats.means), np.bool_)
    for rows in blocks(len(kept)):
        for table in take(splats, rows):
            kept[rows] &= np.isfinite(table.reshape(len(table), -1)).all(1)
    return kept


def _inside(splats: SplatArrays, crop: tuple[float, ...]) -> Bool[ndarray, " N"]:
    low, high = np.array(crop[::2]), np.array(crop[1::2])
    if not (low < high).all():
        told = " ".join(f"{value:g}" for value in crop)
        raise UserError(
            f"--crop {told}: X0 X1 Y0 Y1 Z0 Z1, each first number below the second, were expected"
        )
    return np.all((splats.means >= low) & (splats.means <= high), axis=1)


def _nothing_left(splats: SplatArrays, options: PartOptions) -> str:
    if options.crop is None:
        return "no Gaussian of the scene is finite; there is nothing to export"
    low, high = np.nanmin(splats.means, 0), np.nanmax(splats.means, 0)
    reach = " ".join(f"{a:g} {b:g}" for a, b in zip(low, high, strict=True))
    return f"--crop leaves nothing; the scene reaches over {reach} (X0 X1 Y0 Y1 Z0 Z1)"
