"""A long log in clips: a street for each, all in one world, and their videos one after the other."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.video import video_writer
from core.video_input import VideoInput


@dataclass(frozen=True)
class ClipsConfig:
    """How a long log is divided."""

    clip_frames: int = 0
    """Frames of a clip. Each clip is a run in a folder of its own; their world is that of the log. 0 trains
    the log as one."""
    clip_overlap: int = 5
    """Frames that a clip shares with the one before it, so that both know what drives across the border."""

    def __post_init__(self) -> None:
        if self.clip_frames == 1 or self.clip_frames < 0:
            raise ValueError(f"clip_frames: 0, or 2 and more were expected, got {self.clip_frames}")
        if self.clip_overlap < 0 or 0 < self.clip_frames <= self.clip_overlap:
            raise ValueError(
                f"clip_overlap: from 0 to below clip_frames was expected, got {self.clip_overlap}"
            )


def clips_of(numbers: Sequence[int], config: ClipsConfig) -> list[tuple[int, int]]:
    """Numbers of the first and the last frame of each clip.

    The last clip reaches back, so that it has as many frames as the others, unless the log is shorter.

    Args:
        numbers: of the log's frames, increasing.
        config: how it is divided.
    """
    length, step = config.clip_frames, config.clip_frames - config.clip_overlap
    starts = [start for start in range(0, len(numbers), step) if start + length < len(numbers)]
    starts.append(max(0, len(numbers) - length))
    return [(numbers[start], numbers[min(start + length, len(numbers)) - 1]) for start in starts]


def join_videos(
    folders: Sequence[Path], clips: Sequence[tuple[int, int]], numbers: Sequence[int], out: Path
) -> None:
    """Write the videos of clips one after the other; of frames that two clips have, each shows a half.

    Args:
        folders: with the videos of each clip, a picture for each frame.
        clips: as `clips_of` gives them.
        numbers: of the log's frames.
        out: folder for the joined videos; those of which a clip has none are left out.

    Raises:
        UserError: a video does not decode, or a file cannot be written.
    """
    rows = {number: row for row, number in enumerate(numbers)}
    spans = [(rows[first], rows[last] + 1) for first, last in clips]
    inner = [(end + start) // 2 for (_, end), (start, _) in itertools.pairwise(spans)]
    borders = list(itertools.pairwise([0, *inner, len(rows)]))
    for name in sorted(path.name for path in folders[0].glob("*.mp4")):
        inputs = [folder / name for folder in folders]
        if not all(path.exists() for path in inputs):
            continue
        videos = [VideoInput(path) for path in inputs]
        with video_writer(out / name, videos[0].fps) as joined:
            for video, (start, _), (first, last) in zip(videos, spans, borders, strict=True):
                for frame in video.frames(rows=list(range(first - start, last - start))):
                    joined.write(frame.image)
