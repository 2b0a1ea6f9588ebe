"""Paths of a camera through places that somebody chose, as videos."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.errors import UserError
from core.video import video_writer
from scene.trajectories import PoseCurve
from viewer.eyes import Eye
from viewer.subject import Subject, Wish

FOLDER = "paths"
"""Of a run: where recorded paths are."""

_lock = threading.Lock()
_given: set[tuple[Path, str]] = set()  # folders and names of what is being recorded


@dataclass(frozen=True)
class Key:
    """A place on a path.

    Args:
        eye: the camera there.
        time_s: of the subject, if anything moves in it.
    """

    eye: Eye
    time_s: float | None


@dataclass(frozen=True)
class VideoWish:
    """How a path is recorded.

    Args:
        width: pixels, even.
        height: pixels, even.
        fps: frames per second.
        seconds: that the path takes.
    """

    width: int
    height: int
    fps: float
    seconds: float

    @property
    def frames(self) -> int:
        """How many there are, at least 2."""
        return max(2, round(self.fps * self.seconds))


def path_through(keys: Sequence[Key], frames: int) -> list[Key]:
    """So many places on a smooth path through keys, at an even pace; time and zoom go along.

    Raises:
        UserError: there are fewer than two keys.
    """
    if len(keys) < 2:
        raise UserError("a camera path needs at least 2 keyframes; add them where the camera should pass")
    curve = PoseCurve.through(np.stack([key.eye.pose for key in keys]))
    at = np.linspace(0, curve.times[-1], frames)
    fovs = np.interp(at, curve.times, [key.eye.fov for key in keys])
    times = _between(curve.times, [key.time_s for key in keys], at)
    last = keys[-1].eye
    return [
        Key(replace(last, c2w=tuple(pose.ravel().tolist()), fov=float(fov)), time)
        for pose, fov, time in zip(curve(at), fovs, times, strict=True)
    ]


def record(
    subject: Subject,
    wish: Wish,
    keys: Sequence[Key],
    video: VideoWish,
    path: Path,
    go_on: Callable[[float], bool] = lambda _: True,
) -> bool:
    """Write a path as a video; no file is left where it was given up.

    Args:
        subject: what is seen.
        wish: how; the time is that of the path.
        keys: where the path leads through, at least two.
        video: its size and pace.
        path: of the file, an `.mp4`.
        go_on: is told which share is done, before each frame; False gives up.

    Returns:
        Whether it was written.

    Raises:
        UserError: there are too few keys, the file cannot be written, or the subject cannot be drawn.
    """
    places = path_through(keys, video.frames)
    try:
        with video_writer(path, video.fps) as writer:
            for number, place in enumerate(places):
                if not go_on(number / len(places)):
                    raise _GivenUpError
                camera = place.eye.cameras(video.width, video.height)
                writer.write(subject.draw(camera, replace(wish, view=None, time_s=place.time_s)))
    except _GivenUpError:
        return False
    return True


@contextmanager
def new_path(folder: Path) -> Iterator[Path]:
    """The first free name among path_001.mp4, path_002.mp4 and so on in a folder.

    Until the block ends nobody else gets it: several browsers may record one run at a time.
    """
    with _lock:
        here = folder.resolve()
        names = [
            *(file.name for file in folder.glob("path_*.mp4")),
            *(name for at, name in _given if at == here),
        ]
        taken = [re.fullmatch(r"path_(\d+)\.mp4", name) for name in names]
        name = f"path_{max((int(match[1]) for match in taken if match), default=0) + 1:03d}.mp4"
        _given.add((here, name))
    try:
        yield folder / name
    finally:
        with _lock:
            _given.remove((here, name))


class _GivenUpError(Exception):
    pass


def _between(
    of_keys: Float[ndarray, " K"], times: Sequence[float | None], at: Float[ndarray, " F"]
) -> list[float | None]:
    known = [time for time in times if time is not None]
    if len(known) < len(times):
        return [None] * len(at)
    return [float(time) for time in np.interp(at, of_keys, known)]
