"""Cameras that the user knows: a TUM trajectory or a COLMAP model, matched with the frames of a video."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from core.errors import UserError
from core.geometry import invert_se3
from core.tum import read_tum
from scene.cameras import Cameras
from scene.frame_folders import FrameFolder
from scene.frames import Frames

_FOCAL = 1.2  # long sides: what is taken when a trajectory comes without one
_NEAR_S = 0.02  # a frame and a pose whose times differ by more do not belong together
_ALIKE = 0.005  # relative differences of focal lengths below this are not worth a sentence
_CENTERED_PX = 0.5
_MODEL_FILES = ("cameras", "images", "rigs", "frames")
_PINHOLES = {"SIMPLE_PINHOLE", "PINHOLE"}


class UserPoses(NamedTuple):
    """What the user knows of the cameras.

    Args:
        cameras: one a frame, of the size of the frames as they are written.
        notes: what is guessed and what is not used, as sentences.
    """

    cameras: Cameras
    notes: tuple[str, ...]


def pose_files(path: Path) -> list[Path]:
    """The files that `read_user_poses` reads.

    Args:
        path: a trajectory, or the folder of a model or of a capture that has one.
    """
    if not path.is_dir():
        return [path]
    # COLMAP is loaded by those who bring a model.
    from scene.datasets.colmap import find_model  # noqa: PLC0415

    model = find_model(path) or path
    return sorted(file for file in model.iterdir() if file.stem in _MODEL_FILES and file.is_file())


def read_user_poses(path: Path, frames: Frames, focal_px: float | None) -> UserPoses:
    """One camera a frame.

    Args:
        path: a TUM trajectory, or the folder of a COLMAP model. A trajectory goes by time where the images of
            the source have times, in a `rgb.txt` or as their names; otherwise it goes by order and has a pose
            for each frame of the source, or for each chosen one. A model goes by the names of the source.
        frames: the chosen ones.
        focal_px: known focal length in pixels of the frames as they are written; a trajectory has none.

    Raises:
        UserError: the file or model cannot be read, or does not fit the frames.
    """
    return _from_model(path, frames, focal_px) if path.is_dir() else _from_trajectory(path, frames, focal_px)


def _from_trajectory(path: Path, frames: Frames, focal_px: float | None) -> UserPoses:
    times, c2w = read_tum(path)
    rows = _rows_by_time(path, times, frames)
    notes: tuple[str, ...] = ()
    if rows is None:
        rows = _rows_by_order(path, len(c2w), frames)
    width, height, count = frames.facts.width, frames.facts.height, len(frames)
    if focal_px is None:
        focal_px = _FOCAL * max(width, height)
        notes = (f"{path} has no focal length; {focal_px:.0f} pixels are taken, --focal-px names another",)
    K = torch.tensor([[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]])
    viewmats = invert_se3(c2w[rows]).float()
    return UserPoses(Cameras(viewmats, K.repeat(count, 1, 1), *_sizes(frames)), notes)


def _rows_by_time(path: Path, pose_times: Float[Tensor, " M"], frames: Frames) -> Int64[Tensor, " N"] | None:
    """The pose nearest in time to each frame; None where one of the two has no times, or other clocks."""
    if not isinstance(frames.input, FrameFolder):
        return None
    times = _frame_times(frames.input.path, frames.facts.original_names)
    if times is None:
        return _rows_by_number(pose_times, frames.input.files, frames.rows)
    nearest, rows = (torch.tensor(times, dtype=torch.float64)[:, None] - pose_times).abs().min(dim=1)
    far = nearest > _NEAR_S
    if far.all():
        return None
    if far.any():
        missing = frames.facts.original_names[int(far.int().argmax())]
        raise UserError(
            f"{path} has no pose within {_NEAR_S} s of {int(far.sum())} of {len(frames)} frames, first of "
            f"{missing}; a pose for the time of each frame was expected"
        )
    return rows


def _rows_by_number(
    pose_times: Float[Tensor, " M"], files: Sequence[Path], chosen: Sequence[int]
) -> Int64[Tensor, " N"] | None:
    """As `_rows_by_time` for names that are whole numbers, which are times or count the frames.

    They are times where the trajectory has every one of them.
    """
    rows = {time: row for row, time in enumerate(pose_times.tolist())}
    found = [rows.get(_number(file.stem), -1) for file in files]
    return None if -1 in found else torch.tensor(found)[list(chosen)]


def _frame_times(folder: Path, names: Sequence[str]) -> list[float] | None:
    """Times of images in seconds, from the list of a TUM sequence or from names with a decimal point."""
    for place in (folder / "rgb.txt", folder.parent / "rgb.txt"):
        listed = _listed_times(place) if place.is_file() else {}
        if set(names) <= listed.keys():
            return [listed[name] for name in names]
    stems = [Path(name).stem for name in names]
    times = [time for stem in stems if "." in stem and (time := _number(stem)) is not None]
    return times if len(times) == len(names) else None


def _listed_times(path: Path) -> dict[str, float]:
    """Times of the images, by file name, that lines `time path` of a TUM sequence's list give."""
    times = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split()
        time = _number(words[0]) if len(words) == 2 else None
        if time is not None:
            times[Path(words[1]).name] = time
    return times


