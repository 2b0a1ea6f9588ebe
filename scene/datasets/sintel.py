"""MPI-Sintel: the `final` or `clean` frames of a sequence with true cameras, depth, flow and dynamic labels.

    training/final/NAME/frame_0001.png                    and likewise clean
    training/camdata_left/NAME/frame_0001.cam             intrinsics and camera-from-world
    training/depth/NAME/frame_0001.dpt                    z-depth
    training/flow/NAME/frame_0001.flo                     motion to the next frame; none for the last one
    training/dynamic_label_perfect/NAME/frame_0001.png    made by `data.sintel_dynamic_labels`

`training/camdata_left/NAME` is a capture with known cameras; `training/final/NAME` is a video like any other.

Source: D. J. Butler et al., "A naturalistic open source movie for optical flow evaluation", ECCV 2012; the
file formats of its development kit.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.files import explain
from core.images import read_gray
from scene.cameras import Cameras
from scene.datasets.decoding import resized
from scene.datasets.lenses import Lens
from scene.datasets.options import CaptureOptions
from scene.datasets.source import Reader, SourceScene, SourceView
from scene.images import read_header

FPS = 24.0
"""Of the film."""
LABELS = "dynamic_label_perfect"
"""Folder of the dynamic labels that published numbers are measured against."""

_CAMERAS = "camdata_left"
_DEFAULT_FOLDER = CaptureOptions().images
_DEFAULT_PASS = "final"
_TAG = struct.pack("<f", 202021.25)
# The data set counts pixel centres as whole numbers.
_CENTER_PX = 0.5


@dataclass(frozen=True)
class SintelSequence:
    """The files of one sequence; each is read when it is asked for.

    Args:
        training: the data set's folder `training`, or one like it.
        name: of the sequence.
        frames: the images, in the order of time.
    """

    training: Path
    name: str
    frames: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.frames)

    def path(self, kind: str, row: int, suffix: str) -> Path:
        """The file of a kind, such as `depth`, that belongs to a frame; it may not exist."""
        return self.training / kind / self.name / f"{self.frames[row].stem}{suffix}"

    def camera(self, row: int) -> tuple[Float64[ndarray, "3 3"], Float64[ndarray, "4 4"]]:
        """Intrinsics in pixels with centres at +0.5, and camera-from-world.

        Raises:
            UserError: the file is missing or is no camera.
        """
        return read_camera(self.path(_CAMERAS, row, ".cam"))

    def cameras(self) -> Cameras:
        """All cameras, at the size of the frames.

        Raises:
            UserError: a file is missing or is no camera.
        """
        pairs = [self.camera(row) for row in range(len(self))]
        headers = [read_header(path) for path in self.frames]
        return Cameras(
            viewmats=torch.from_numpy(np.stack([viewmat for _, viewmat in pairs])).float(),
            Ks=torch.from_numpy(np.stack([K for K, _ in pairs])).float(),
            width=torch.tensor([header.width for header in headers]),
            height=torch.tensor([header.height for header in headers]),
        )

    def trajectory(self) -> tuple[Float[Tensor, " N"], Float[Tensor, "N 4 4"]]:
        """Seconds from the first frame, and world-from-camera transforms, in float64.

        Raises:
            UserError: a file is missing or is no camera.
        """
        viewmats = np.stack([self.camera(row)[1] for row in range(len(self))])
        times = torch.arange(len(self), dtype=torch.float64) / FPS
        return times, torch.from_numpy(np.linalg.inv(viewmats))

    def depth(self, row: int) -> Float32[ndarray, "H W"]:
        """z-depths of a frame in world units.

        Raises:
            UserError: the file is missing or is no depth map.
        """
        return read_depth(self.path("depth", row, ".dpt"))

    def flow(self, row: int) -> Float32[ndarray, "H W 2"]:
        """Displacements (x, y) in pixels from a frame to the next one.

        Raises:
            UserError: the file is missing, as it is for the last frame, or is no flow.
        """
        return read_flow(self.path("flow", row, ".flo"))

    def dynamic_mask(self, row: int) -> Bool[ndarray, "H W"] | None:
        """True where something moves; None where the frame has no label, as the last one of a sequence.

        Raises:
            UserError: the file is there and is no image.
        """
        path = self.path(LABELS, row, ".png")
        return read_gray(path) > 127 if path.is_file() else None


def sequence_names(training: Path) -> tuple[str, ...]:
    """The sequences that have cameras, sorted.

    Args:
        training: the data set's folder `training`.

    Raises:
        UserError: there is none.
    """
    names = tuple(sorted(path.name for path in (training / _CAMERAS).glob("*") if path.is_dir()))
    if not names:
        raise UserError(
            f"{training} has no folder {_CAMERAS} with sequences; Sintel's `training` was expected"
        )
    return names


def open_sequence(training: Path, name: str, frames: str = _DEFAULT_PASS) -> SintelSequence:
    """A sequence by its name.

    Args:
        training: the data set's folder `training`.
        name: of the sequence.
        frames: folder of the images, `final` or `clean`.

    Raises:
        UserError: it has no images.
    """
    folder = training / frames / name
    images = tuple(sorted(folder.glob("frame_*.png")))
    if not images:
        raise UserError(f"{folder} holds no frame_0001.png and so on; a sequence of Sintel was expected")
    return SintelSequence(training, name, images)


def read_camera(path: Path) -> tuple[Float64[ndarray, "3 3"], Float64[ndarray, "4 4"]]:
    """Intrinsics in pixels with centres at +0.5, and camera-from-world, of a `.cam` file.

    Raises:
        UserError: the file is missing or is no camera.
    """
    values = np.frombuffer(_content(path, 21 * 8, "camera"), "<f8")
    if not np.isfinite(values).all():
        raise UserError(f"{path}: numbers of a camera were expected, some are not finite")
    K, viewmat = values[:9].reshape(3, 3).copy(), np.eye(4)
    K[:2, 2] += _CENTER_PX
    viewmat[:3] = values[9:].reshape(3, 4)
    return K, viewmat


def read_depth(path: Path) -> Float32[ndarray, "H W"]:
    """z-depths of a `.dpt` file.

    Raises:
        UserError: the file is missing or is no depth map.
    """
    return _array(path, 1, "depth map")[..., 0]


def read_flow(path: Path) -> Float32[ndarray, "H W 2"]:
    """Displacements (x, y) in pixels of a `.flo` file.

    Raises:
        UserError: the file is missing or is no flow.
    """
    return _array(path, 2, "flow")


def _array(path: Path, channels: int, what: str) -> Float32[ndarray, "H W C"]:
    data = _content(path, 8, what, exact=False)
    width, height = struct.unpack("<ii", data[:8])
    if width < 1 or height < 1 or len(data) != 8 + width * height * channels * 4:
        raise UserError(f"{path} is cut off or no {what}: it announces {width}x{height} pixels")
    return np.frombuffer(data[8:], "<f4").reshape(height, width, channels).astype(np.float32)


def _content(path: Path, size: int, what: str, *, exact: bool = True) -> bytes:
    """What follows the tag that all files of the data set begin with."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise explain(error, path, "read") from error
    if data[:4] != _TAG or len(data) < 4 + size or (exact and len(data) != 4 + size):
        raise UserError(f"{path} is no {what} of Sintel; get the data set anew")
    return data[4:]


