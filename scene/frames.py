"""The frames of a video that are looked at: which, how large, and written as images."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from core.errors import UserError
from core.files import write_json
from core.folders import atomic_folder
from core.images import IMAGE_SUFFIXES, write_png
from core.progress import Progress
from core.serialization import config_to_json
from core.video_input import VIDEO_SUFFIXES, VideoInput, is_video
from scene.frame_folders import FrameFolder, find_frames, scaled, scaled_size
from scene.shots import THUMBNAIL_PX, Shot, find_shots
from scene.stored_frames import FACTS_FILE, IMAGES, FrameFacts

LONG_SIDE_CAP_PX = 1600

_STILL_LEVELS = 8  # what sensors and codecs do to a picture that does not change; 1 pixel of 854 makes 14
_LISTED = 8
_PNG_BYTES_PER_PIXEL = 2.0  # of photographs
_KEPT_SUFFIXES = {".png", ".jpg", ".jpeg"}


@dataclass(frozen=True)
class FrameOptions:
    """Which frames of a video are looked at, and how large they are."""

    frame_long_side: int = 0
    """Long side of the frames in pixels; 0 keeps their own size, but at most 1600."""
    frame_stride: int = 1
    """Take every N-th frame."""
    first_frames: int = 0
    """Take no frame after so many of the shot; 0 takes it whole."""
    max_frames: int = 300
    """A longer video is thinned evenly to at most so many frames; 0 never thins."""
    shot: int | None = None
    """Which shot of a video with cuts, counted from 1; by default the longest."""

    def __post_init__(self) -> None:
        for name, least in (
            ("frame_long_side", 0), ("frame_stride", 1), ("first_frames", 0), ("max_frames", 0),
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise ValueError(f"{name}: a number from {least} on was expected, got {getattr(self, name)}")


@dataclass(frozen=True)
class Frames:
    """Chosen frames, not yet decoded.

    Args:
        facts: all about them.
        rows: their places in the source.
        total: how many frames the source has.
        own_size: width and height of the source's frames, upright.
        notes: what a user should know about the choice, as sentences.
        input: what decodes them.
    """

    facts: FrameFacts
    rows: tuple[int, ...]
    total: int
    own_size: tuple[int, int]
    notes: tuple[str, ...]
    input: VideoInput | FrameFolder

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[UInt8[ndarray, "H W 3"]]:
        """The frames at their written size, one decoded at a time."""
        size = (self.facts.height, self.facts.width)
        for frame in self.input.frames(rows=set(self.rows)):
            image = frame.image
            yield image if image.shape[:2] == size else scaled(image, max(size))

    @property
    def copied_files(self) -> list[Path] | None:
        """The image files that can be taken as they are; None where frames must be encoded."""
        found = self.input
        if not isinstance(found, FrameFolder) or found.size != (self.facts.width, self.facts.height):
            return None
        kept = all(_is_kept(found, row) for row in self.rows)
        return [found.files[row] for row in self.rows] if kept else None

    @property
    def bytes_expected(self) -> int:
        """What `write_frames` will write, roughly."""
        if self.copied_files is not None:
            return sum(file.stat().st_size for file in self.copied_files)
        return round(_PNG_BYTES_PER_PIXEL * self.facts.width * self.facts.height) * len(self)


def holds_frames(source: Path) -> bool:
    """Whether a path is a video file, or a folder with the frames of one.

    Raises:
        UserError: a folder that holds several videos.
    """
    if source.is_dir():
        return find_frames(source) is not None
    suffix = source.suffix.lower()
    return (
        source.is_file() and suffix not in IMAGE_SUFFIXES and (suffix in VIDEO_SUFFIXES or is_video(source))
    )


def open_frames(source: Path, options: FrameOptions) -> Frames:
    """Choose frames of a video. Every frame is looked at once, at the size of a thumbnail.

    Args:
        source: a video file, or a folder of images, or one that holds either.
        options: which frames, and how large.

    Raises:
        UserError: there is no video or it does not decode, it has fewer than two frames, its frames are all
            the same picture or of several sizes, or the shot asked for does not exist.
    """
    found = _open(source)
    times_s, thumbnails = _survey(found)
    if len(thumbnails) < 2:
        raise UserError(f"{source} has one frame; a video of at least 2 frames was expected")
    notes = [] if found.damage is None else [f"{found.damage}; what comes before is used"]
    shots = find_shots(thumbnails)
    number = _choose_shot(source, shots, options, notes)
    rows = _choose_rows(shots[number - 1], options, notes)
    _check_motion(source, [thumbnails[row] for row in rows])
    own_size = width, height = _size(found)
    long_side = options.frame_long_side or min(max(width, height), LONG_SIDE_CAP_PX)
    if long_side != max(width, height):
        width, height = scaled_size(width, height, long_side)
        notes.append(f"frames are scaled to {width}x{height} pixels; --frame-long-side chooses another size")
    names, original = _names(found, rows, (width, height))
    times_s = tuple(times_s[row] for row in rows)
    seconds = times_s[-1] - times_s[0]
    fps = (len(rows) - 1) / seconds if seconds > 0 else found.fps
    facts = FrameFacts(
        str(source.absolute()), names, original, times_s, fps, width, height, number, len(shots)
    )
    return Frames(facts, rows, len(thumbnails), own_size, tuple(notes), found)


def write_frames(frames: Frames, folder: Path) -> None:
    """Write `images/` and `frames.json`; images whole or not at all, the facts after them.

    Images of a folder that need no change are copied, others become PNG without loss.

    Raises:
        UserError: a frame does not decode, or a file cannot be written.
    """
    with atomic_folder(folder / IMAGES) as images, Progress(len(frames), label="frames") as progress:
        for name, content in zip(frames.facts.names, frames.copied_files or frames, strict=True):
            if isinstance(content, Path):
                shutil.copyfile(content, images / name)
            else:
                write_png(images / name, content)
            progress.advance()
    write_json(folder / FACTS_FILE, config_to_json(frames.facts))


def _open(source: Path) -> VideoInput | FrameFolder:
    if not source.exists():
        raise UserError(f"{source} does not exist; a video, or a folder with its frames, was expected")
    if not source.is_dir():
        if source.suffix.lower() in IMAGE_SUFFIXES:
            raise UserError(f"{source} is one image; a video, or a folder with its frames, was expected")
        return VideoInput(source)
    found = find_frames(source)
    if found is None:
        raise UserError(f"{source} holds neither images nor a video")
    return VideoInput(found) if isinstance(found, Path) else found


def _survey(found: VideoInput | FrameFolder) -> tuple[tuple[float, ...], list[UInt8[ndarray, "_ _ 3"]]]:
    """Time and thumbnail of every frame."""
    times_s, thumbnails = [], []
    for frame in found.frames(long_side=THUMBNAIL_PX):
        thumbnails.append(frame.image)
        times_s.append(frame.time_s)
        if thumbnails[-1].shape != thumbnails[0].shape:
            raise UserError(
                f"frame {len(thumbnails)} of {found.path} has another shape than the first; frames of one "
                "size were expected"
            )
    return tuple(times_s), thumbnails


def _choose_shot(source: Path, shots: Sequence[Shot], options: FrameOptions, notes: list[str]) -> int:
    """The number, from 1, of the shot to use."""
    longest = max(range(len(shots)), key=lambda index: len(shots[index])) + 1
    number = longest if options.shot is None else options.shot
    told = [f"{index}: frames {shot.start + 1}-{shot.stop}" for index, shot in enumerate(shots, start=1)]
    listed = ", ".join(told[:_LISTED]) + (", ..." if len(told) > _LISTED else "")
    if not 1 <= number <= len(shots):
        raise UserError(f"--shot {number}: {source} has {len(shots)} ({listed})")
    if len(shots) > 1:
        why = "the longest" if number == longest else "as asked"
        notes.append(f"{len(shots)} shots ({listed}); shot {number} is used, {why}, --shot names another")
    if len(shots[number - 1]) < 2:
        raise UserError(
            f"shot {number} of {source} is a single frame; at least 2 in a row without a cut were expected"
        )
    return number


def _choose_rows(shot: Shot, options: FrameOptions, notes: list[str]) -> tuple[int, ...]:
    rows = range(shot.start, shot.stop)[: options.first_frames or None]
    chosen = rows[:: options.frame_stride]
    if options.max_frames and len(chosen) > options.max_frames:
        chosen = chosen[:: -(-len(chosen) // options.max_frames)]
        notes.append(
            f"{len(chosen)} of {len(rows)} frames are used, every {chosen.step}th; --max-frames takes more"
        )
    if len(chosen) < 2:
        raise UserError(
            f"--first-frames {options.first_frames}, --frame-stride {options.frame_stride} and --max-frames "
            f"{options.max_frames} leave {len(chosen)} of {len(shot)} frames; at least 2 were expected"
        )
    return tuple(chosen)


def _check_motion(source: Path, thumbnails: Sequence[UInt8[ndarray, "h w 3"]]) -> None:
    first = thumbnails[0].astype(np.int16)
    if all(np.abs(other - first).max() <= _STILL_LEVELS for other in thumbnails[1:]):
        raise UserError(
            f"the {len(thumbnails)} frames of {source} are all the same picture; a video in which the camera "
            "moves was expected"
        )


def _size(found: VideoInput | FrameFolder) -> tuple[int, int]:
    """Width and height of the frames in pixels, upright."""
    if isinstance(found, FrameFolder):
        return found.size
    height, width = next(found.frames(rows=(0,))).image.shape[:2]
    return width, height


def _names(
    found: VideoInput | FrameFolder, rows: Sequence[int], size: tuple[int, int]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names to write the frames under, and those that the source has for them.

    A folder's own names stay where they are in the order of the alphabet, which readers of captures go by.
    """
    numbered = tuple(f"frame_{place:04d}.png" for place in range(len(rows)))
    if not isinstance(found, FrameFolder):
        return numbered, tuple(str(row) for row in rows)
    original = tuple(found.files[row].name for row in rows)
    kept = found.size == size and all(_is_kept(found, row) for row in rows)
    names = original if kept else tuple(f"{found.files[row].stem}.png" for row in rows)
    return (names if list(names) == sorted(set(names)) else numbered), original


def _is_kept(found: FrameFolder, row: int) -> bool:
    """Whether an image file shows its frame as it is, in a format that every tool reads."""
    return found.orientations[row] == 1 and found.files[row].suffix in _KEPT_SUFFIXES
