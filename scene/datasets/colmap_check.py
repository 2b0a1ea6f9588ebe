"""Whether the files of a COLMAP model are whole.

COLMAP reads on past the end of a binary file that is cut off: the process aborts, or the numbers are rubbish.
A text file of points that is cut off it takes for a shorter one. So the records are walked through first.

Source: https://colmap.github.io/format.html
"""

import re
import struct
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from core.errors import UserError
from core.files import GIT_LFS_MARK, explain
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

_STATED_POINTS = re.compile(rb"^#.*Number of points: (\d+)[,\r\n]", re.MULTILINE)
_LEAST_WORDS = 8  # of a line of points3D.txt: id, position, colour, error; then two for each observation

Walk = Callable[[bytes, int], int]


def check_model(folder: Path, suffix: str) -> None:
    """Refuse a model with a file that is cut off or, if it is binary, has bytes too many.

    Args:
        folder: holds the files.
        suffix: `.bin` or `.txt`. Of a text model the points are checked, against what its images observe.

    Raises:
        UserError: naming the file.
    """
    if suffix == ".txt":
        if (folder / "points3D.txt").is_file():
            _check_text_points(folder)
        return
    for name, walk in _WALKS.items():
        path = folder / name
        if path.is_file():
            _check_file(path, walk)


def _check_file(path: Path, walk: Walk) -> None:
    data = _read_bytes(path)
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


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise explain(error, path, "read") from error
    if data.startswith(GIT_LFS_MARK):
        raise UserError(
            f"{path} is a Git-LFS pointer, not a COLMAP file; run `git lfs pull` in its repository"
        )
    return data


def _check_text_points(folder: Path) -> None:
    path = folder / "points3D.txt"
    data = _read_bytes(path)
    stated = _STATED_POINTS.search(data)
    records = [line.split() for line in data.splitlines() if line.strip() and not line.startswith(b"#")]
    observed = _observed_points(_read_bytes(folder / "images.txt"))
    reason = ""
    if stated and len(records) != int(stated[1]):
        reason = f"it holds {len(records)} points and says {int(stated[1])}"
    elif missing := observed.keys() - {record[0] for record in records}:
        reason = f"images observe {len(missing)} points that it does not hold"
    elif short := [record[0] for record in records if len(record) < _LEAST_WORDS or len(record) % 2]:
        reason = f"the line of point {short[0].decode(errors='replace')} ends early"
    elif records and not data.endswith(b"\n"):
        last = records[-1]
        if len(last) - _LEAST_WORDS < 2 * observed[last[0]]:
            reason = "its last line ends early"
    if reason:
        raise UserError(f"{path} is cut off or is no COLMAP file: {reason}; copy or compute it again")


def _observed_points(images: bytes) -> Counter[bytes]:
    """How often each point is observed, by the text of `images.txt`."""
    observed: Counter[bytes] = Counter()
    is_image = True  # two lines an image; the second lists the observations and may be empty
    for line in images.splitlines():
        if line.startswith(b"#") or (is_image and not line.strip()):
            continue
        if not is_image:
            observed.update(line.split()[2::3])
        is_image = not is_image
    del observed[b"-1"]
    return observed


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
