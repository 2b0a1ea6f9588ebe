"""Occupancy in files: an archive that says what it holds, and the raw volumes that others have written.

An archive is an `.npz` that NumPy opens without this project:

    classes        uint8 [T,X,Y,Z]   class of each voxel, 0 = free
    class_names    text [K]          what the classes are called
    palette        uint8 [K,3]       colours of the classes, RGB
    class_set      text              name of the set of classes
    ground         int [.]           classes that lie under everything
    movable        int [.]           classes whose things may move
    origin_m       float [3]         lowest corner of voxel (0, 0, 0); the vehicle's frame: ahead, left, up
    voxel_m        float [3]         edges of a voxel
    frame_names    text [T] or [0]   names of the frames
    seconds_per_frame  float         time from one frame to the next
    facts          text              JSON: how the scene came about
    world_from_ego float [T,4,4]     poses of the vehicle, where they are known
    invalid        bool [T,X,Y,Z]    voxels that nothing observed, where that is known
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from torch import Tensor

from core.arrays import read_archive_with
from core.errors import UserError
from core.files import atomic_write, explain
from core.folders import atomic_folder
from scene.occupancy.classes import CLASS_SETS, ClassSet
from scene.occupancy.sequence import Grid, Occupancy

_NPY_MAGIC = b"\x93NUMPY"
_KINDS = {
    "classes": "u", "class_names": "U", "palette": "u", "class_set": "U", "ground": "iu", "movable": "iu",
    "origin_m": "f", "voxel_m": "f", "frame_names": "U", "seconds_per_frame": "f", "facts": "U",
}  # fmt: skip
_OPTIONAL_KINDS = {"world_from_ego": "f", "invalid": "b"}


def write_occupancy(path: Path, occupancy: Occupancy, facts: Mapping[str, object] | None = None) -> None:
    """Write an archive, whole or not at all.

    Args:
        path: an `.npz`.
        occupancy: the frames.
        facts: how they came about, such as seed, command and checkpoint; anything that JSON can say.

    Raises:
        UserError: the file cannot be written.
    """
    chosen = occupancy.class_set
    arrays: dict[str, Any] = {
        "classes": occupancy.classes.cpu().numpy(),
        "class_names": np.array(chosen.names),
        "palette": np.array(chosen.colours, np.uint8),
        "class_set": np.array(chosen.name),
        "ground": np.array(chosen.ground, np.int64),
        "movable": np.array(chosen.movable, np.int64),
        "origin_m": np.array(occupancy.grid.origin_m),
        "voxel_m": np.array(occupancy.grid.voxel_m),
        "frame_names": np.array(occupancy.frame_names, np.str_),
        "seconds_per_frame": np.array(float(occupancy.seconds_per_frame)),
        "facts": np.array(json.dumps(dict(facts or {}), ensure_ascii=False)),
    }
    if occupancy.world_from_ego is not None:
        arrays["world_from_ego"] = occupancy.world_from_ego.cpu().numpy()
    if occupancy.invalid is not None:
        arrays["invalid"] = occupancy.invalid.cpu().numpy()
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_occupancy(path: Path) -> Occupancy:
    """Read an archive.

    Raises:
        UserError: the file is missing, cut off, of another kind, or contradicts itself.
    """
    arrays = _read_arrays(path)
    chosen = _class_set(path, arrays)
    classes = arrays["classes"]
    _check(path, classes.dtype == np.uint8 and classes.ndim == 4, "classes", "uint8 [T,X,Y,Z]", classes)
    largest = int(classes.max(initial=0))
    if largest >= len(chosen):
        raise UserError(
            f"{path} has voxels of class {largest} but names {len(chosen)} classes, 0 to {len(chosen) - 1}; "
            "write it again with names for all of its classes"
        )
    frames, *size = classes.shape
    for name in ("origin_m", "voxel_m"):
        _check(path, arrays[name].shape == (3,), name, "three numbers", arrays[name])
        _check(path, bool(np.isfinite(arrays[name]).all()), name, "finite numbers", arrays[name])
    _check(path, bool((arrays["voxel_m"] > 0).all()), "voxel_m", "positive lengths", arrays["voxel_m"])
    names = arrays["frame_names"]
    _check(path, names.shape in ((frames,), (0,)), "frame_names", f"{frames} names or none", names)
    seconds = arrays["seconds_per_frame"]
    _check(path, seconds.shape == () and bool(seconds > 0), "seconds_per_frame", "a positive number", seconds)
    invalid, poses = arrays.get("invalid"), arrays.get("world_from_ego")
    if invalid is not None:
        _check(path, invalid.shape == classes.shape, "invalid", f"bool {list(classes.shape)}", invalid)
    if poses is not None:
        _check(path, poses.shape == (frames, 4, 4), "world_from_ego", f"{frames} matrices 4x4", poses)
    x, y, z = size
    return Occupancy(
        classes=torch.from_numpy(classes),
        class_set=chosen,
        grid=Grid((x, y, z), _triple(arrays["origin_m"]), _triple(arrays["voxel_m"])),
        invalid=None if invalid is None else torch.from_numpy(invalid),
        world_from_ego=None if poses is None else torch.from_numpy(poses.astype(np.float64)),
        frame_names=tuple(map(str, names)),
        seconds_per_frame=float(seconds),
    )


def read_facts(path: Path) -> dict[str, Any]:
    """How the frames of an archive came about.

    Raises:
        UserError: the file is missing, cut off, or of another kind.
    """
    try:
        facts = json.loads(str(_read_arrays(path)["facts"]))
    except ValueError as error:
        raise UserError(f"the facts of {path} are not JSON ({error}); write the file again") from error
    if not isinstance(facts, dict):
        raise UserError(
            f"the facts of {path} are a {type(facts).__name__}; an object with names was expected"
        )
    return facts


def write_legacy(folder: Path, occupancy: Occupancy) -> None:
    """Write frames as DynamicCity does: `<frame>.npy` of X·Y·Z raw bytes, which is not NumPy's format.

    Such files know neither their shape nor their classes: `write_occupancy` is for everything but other
    people's scripts. Source: output of `infer_dit.py` in the code of H. Bian et al., "DynamicCity", 2024.

    Raises:
        UserError: the folder cannot be written.
    """
    with atomic_folder(folder) as temporary:
        for number, frame in enumerate(occupancy.classes.cpu().numpy()):
            (temporary / f"{number}.npy").write_bytes(np.ascontiguousarray(frame).tobytes())


def read_legacy(folder: Path, class_set: ClassSet, grid: Grid, seconds_per_frame: float = 0.1) -> Occupancy:
    """Read a folder of raw volumes, or of real `.npy` volumes, one a frame, in the order of their numbers.

    Args:
        folder: with `0.npy`, `1.npy` and so on.
        class_set: what the bytes mean; the files do not say.
        grid: the volumes' size, and where it lies.
        seconds_per_frame: time from one frame to the next.

    Raises:
        UserError: there are no frames, or one is cut off, of another size or of unknown classes.
    """
    paths = legacy_frames(folder)
    if not paths:
        raise UserError(f"{folder} holds no .npy volumes; a folder with 0.npy, 1.npy and so on was expected")
    return Occupancy(
        classes=torch.stack([_read_volume(path, class_set, grid) for path in paths]),
        class_set=class_set,
        grid=grid,
        frame_names=tuple(path.stem for path in paths),
        seconds_per_frame=seconds_per_frame,
    )


def legacy_frames(folder: Path) -> list[Path]:
    """The volumes of a folder: those with numbers by their numbers, then others by their names.

    Raises:
        UserError: the folder cannot be read.
    """

    def order(path: Path) -> tuple[int, int, str]:
        numbered = path.stem.isdecimal()
        return (not numbered, int(path.stem) if numbered else 0, path.name)

    try:
        return sorted((path for path in folder.iterdir() if path.suffix == ".npy"), key=order)
    except OSError as error:
        raise explain(error, folder, "read") from error


def _read_volume(path: Path, class_set: ClassSet, grid: Grid) -> UInt8[Tensor, "X Y Z"]:
    try:
        data = path.read_bytes()
        is_numpy = data.startswith(_NPY_MAGIC)
        volume = np.load(path, allow_pickle=False) if is_numpy else np.frombuffer(data, np.uint8)
    except OSError as error:
        raise explain(error, path, "read") from error
    except (ValueError, EOFError) as error:
        raise UserError(f"{path} is cut off or damaged ({error}); restore the file") from error
    voxels = int(np.prod(grid.size))
    fits = volume.shape == grid.size if is_numpy else volume.size == voxels
    if not fits or volume.dtype.kind not in "ui":
        came = f"{volume.dtype} {list(volume.shape)}" if is_numpy else f"{volume.size} bytes"
        raise UserError(
            f"{path} holds {came}; {' x '.join(map(str, grid.size))} = {voxels} classes were expected; name "
            "the grid that it was made with, or restore the file"
        )
    least, largest = int(volume.min()), int(volume.max())
    if least < 0 or largest >= len(class_set):
        raise UserError(
            f"{path} has voxels of class {largest if least >= 0 else least}; 0 to {len(class_set) - 1} of "
            f"{class_set.name} were expected; name the classes that it was made with"
        )
    return torch.from_numpy(volume.reshape(grid.size).astype(np.uint8))


def _read_arrays(path: Path) -> dict[str, ndarray]:
    arrays = read_archive_with(path, tuple(_KINDS), tuple(_OPTIONAL_KINDS))
    for name, kinds in (_KINDS | _OPTIONAL_KINDS).items():
        if name in arrays:
            of_kind = arrays[name].dtype.kind in kinds
            kind = {"u": "bytes", "U": "text", "iu": "integers", "f": "numbers", "b": "booleans"}[kinds]
            # An empty tuple of names has no letters, and what has no entries needs no kind.
            _check(path, of_kind or not arrays[name].size, name, kind, arrays[name])
    return arrays


def _class_set(path: Path, arrays: Mapping[str, ndarray]) -> ClassSet:
    """The classes that a file names: a known set where they are the same, so that sets can be compared."""
    names, palette = tuple(map(str, arrays["class_names"].reshape(-1))), arrays["palette"]
    count = len(names)
    _check(path, count > 0, "class_names", "a name for each class", arrays["class_names"])
    _check(path, palette.shape == (count, 3), "palette", f"{count} colours", palette)
    for key in ("ground", "movable"):
        inside = bool(((arrays[key] >= 0) & (arrays[key] < count)).all())
        _check(path, arrays[key].ndim == 1 and inside, key, f"classes from 0 to {count - 1}", arrays[key])
    _check(path, arrays["movable"].size > 0, "movable", "one class at least", arrays["movable"])
    found = ClassSet(
        name=str(arrays["class_set"]),
        names=names,
        colours=tuple((int(red), int(green), int(blue)) for red, green, blue in palette),
        ground=tuple(map(int, arrays["ground"])),
        movable=tuple(map(int, arrays["movable"])),
    )
    known = CLASS_SETS.get(found.name, found)
    return known if known == found else found


def _check(path: Path, holds: bool, name: str, expected: str, array: ndarray) -> None:
    if not holds:
        short = array.ndim < 2 and 0 < array.size < 5
        came = f"{array}" if short else f"{array.dtype} {list(array.shape)}"
        raise UserError(f"{path}: {name} is {came}; {expected} was expected; write the file again")


def _triple(array: ndarray) -> tuple[float, float, float]:
    x, y, z = map(float, array)
    return x, y, z