def _number(text: str) -> float | None:
    """A finite number in plain digits; None for anything else."""
    return float(text) if text.replace(".", "", 1).isdecimal() else None


def _rows_by_order(path: Path, count: int, frames: Frames) -> Int64[Tensor, " N"]:
    if count == frames.total:
        return torch.tensor(frames.rows)
    if count == len(frames):
        return torch.arange(count)
    chosen = "" if len(frames) == frames.total else f", of which {len(frames)} are used"
    raise UserError(
        f"{path} holds {count} poses and {frames.facts.source} has {frames.total} frames{chosen}; one line a "
        "frame was expected, in their order"
    )


def _from_model(path: Path, frames: Frames, focal_px: float | None) -> UserPoses:
    from scene.datasets.colmap import find_model, model_cameras, read_model  # noqa: PLC0415

    cameras, names = model_cameras(path)
    rows = _rows_by_name(path, names, frames)
    lenses = {camera.model_name for camera in read_model(find_model(path) or path).cameras.values()}
    chosen = cameras[rows].resized(*_sizes(frames))
    return UserPoses(chosen, _unused(path, chosen, sorted(lenses - _PINHOLES), focal_px))


def _rows_by_name(path: Path, names: Sequence[str], frames: Frames) -> list[int]:
    """The row of the model for each frame, by the source's names; ours count where they are all it has."""
    rows: dict[str, int] = {}
    for row, name in enumerate(names):
        stem = Path(name).stem
        rows[stem] = -1 if stem in rows else row  # of several cameras
    stems = [Path(name).stem for name in frames.facts.names]
    if set(stems) == rows.keys():
        return [rows[stem] for stem in stems]
    found = [rows.get(Path(name).stem, -1) for name in frames.facts.original_names]
    if min(found) < 0:
        absent = found.index(-1)
        raise UserError(
            f"{path} poses {len(names)} images and has no camera for {found.count(-1)} of {len(frames)} "
            f"frames, first for {_told(frames, absent)}; a model with an image of the same name for each "
            "frame was expected"
        )
    return found


def _told(frames: Frames, place: int) -> str:
    name = frames.facts.original_names[place]
    return name if isinstance(frames.input, FrameFolder) else f"frame {name} of the video, counted from 0"


def _unused(path: Path, cameras: Cameras, lenses: Sequence[str], focal_px: float | None) -> tuple[str, ...]:
    """What of known intrinsics is not used: one focal length and the middle of the image are."""
    Ks = cameras.Ks.double().numpy()
    width, height = cameras.size
    focals = Ks[:, (0, 1), (0, 1)]
    used = float(np.median(focals[:, 0])) if focal_px is None else focal_px
    aside = float(np.hypot(Ks[:, 0, 2] - width / 2, Ks[:, 1, 2] - height / 2).max())
    left_out = []
    if focals.max() > (1 + _ALIKE) * used or focals.min() < (1 - _ALIKE) * used:
        left_out.append(f"focal lengths from {focals.min():.1f} to {focals.max():.1f} pixels")
    if aside > _CENTERED_PX:
        left_out.append(f"principal points up to {aside:.1f} pixels from the middle")
    if lenses:
        left_out.append(f"the distortion of {', '.join(lenses)}")
    if not left_out:
        return ()
    return (
        f"warning: of {path} the poses and one focal length of {used:.1f} pixels are used, with the middle "
        f"of the image as principal point; not used are {', '.join(left_out)}",
    )


def _sizes(frames: Frames) -> tuple[Int64[Tensor, " N"], Int64[Tensor, " N"]]:
    """Widths and heights."""
    count = len(frames)
    return torch.full((count,), frames.facts.width), torch.full((count,), frames.facts.height)
