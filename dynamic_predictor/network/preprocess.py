"""From a frame to the image that the network looks at: resized, cut to whole patches, in [-1, 1].

Source: the published preprocessing of S. Wang et al., DUSt3R (CVPR 2024).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from core.errors import UserError

Mode = Literal["crop", "resize", "square"]

PATCH = 16


@dataclass(frozen=True)
class WorkingSize:
    """How frames of one size become working images.

    Args:
        frame: width and height of the frames.
        resized: width and height after the first resizing.
        box: (left, top, right, bottom) of what is kept of that.
        working: width and height of the working images: those of the box, or smaller by a second resizing.
        filter: that of the resizing.
    """

    frame: tuple[int, int]
    resized: tuple[int, int]
    box: tuple[int, int, int, int]
    working: tuple[int, int]
    filter: Image.Resampling

    @property
    def crop(self) -> tuple[float, float, float, float]:
        """(left, top, width, height) of what the working images show, in pixels of the frame."""
        across, down = (self.frame[axis] / self.resized[axis] for axis in range(2))
        left, top, right, bottom = self.box
        return left * across, top * down, (right - left) * across, (bottom - top) * down


def working_size(width: int, height: int, size: int = 512, mode: Mode = "crop") -> WorkingSize:
    """The size at which the network looks at frames of a size.

    Args:
        width: of the frames.
        height: of the frames.
        size: long side after resizing; in the mode `square` the short one.
        mode: `crop` cuts what is more than whole patches, and squares to 4:3, as the weights were trained on
            no squares; `resize` shows the whole frame, slightly squeezed; `square` cuts the middle.

    Raises:
        UserError: the frame is so long and thin, or `size` so small, that no whole patch is left.
    """
    long = round(size * max(width, height) / min(width, height)) if mode == "square" else size
    scale_to = long / max(width, height)
    resized = round(width * scale_to), round(height * scale_to)
    kernel = Image.Resampling.LANCZOS if max(width, height) > long else Image.Resampling.BICUBIC
    box = _box(*resized, mode)
    working = box[2] - box[0], box[3] - box[1]
    if min(working) < PATCH:
        raise UserError(
            f"a frame of {width} x {height} pixels becomes {resized[0]} x {resized[1]} at size {size}, and "
            f"the network needs at least {PATCH} both ways; choose a larger --long-side or cut the frames"
        )
    if mode == "resize":
        box = (0, 0, *resized)
    return WorkingSize((width, height), resized, box, working, kernel)


def _box(width: int, height: int, mode: Mode) -> tuple[int, int, int, int]:
    """What is kept of a resized image, around its middle; in the mode `resize`, what it is squeezed to."""
    center_x, center_y = width // 2, height // 2
    if mode == "square":
        half_width = half_height = min(center_x, center_y) // (PATCH // 2) * (PATCH // 2)
    else:
        half_width, half_height = (2 * center // PATCH * (PATCH // 2) for center in (center_x, center_y))
        if mode == "crop" and width == height:
            # Down to whole patches: three quarters need not be.
            half_height = 3 * half_width // 4 // (PATCH // 2) * (PATCH // 2)
    return center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height


def working_image(frame: UInt8[Tensor, "H W 3"], size: WorkingSize) -> UInt8[Tensor, "h w 3"]:
    """The frame resized and cut.

    Raises:
        ValueError: the frame has another size than `size` is for.
    """
    if (frame.shape[1], frame.shape[0]) != size.frame:
        raise ValueError(f"a frame of {frame.shape[1]} x {frame.shape[0]} pixels; {size.frame} were expected")
    image = Image.fromarray(frame.cpu().numpy())
    image = image.resize(size.resized, size.filter).crop(size.box)
    if image.size != size.working:
        image = image.resize(size.working, Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image))


def normalized(image: UInt8[Tensor, "H W 3"]) -> Float[Tensor, "3 H W"]:
    """8 bits to float32 in [-1, 1], channels first."""
    return (image.permute(2, 0, 1).to(torch.float32) / 255 - 0.5) / 0.5
