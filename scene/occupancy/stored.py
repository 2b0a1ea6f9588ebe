"""Scenes of occupancy in files, found by a path: archives, folders of archives, folders of raw volumes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError
from core.files import explain
from scene.occupancy.classes import CARLASC, OCC3D_NUSCENES, OCC3D_WAYMO, class_set
from scene.occupancy.files import legacy_frames, read_legacy, read_occupancy
from scene.occupancy.sequence import CARLASC_GRID, OCC3D_GRID, Occupancy

_GRIDS = {CARLASC.name: CARLASC_GRID, OCC3D_NUSCENES.name: OCC3D_GRID, OCC3D_WAYMO.name: OCC3D_GRID}
_CARLASC_BYTES = 128 * 128 * 8


@dataclass(frozen=True)
class StoredScene:
    """One scene that is read when it is asked for.

    Args:
        name: the file's or folder's, without its ending.
        path: an archive, or a folder of raw volumes.
        classes: what the bytes of raw volumes mean, a name of `CLASS_SETS`; None = as their size says.
    """

    name: str
    path: Path
    classes: str | None = None

    def read(self) -> Occupancy:
        """All of its frames.

        Raises:
            UserError: a file is broken, or raw volumes do not tell what their classes are.
        """
        if self.path.is_file():
            return read_occupancy(self.path)
        classes = self.classes or self._guess()
        return read_legacy(self.path, class_set(classes), _GRIDS[classes])

    def _guess(self) -> str:
        first = legacy_frames(self.path)[0]
        try:
            size = first.stat().st_size
        except OSError as error:
            raise explain(error, first, "read") from error
        if size == _CARLASC_BYTES:
            return CARLASC.name
        raise UserError(
            f"raw volumes of {size} bytes, such as {first}, do not tell what their classes are; name them by "
            f"--classes, one of {', '.join(_GRIDS)}"
        )


def find_scenes(paths: Sequence[Path], classes: str | None = None) -> list[StoredScene]:
    """The scenes at some paths, in their order; those of a folder by their names.

    Args:
        paths: each an archive, a folder of archives, a folder of raw volumes, or a folder of such folders.
        classes: what the bytes of raw volumes mean, a name of `CLASS_SETS`; None = as their size says.

    Raises:
        UserError: a path holds no scene, or `classes` is unknown.
    """
    if classes is not None:
        class_set(classes)
    found = [scene for path in paths for scene in _scenes_at(path, classes)]
    if not found:
        raise UserError("no scene was named; an .npz file or a folder of them was expected")
    return found


def _scenes_at(path: Path, classes: str | None) -> list[StoredScene]:
    if not path.exists():
        raise UserError(f"{path} does not exist; an .npz file or a folder of them was expected")
    if path.is_file():
        if path.suffix == ".npy":
            raise UserError(f"{path} is one frame; name its folder {path.parent} instead")
        return [StoredScene(path.stem, path)]
    if legacy_frames(path):
        return [StoredScene(path.resolve().name, path, classes)]
    inside = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    scenes = [StoredScene(each.stem, each) for each in inside if each.suffix == ".npz"]
    scenes += [StoredScene(each.name, each, classes) for each in inside if each.is_dir() and legacy_frames(each)]
    if not scenes:
        raise UserError(f"{path} holds no scenes; .npz files, or folders with 0.npy, 1.npy, were expected")
    return scenes
