"""TUM RGB-D: sequences of colour and depth images with poses from motion capture.

Two layouts: the published one (`rgb.txt`, `groundtruth.txt`, and `depth.txt`, whose first column is a time),
of which every third frame is taken, 90 in all, as published numbers for dynamic scenes do; and the one where
that has been done already (`rgb_90/TIME.png` and `groundtruth_90.txt`).

The sequence's folder is a capture with known cameras; its `rgb` or `rgb_90` is a video like any other.

Source: J. Sturm et al., "A Benchmark for the Evaluation of RGB-D SLAM Systems", IROS 2012; formats and
intrinsics of the data set's web page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.files import explain
from core.images import IMAGE_SUFFIXES, read_gray
from core.tum import read_tum
from scene.datasets.lenses import Lens
from scene.datasets.options import CaptureOptions
from scene.datasets.source import Reader, SourceScene, SourceView

STRIDE, COUNT = 3, 90
"""Which frames of a published sequence are taken: one in `STRIDE`, and `COUNT` at most."""
NEAR_S = 0.02
"""Images and poses whose times differ by more do not belong together, in seconds."""
DEPTH_UNITS = 5000.0
"""Values of a depth image for each metre."""

_SIZE = (640, 480)
# fx, fy, cx, cy, k1, k2, p1, p2, k3 with pixel centres at whole numbers; freiburg3 has been undistorted.
_LENSES = {
    "freiburg1": (517.3, 516.5, 318.6, 255.3, 0.2624, -0.9531, -0.0054, 0.0026, 1.1633),
    "freiburg2": (520.9, 521.0, 325.1, 249.7, 0.2312, -0.7849, -0.0033, -0.0001, 0.9172),
    "freiburg3": (535.4, 539.2, 320.1, 247.6),
}
_ANY_LENS = (525.0, 525.0, 319.5, 239.5)


@dataclass(frozen=True)
class TumSequence:
    """The frames of a sequence that have a pose.

    Args:
        folder: of the sequence.
        frames: the images, in the order of time.
        timestamps: of the images, in seconds.
        c2w: world-from-camera transforms.
        depth_paths: of the depth images taken at about the same time; None where there is none.
    """

    folder: Path
    frames: tuple[Path, ...]
    timestamps: Float[Tensor, " N"]
    c2w: Float[Tensor, "N 4 4"]
    depth_paths: tuple[Path | None, ...]

    def __len__(self) -> int:
        return len(self.frames)

    def trajectory(self) -> tuple[Float[Tensor, " N"], Float[Tensor, "N 4 4"]]:
        """Timestamps in seconds, and world-from-camera transforms in metres, in float64."""
        return self.timestamps, self.c2w

    def depth(self, row: int) -> Float32[ndarray, "H W"] | None:
        """z-depths of a frame in metres, 0 = none; None where the frame has no depth image.

        Raises:
            UserError: the image is broken.
        """
        path = self.depth_paths[row]
        return None if path is None else read_gray(path).astype(np.float32) / np.float32(DEPTH_UNITS)


def open_sequence(folder: Path, stride: int = STRIDE, count: int = COUNT) -> TumSequence:
    """A sequence, its frames associated with poses and depth images by time.

    Args:
        folder: of the sequence.
        stride: one frame in so many is taken; frames that have been chosen already are all taken.
        count: how many at most.

    Raises:
        UserError: a file is missing or broken, or no frame has a pose.
    """
    if (folder / "rgb_90").is_dir():
        times, frames = _timed_files(folder / "rgb_90")
        pose_times, poses = read_tum(folder / "groundtruth_90.txt")
        stride, count = 1, len(frames)
    else:
        times, frames = _listed_files(folder, "rgb.txt")
        pose_times, poses = read_tum(folder / "groundtruth.txt")
    rows = nearest(times, pose_times.numpy())
    chosen = np.flatnonzero(rows >= 0)[::stride][:count]
    if not len(chosen):
        raise UserError(
            f"no image of {folder} was taken within {NEAR_S} s of a pose; the times of images and poses were "
            "expected to go together"
        )
    return TumSequence(
        folder,
        tuple(frames[row] for row in chosen),
        torch.from_numpy(times[chosen]),
        poses[torch.from_numpy(rows[chosen])],
        _depth_paths(folder, times[chosen]),
    )


def nearest(times: Float64[ndarray, " N"], others: Float64[ndarray, " M"]) -> Int64[ndarray, " N"]:
    """For each time the row of the nearest other, -1 where that is farther than `NEAR_S`."""
    order = np.argsort(others, kind="stable")
    after = np.searchsorted(others, times, sorter=order)
    right, left = order[np.minimum(after, len(others) - 1)], order[np.maximum(after - 1, 0)]
    rows = np.where(np.abs(others[left] - times) <= np.abs(others[right] - times), left, right)
    return np.where(np.abs(others[rows] - times) <= NEAR_S, rows, -1)


def _timed_files(folder: Path) -> tuple[Float64[ndarray, " N"], tuple[Path, ...]]:
    """Images whose names are times, in their order."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    try:
        timed = sorted((float(path.stem), path) for path in files)
    except ValueError as error:
        raise UserError(f"{folder}: names of images were expected to be times ({error})") from error
    if not timed:
        raise UserError(f"{folder} holds no image")
    return np.array([time for time, _ in timed]), tuple(path for _, path in timed)


