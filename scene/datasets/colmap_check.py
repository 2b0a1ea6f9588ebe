"""Whether the binary files of a COLMAP model are whole.

COLMAP reads on past the end of a file that is cut off: the process aborts, or the numbers are rubbish. So the
records are walked through first.

Source: https://colmap.github.io/format.html
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from core.errors import UserError
from core.files import explain
from scene.datasets.pycolmap_import import pycolmap

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_CAMERA = struct.Struct("<iiQQ")  # id, model, width, height; then the parameters
_IMAGE = struct.Struct(
    "<i7di"
)  # id, quaternion and translation, camera; then the name, then the observations
_POINT = struct.Struct("<Q3d3BdQ")  # id, position, colour, error, length of the track
_OBSERVATION = struct.Struct("<2dq")
_TRACK_ENTRY = struct.Struct("<ii")
_RIG = struct.Struct("<II")  # id, number of sensors; the first sensor has no pose, the others may have one
_SENSOR = struct.Struct("<iI")
_POSE = struct.Struct("<7d")
_FRAME = struct.Struct("<II7dI")  # id, rig, pose, number of data
_DATUM = struct.Struct("<iIQ")

Walk = Callable[[bytes, int], int]


def check_model(folder: Path) -> None:
    """Refuse a binary model with a file that is cut off or has bytes too many.

    Raises:
        UserError: naming the file.
    """
    for name, walk in _WALKS.items():
        path = folder / name
        if path.is_file():
            _check_file(path, walk)


def _check_file(path: Path, walk: Walk) -> None:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise explain(error, path, "read") from error
    if data.startswith(b"version https://git-lfs"):
        raise UserError(
            f"{path} is a Git-LFS pointer, not a COLMAP file; run `git lfs pull` in its repository"
        )
    try:
        (records,) = _U64.unpack_from(data, 0)
        end = _U64.size
        for _ in range(records):
            end = walk(data, end)
        if end > len(data):
            raise ValueError(f"{end} bytes were expected")
    except (struct.error, ValueError) as error:
        raise UserError(f"{path} is cut off or is no COLMAP file; copy or compute it again") from error
    if end < len(data):
        raise UserError(f"{path} has {len(data)} bytes where {end} were expected; copy or compute it again")


def _walk_camera(data: bytes, start: int) -> int:
    _, model, _, _ = _CAMERA.unpack_from(data, start)
    return start + _CAMERA.size + 8 * _parameter_count(model)


@lru_cache
def _parameter_count(model: int) -> int:
    try:
        camera = pycolmap.Camera.create_from_model_id(1, pycolmap.CameraModelId(model), 1.0, 1, 1)
    except (ValueError, IndexError, RuntimeError) as error:
        raise ValueError(f"there is no camera model {model}") from error
    return len(camera.params)


def _walk_image(data: bytes, start: int) -> int:
    observations = data.index(b"\0", start + _IMAGE.size) + 1
    (count,) = _U64.unpack_from(data, observations)
    return observations + _U64.size + count * _OBSERVATION.size


def _walk_point(data: bytes, start: int) -> int:
    track_length = _POINT.unpack_from(data, start)[-1]
    return start + _POINT.size + track_length * _TRACK_ENTRY.size


def _walk_rig(data: bytes, start: int) -> int:
    _, sensors = _RIG.unpack_from(data, start)
    end = start + _RIG.size + (_SENSOR.size if sensors else 0)
    for _ in range(sensors - 1):
        has_pose = data[end + _SENSOR.size : end + _SENSOR.size + 1]
        end += _SENSOR.size + 1 + (_POSE.size if has_pose == b"\1" else 0)
        if end > len(data):
            raise ValueError("a rig goes on after the end of the file")
    return end


def _walk_frame(data: bytes, start: int) -> int:
    count = _FRAME.unpack_from(data, start)[-1]
    return start + _FRAME.size + count * _DATUM.size


_WALKS: dict[str, Walk] = {
    "cameras.bin": _walk_camera,
    "images.bin": _walk_image,
    "points3D.bin": _walk_point,
    "rigs.bin": _walk_rig,
    "frames.bin": _walk_frame,
}
