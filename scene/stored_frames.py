"""Frames as they lie on the disk: images in the order of their names, and a file of facts beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import torch
from jaxtyping import UInt8
from torch import Tensor

from core.files import read_json
from core.images import read_image
from core.serialization import config_from_json

IMAGES, FACTS_FILE = "images", "frames.json"


@dataclass(frozen=True)
class FrameFacts:
    """What is known of chosen frames beside their pixels.

    Args:
        source: the video or folder that they come from.
        names: file names under which they are written, in the order of time and of the alphabet.
        original_names: what the source calls them; for a video, their numbers counted from 0.
        times_s: when each is shown.
        fps: frames per second, the ones that were not chosen left out.
        width: of the written frames, in pixels.
        height: likewise.
        shot: which shot they are, counted from 1.
        shots: how many the source has.
    """

    source: str
    names: tuple[str, ...]
    original_names: tuple[str, ...]
    times_s: tuple[float, ...]
    fps: float
    width: int
    height: int
    shot: int
    shots: int

    def __len__(self) -> int:
        return len(self.names)


class StoredFrames(Sequence[UInt8[Tensor, "_ _ 3"]]):
    """Frames as image files, each decoded when it is asked for."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.paths = [folder / name for name in names]

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> UInt8[Tensor, "_ _ 3"]: ...
    @overload
    def __getitem__(self, index: slice) -> "StoredFrames": ...
    def __getitem__(self, index: int | slice) -> "UInt8[Tensor, '_ _ 3'] | StoredFrames":
        if isinstance(index, slice):
            chosen = self.paths[index]
            return StoredFrames(chosen[0].parent if chosen else Path(), [path.name for path in chosen])
        return torch.from_numpy(read_image(self.paths[index]))


def read_facts(folder: Path) -> FrameFacts | None:
    """What `scene.frames.write_frames` wrote beside the images; None where it did not.

    Raises:
        UserError: the file is broken.
    """
    path = folder / FACTS_FILE
    return config_from_json(FrameFacts, read_json(path), f"{path}: ") if path.exists() else None