def _listed_files(folder: Path, name: str) -> tuple[Float64[ndarray, " N"], tuple[Path, ...]]:
    """Times and files that a list `TIME PATH` names."""
    path = folder / name
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise explain(error, path, "read") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text file; lines `time file` were expected") from error
    times, files = [], []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        time = _number(words[0])
        if len(words) != 2 or time is None:
            raise UserError(f"{path}:{number}: `time file` was expected, but it says `{line}`")
        times.append(time)
        files.append(folder / words[1])
    order = np.argsort(times, kind="stable")
    return np.array(times, np.float64)[order], tuple(files[row] for row in order)


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _depth_paths(folder: Path, times: Float64[ndarray, " N"]) -> tuple[Path | None, ...]:
    if (folder / "depth_90").is_dir():
        known, files = _timed_files(folder / "depth_90")
    elif (folder / "depth.txt").is_file():
        known, files = _listed_files(folder, "depth.txt")
    else:
        return (None,) * len(times)
    if not files:
        return (None,) * len(times)
    return tuple(files[row] if row >= 0 else None for row in nearest(times, known).tolist())


def lens_of(folder: Path) -> Lens:
    """The camera of a sequence, which its folder's name tells; the makers' default for other names."""
    name = folder.resolve().name
    values = next((values for key, values in _LENSES.items() if key in name), _ANY_LENS)
    fx, fy, cx, cy, *distortion = values
    center = (cx + 0.5, cy + 0.5)  # ours are at +0.5
    if not distortion:
        return Lens("PINHOLE", (fx, fy, *center), *_SIZE)
    return Lens("FULL_OPENCV", (fx, fy, *center, *distortion, 0.0, 0.0, 0.0), *_SIZE)


def _detect(source: Path) -> bool:
    published = (source / "rgb.txt").is_file() and (source / "groundtruth.txt").is_file()
    return published or ((source / "rgb_90").is_dir() and (source / "groundtruth_90.txt").is_file())


def _read(source: Path, _options: CaptureOptions) -> SourceScene:
    sequence = open_sequence(source)
    viewmats, times = np.linalg.inv(sequence.c2w.numpy()), _positions(sequence.timestamps.tolist())
    lens = lens_of(source)
    views = [
        SourceView(path.name, path, viewmats[row], lens, time=times[row])
        for row, path in enumerate(sequence.frames)
    ]
    note = f"{len(views)} frames that have a pose within {NEAR_S} s"
    known = any(key in source.resolve().name for key in _LENSES)
    return SourceScene(views, notes=(note,) if known else (note, "the folder's name tells no camera: 525 px"))


def _positions(seconds: Sequence[float]) -> list[float]:
    """In the sequence, in [0, 1]."""
    span = seconds[-1] - seconds[0]
    return [(second - seconds[0]) / span if span else 0.0 for second in seconds]


def _test_images(_source: Path) -> tuple[str, ...]:
    return ()


READER = Reader("tum", "rgb.txt and groundtruth.txt (TUM RGB-D)", _detect, _read, _test_images)
"""Sequences of TUM RGB-D with their true cameras."""
