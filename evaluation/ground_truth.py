"""What is known to be true of a video: annotated masks and measured camera paths, matched with its frames."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Shaped
from numpy import ndarray
from torch import Tensor

from core.cli import flag
from core.errors import UserError
from core.geometry import invert_se3
from core.images import IMAGE_SUFFIXES, read_gray
from core.stages import content_digest
from core.tum import read_tum
from evaluation.trajectories import associate
from scene.datasets.sintel import read_camera, read_depth
from scene.frame_folders import natural_sort
from scene.prediction_files import input_files
from scene.prediction_reading import Crop, StoredPrediction, open_prediction
from scene.stored_frames import read_facts

_LOSSY = {".jpg", ".jpeg", ".webp"}
_HALF = 128


@dataclass(frozen=True)
class PredictedVideo:
    """A prediction, and what its source calls its frames.

    Args:
        stored: the prediction.
        original_names: of the frames; for a video file, their numbers.
        times_s: when each frame is shown.
    """

    stored: StoredPrediction
    original_names: tuple[str, ...]
    times_s: tuple[float, ...]

    @classmethod
    def open(cls, folder: Path) -> "PredictedVideo":
        """Read the folder of a prediction.

        Raises:
            UserError: it holds none, or a file of it is broken.
        """
        stored, facts = open_prediction(folder), read_facts(folder)
        if facts is None or len(facts) != len(stored.frame_names):
            return cls(stored, stored.frame_names, tuple(map(float, range(len(stored.frame_names)))))
        return cls(stored, facts.original_names, facts.times_s)

    @property
    def digest(self) -> str:
        """Of the contents of its files.

        Raises:
            UserError: a file cannot be read.
        """
        return content_digest(input_files(self.stored.layout))


@dataclass(frozen=True)
class GroundTruth:
    """What is known to be true of one or more sequences."""

    masks: Annotated[Path | None, flag("--gt-dynamic-mask", name="gt-masks")] = None
    """Videos: folder of annotated masks of what moves, one for each frame, or of such folders named as the
    runs. Without it the predicted masks say what is static."""
    trajectory: Annotated[Path | None, flag(name="gt-trajectory")] = None
    """Videos: the true cameras, a TUM file or a folder of .cam; or a folder of such, named as the runs."""
    depths: Annotated[Path | None, flag(name="gt-depths")] = None
    """Videos: the true depths, a folder of .dpt or .npy; or a folder of such, named as the runs."""
    farthest: Annotated[float, flag(name="depth-limit")] = 70.0
    """True depths from here on do not count, as in published numbers for Sintel; in units of the truth."""

    def of(self, sequence: str) -> "GroundTruth":
        """What of it belongs to one sequence, with absolute paths."""
        masks, trajectory, depths = (
            None if path is None else of_sequence(path, sequence).absolute() for path in self._paths
        )
        return GroundTruth(masks, trajectory, depths, self.farthest)

    @property
    def _paths(self) -> tuple[Path | None, Path | None, Path | None]:
        return self.masks, self.trajectory, self.depths

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return all(path is None for path in self._paths)

    @property
    def is_there(self) -> bool:
        """Whether all that is named exists."""
        return all(path is None or path.exists() for path in self._paths)

    @property
    def digest(self) -> str:
        """Of the contents of its files, wherever they are, and of what counts of them.

        Raises:
            UserError: a file cannot be read.
        """
        total = hashlib.sha256(b"" if self.depths is None else str(self.farthest).encode())
        for path in self._paths:
            files = [] if path is None else sorted(path.iterdir()) if path.is_dir() else [path]
            total.update(content_digest(file for file in files if not file.is_dir()).encode())
        return total.hexdigest()


def of_sequence(path: Path, sequence: str) -> Path:
    """What a data set knows of one sequence: the file or folder of its name, or the path itself."""
    candidates = [path / sequence, path / f"{sequence}.txt"]
    return next((candidate for candidate in candidates if candidate.exists()), path)


def match_files(folder: Path, suffixes: Collection[str], names: Sequence[str]) -> Mapping[int, Path]:
    """The file of each frame, by its row; frames may lack theirs.

    Files go by name where the first frame's is among them, by number where the names are numbers, and by
    their natural order where there is one for each frame.

    Args:
        folder: of the files.
        suffixes: which ones count, in lower case.
        names: what the source of the video calls its frames.

    Raises:
        UserError: the folder is missing or empty, or there is no telling which file belongs to which frame.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; one with a file for each frame was expected")
    files = natural_sort(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    stems = [Path(name).stem for name in names]
    by_stem = {path.stem: path for path in files}
    if stems[0] in by_stem:
        return {row: by_stem[stem] for row, stem in enumerate(stems) if stem in by_stem}
    if all(name.isdecimal() for name in names) and int(names[-1]) < len(files):
        return {row: files[int(name)] for row, name in enumerate(names)}
    if len(files) == len(names):
        return dict(enumerate(files))
    raise UserError(
        f"{folder} holds {len(files)} files ({', '.join(sorted(suffixes))}), none of which is named like "
        f"{names[0]}, and there are {len(names)} frames; one file for each frame was expected"
    )


def match_masks(folder: Path, names: Sequence[str]) -> Mapping[int, Path]:
    """The annotated mask of each frame, by its row; see `match_files`.

    Raises:
        UserError: as `match_files`.
    """
    return match_files(folder, IMAGE_SUFFIXES, names)


def read_mask(path: Path) -> Bool[Tensor, "H W"]:
    """True where a mask shows anything.

    Labels may be any number but 0; lossy files have no exact numbers, and are cut at one half.

    Raises:
        UserError: the file is missing or broken.
    """
    return torch.from_numpy(read_gray(path) >= (_HALF if path.suffix.lower() in _LOSSY else 1))


def true_depths(folder: Path, names: Sequence[str]) -> Iterator[tuple[int, Float[Tensor, "H W"]]]:
    """Row and measured z-depth of each frame that has one, from Sintel's `.dpt` files or arrays in `.npy`.

    Raises:
        UserError: as `match_files`; or a file is broken.
    """
    for row, path in match_files(folder, {".dpt", ".npy"}, names).items():
        yield row, torch.from_numpy(read_depth(path) if path.suffix == ".dpt" else _read_array(path))


def _read_array(path: Path) -> Float32[ndarray, "H W"]:
    try:
        array = np.load(path, allow_pickle=False)  # nothing of the file is executed
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} is no array of numbers ({error}); a depth map was expected") from error
    if array.ndim != 2 or array.dtype.kind not in "fui":
        raise UserError(f"{path} holds {array.dtype}{list(array.shape)}; an image of depths was expected")
    return array.astype(np.float32)


