"""Which data set of occupancy a folder holds."""

from pathlib import Path

from core.errors import UserError
from scene.datasets.carlasc import is_carlasc, open_carlasc
from scene.datasets.occ3d import read_occ3d
from scene.occupancy.scenes import OccupancyData


def open_occupancy(folder: Path) -> OccupancyData:
    """The scenes of a folder.

    Args:
        folder: of CarlaSC or in its layout, as our towns and occupancy from lidar are; or of Occ3D.

    Raises:
        UserError: it is neither, or broken.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; one with occupancy was expected")
    if is_carlasc(folder):
        return open_carlasc(folder)
    if any((folder / name).is_dir() for name in ("gts", "training", "validation")):
        return read_occ3d(folder)
    raise UserError(
        f"{folder} holds no occupancy: Cartesian/Train/SCENE/cartesian/evaluation/*.label, as CarlaSC has, "
        "or gts/SCENE/TOKEN/labels.npz, as Occ3D has, was expected"
    )
