"""Frames of a video at the size at which a network looks at them, with what the user knows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from core.errors import UserError
from core.images import read_gray
from dynamic_predictor.alignment.initialisation import Known
from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.network.preprocess import WorkingSize, working_image, working_size
from scene.cameras import Cameras


@dataclass(frozen=True)
class WorkingVideo:
    """Frames at the size at which a network looks at them, and what is known of them.

    Args:
        names: of the frames.
        size: how frames become working images.
        images: 8-bit sRGB.
        user_masks: where something moves, if the user says so; nowhere, if nothing is to be looked for.
        known: cameras and focal lengths, in pixels of the working images.
    """

    names: tuple[str, ...]
    size: WorkingSize
    images: list[UInt8[Tensor, "h w 3"]]
    user_masks: Bool[Tensor, "N h w"] | None
    known: Known

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the working images."""
        return self.size.working[1], self.size.working[0]


def prepare_video(
    frames: Sequence[UInt8[Tensor, "H W 3"]],
    names: Sequence[str],
    config: PredictorConfig,
    known_cameras: Cameras | None = None,
    known: Bool[Tensor, " N"] | None = None,
) -> WorkingVideo:
    """Frames brought to the working size, with the user's masks and cameras.

    Args:
        frames: of one size, in the order of time.
        names: of the frames; their stems name the user's masks.
        config: working size, and what the user knows.
        known_cameras: cameras of the frames' size, one a frame, if any are known.
        known: which of them are; all by default.

    Raises:
        UserError: there is no frame, frames differ in size, or a mask is missing or of another size.
        ValueError: poses are named in the configuration and not given.
    """
    if config.user_poses is not None and known_cameras is None:
        raise ValueError("config.user_poses names a file, and known_cameras should hold what it says")
    first = next(iter(frames), None)
    if first is None:
        raise UserError("the video has no frames; at least one was expected")
    height, width = first.shape[:2]
    size = working_size(width, height, config.long_side)
    images: list[Tensor] = []
    for frame, name in zip(frames, names, strict=True):
        if frame.shape != first.shape:
            raise UserError(
                f"frame {name} is {frame.shape[1]}x{frame.shape[0]} pixels, {names[0]} is {width}x{height}; "
                "all frames must have one size"
            )
        images.append(working_image(frame, size))
    masks = torch.zeros(len(images), *images[0].shape[:2], dtype=torch.bool) if config.assume_static else None
    if config.user_masks is not None:
        masks = torch.stack([_user_mask(config.user_masks, name, size) for name in names])
    return WorkingVideo(tuple(names), size, images, masks, _known(size, config, known_cameras, known))


def _user_mask(folder: Path, name: str, size: WorkingSize) -> Bool[Tensor, "h w"]:
    """What moves in a frame, according to the image of its name: anything that is not black."""
    path = folder / f"{Path(name).stem}.png"
    moves = torch.from_numpy(read_gray(path) > 0)
    if (moves.shape[1], moves.shape[0]) != size.frame:
        raise UserError(
            f"{path} is {moves.shape[1]}x{moves.shape[0]} pixels; masks of the frames' size, "
            f"{size.frame[0]}x{size.frame[1]}, were expected"
        )
    return working_image(moves.to(torch.uint8)[..., None].expand(-1, -1, 3) * 255, size)[..., 0] > 127


def _known(
    size: WorkingSize,
    config: PredictorConfig,
    cameras: Cameras | None,
    which: Bool[Tensor, " N"] | None,
) -> Known:
    """Known cameras and focal lengths, in pixels of the working images."""
    scale = size.working[0] / size.crop[2]
    focals = None if config.focal_px is None else torch.tensor([config.focal_px * scale])
    if cameras is None:
        return Known(focals=focals)
    if which is None:
        which = torch.ones(len(cameras), dtype=torch.bool)
    if focals is None and bool(which.any()):
        focals = (cameras.Ks[which, 0, 0].median() * scale).reshape(1).float()
    return Known(cameras.c2w.float(), which, focals)