def nearest(
    image: Shaped[Tensor, "h w"], crop: Crop, frame_size: tuple[int, int], width: int, height: int
) -> Shaped[Tensor, "H W"]:
    """A part of a mask or depth map at another size, by the nearest pixel.

    Args:
        image: of the whole frame, at any size.
        crop: the part, in units of `frame_size`.
        frame_size: width and height of the frame, in pixels; or (1, 1), and the part is told in shares.
        width: of the answer, in pixels.
        height: likewise.
    """
    left, top, crop_width, crop_height = crop
    columns = left + (torch.arange(width) + 0.5) * (crop_width / width)
    rows = top + (torch.arange(height) + 0.5) * (crop_height / height)
    x = (columns * (image.shape[1] / frame_size[0])).long().clamp(0, image.shape[1] - 1)
    y = (rows * (image.shape[0] / frame_size[1])).long().clamp(0, image.shape[0] - 1)
    return image[y[:, None], x]


def match_trajectory(path: Path, video: PredictedVideo) -> tuple[Int[Tensor, " P"], Float[Tensor, "P 4 4"]]:
    """Rows of the frames whose true pose is known, and these poses, world-from-camera.

    Poses go by order where there is one for each frame, else by timestamps: those of the frames' names where
    these are such, as in TUM's data sets, else of the video.

    Args:
        path: a TUM file, or a folder of Sintel's `.cam` files.
        video: whose frames are meant.

    Raises:
        UserError: a file is broken, or fewer than two frames have a pose.
    """
    if path.is_dir():
        cameras = match_files(path, {".cam"}, video.original_names)
        viewmats = torch.stack([torch.from_numpy(read_camera(file)[1]) for file in cameras.values()])
        return torch.tensor(list(cameras)), invert_se3(viewmats)
    times, c2w = read_tum(path)
    count = len(video.original_names)
    if len(times) == count:
        return torch.arange(count), c2w
    rows, poses = associate(torch.tensor(_timestamps(video), dtype=torch.float64), times)
    if len(rows) < 2:
        raise UserError(
            f"{path} has {len(times)} poses for {count} frames, and {len(rows)} of their timestamps agree; "
            "one pose for each frame was expected, or timestamps in seconds"
        )
    return rows, c2w[poses]


def _timestamps(video: PredictedVideo) -> Sequence[float]:
    """Seconds: the frames' names where all are decimal fractions."""
    stems = [Path(name).stem for name in video.original_names]
    if all(stem.count(".") == 1 and stem.replace(".", "").isdecimal() for stem in stems):
        return [float(stem) for stem in stems]
    return video.times_s