@dataclass(frozen=True)
class _TrueMaps:
    """What is true of a frame, at the size of its image."""

    sequence: SintelSequence
    row: int
    width: int
    height: int

    def dynamic_mask(self) -> Bool[Tensor, "H W"]:
        """True where something moves; the last frame takes the label of the one before it."""
        return self.dynamic_probability() >= 0.5

    def dynamic_probability(self) -> Float[Tensor, "H W"]:
        """1 where something moves, between at the edges of a scaled image."""
        label = self.sequence.dynamic_mask(self.row)
        if label is None and self.row > 0:
            label = self.sequence.dynamic_mask(self.row - 1)
        if label is None:
            raise UserError(
                f"{self.sequence.path(LABELS, self.row, '.png')} is missing; make the labels by "
                "`python -m data.sintel_dynamic_labels`"
            )
        return torch.from_numpy(resized(label.astype(np.float32), self.width, self.height))

    def inverse_depth(self) -> Float[Tensor, "H W"]:
        """1/z in world units, 0 = none."""
        depth = self.sequence.depth(self.row)
        inverse = np.where(depth > 0, 1 / np.maximum(depth, 1e-12), 0).astype(np.float32)
        return torch.from_numpy(resized(inverse, self.width, self.height))


def _maps_of(sequence: SintelSequence, row: int) -> Callable[[int, int], _TrueMaps]:
    return partial(_TrueMaps, sequence, row)


def _detect(source: Path) -> bool:
    return source.parent.name == _CAMERAS and any(source.glob("frame_*.cam"))


def _read(source: Path, options: CaptureOptions) -> SourceScene:
    frames = _DEFAULT_PASS if options.images == _DEFAULT_FOLDER else options.images
    sequence = open_sequence(source.parent.parent, source.name, frames)
    headers = [read_header(path) for path in sequence.frames]
    has_maps = sequence.path(LABELS, 0, ".png").is_file() and sequence.path("depth", 0, ".dpt").is_file()
    views = []
    for row, (path, header) in enumerate(zip(sequence.frames, headers, strict=True)):
        K, viewmat = sequence.camera(row)
        params = tuple(K[[0, 1, 0, 1], [0, 1, 2, 2]].tolist())
        lens = Lens("PINHOLE", params, header.width, header.height)
        time = row / max(1, len(sequence) - 1)
        maps = _maps_of(sequence, row) if has_maps else None
        views.append(SourceView(path.name, path, viewmat, lens, time=time, maps=maps))
    notes = [] if has_maps else [f"{source.name} has no {LABELS} or no depth: nothing says what moves"]
    return SourceScene(views, notes=tuple(notes))


def _test_images(_source: Path) -> tuple[str, ...]:
    return ()


READER = Reader("sintel", f"{_CAMERAS}/NAME/frame_0001.cam (Sintel)", _detect, _read, _test_images)
"""Sequences of MPI-Sintel with their true cameras, named by the folder of those."""
