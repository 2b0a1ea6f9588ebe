"""What happens to a frame of a pair before a network sees it: crops, scaling and other colours.

Crops are centred on the principal point, so that each is the image of a camera that looks straight ahead.

Source: S. Wang et al., "DUSt3R: Geometric 3D Vision Made Easy", 2024, appendix (data augmentation).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from PIL import Image
from torch import Tensor

from core.errors import UserError
from scene.motion_pairs import MotionView


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training frames; each frame of a pair has its own."""

    focal_crop: float = 0.9
    """The smallest part of an image's sides that is kept: a longer focal length. 1 keeps all."""
    resize_margin_px: int = 16
    """Images are scaled to fewer than this many pixels more than needed, and cropped."""
    brightness: float = 0.5
    """Factors on the brightness lie within 1 plus or minus this; 0 leaves it."""
    contrast: float = 0.5
    """Factors on the difference from the mean grey lie within 1 plus or minus this."""
    saturation: float = 0.5
    """Factors on the difference from the pixel's grey lie within 1 plus or minus this."""
    hue: float = 0.1
    """Largest shift of the hue, as a part of the colour circle."""

    def __post_init__(self) -> None:
        if not 0.1 <= self.focal_crop <= 1:
            raise ValueError(f"focal_crop: 0.1 to 1 was expected, got {self.focal_crop}")
        if self.resize_margin_px < 1:
            raise ValueError(f"resize_margin_px: at least 1 was expected, got {self.resize_margin_px}")
        for name in ("brightness", "contrast", "saturation", "hue"):
            limit = 0.5 if name == "hue" else 1
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name}: 0 to {limit} was expected, got {getattr(self, name)}")


NO_AUGMENTATION = Augmentation(
    focal_crop=1.0, resize_margin_px=1, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0
)
"""Frames are only cropped about the principal point and scaled."""


def augmented(
    view: MotionView, size: tuple[int, int], augmentation: Augmentation, generator: torch.Generator
) -> MotionView:
    """A frame of the wanted size: cropped, scaled and recoloured at random.

    Args:
        view: the frame.
        size: width and height in pixels; exchanged for a portrait frame if they are landscape.
        augmentation: what may happen.
        generator: of the draws.

    Raises:
        UserError: the principal point lies at the frame's edge.
    """
    if (view.size[0] < view.size[1]) != (size[0] < size[1]):
        size = size[1], size[0]
    view = _about_the_principal_point(view, _focal_factor(augmentation.focal_crop, generator))
    margin = int(torch.randint(augmentation.resize_margin_px, (1,), generator=generator))
    width, height = view.size
    scale = max((size[0] + margin) / width, (size[1] + margin) / height)
    view = resized(view, max(size[0], round(width * scale)), max(size[1], round(height * scale)))
    view = cropped(view, (view.size[0] - size[0]) // 2, (view.size[1] - size[1]) // 2, *size)
    return replace(view, image=recolored(view.image, augmentation, generator))


def _focal_factor(smallest: float, generator: torch.Generator) -> float:
    """`smallest` + (1 - `smallest`) Beta(1/2, 1/2), by the inverse of that distribution's arcsine law."""
    chance = torch.rand(1, dtype=torch.float64, generator=generator)
    return smallest + (1 - smallest) * float(torch.sin(chance * torch.pi / 2) ** 2)


def _about_the_principal_point(view: MotionView, factor: float) -> MotionView:
    """The largest part of a frame that has the principal point in its middle, shrunk by a factor."""
    width, height = view.size
    x, y = round(float(view.K[0, 2])), round(float(view.K[1, 2]))
    half_width, half_height = int(factor * min(x, width - x)), int(factor * min(y, height - y))
    if min(half_width, half_height) < 1:
        raise UserError(
            f"a frame of {width}x{height} pixels has its principal point at ({x}, {y}), which leaves nothing "
            "around it; correct the intrinsics or leave that video out"
        )
    return cropped(view, x - half_width, y - half_height, 2 * half_width, 2 * half_height)


def cropped(view: MotionView, left: int, top: int, width: int, height: int) -> MotionView:
    """A part of a frame."""
    rows, columns = slice(top, top + height), slice(left, left + width)
    K = view.K.clone()
    K[0, 2] -= left
    K[1, 2] -= top
    return MotionView(
        view.image[rows, columns],
        K,
        view.depths[rows, columns],
        view.dynamic[rows, columns],
        view.labelled[rows, columns],
    )


def resized(view: MotionView, width: int, height: int) -> MotionView:
    """A frame of another size: the image by Lanczos' filter, all else by the nearest pixel."""
    if view.size == (width, height):
        return view
    old_width, old_height = view.size
    image = Image.fromarray(view.image.numpy()).resize((width, height), Image.Resampling.LANCZOS)
    K = view.K.clone()
    K[0] *= width / old_width
    K[1] *= height / old_height
    rows, columns = _nearest(old_height, height)[:, None], _nearest(old_width, width)
    return MotionView(
        torch.from_numpy(np.array(image)),
        K,
        view.depths[rows, columns],
        view.dynamic[rows, columns],
        view.labelled[rows, columns],
    )


def _nearest(old: int, new: int) -> Int64[Tensor, " new"]:
    """For each new pixel the old one that its centre lies in."""
    return ((torch.arange(new, dtype=torch.float64) + 0.5) * (old / new)).long().clamp(max=old - 1)


def recolored(
    image: Shaped[Tensor, "H W 3"], augmentation: Augmentation, generator: torch.Generator
) -> Shaped[Tensor, "H W 3"]:
    """An image with another brightness, contrast, saturation and hue, changed in a random order."""
    limits = (augmentation.brightness, augmentation.contrast, augmentation.saturation, augmentation.hue)
    order = torch.randperm(4, generator=generator).tolist()
    draws = (2 * torch.rand(4, generator=generator, dtype=torch.float64) - 1).tolist()
    if not any(limits):
        return image
    rgb = image.float() / 255
    for change in order:
        amount = draws[change] * limits[change]
        if change == 3:
            rgb = _with_shifted_hue(rgb, amount)
        else:
            rgb = (_anchor(rgb, change) * -amount + rgb * (1 + amount)).clamp(0, 1)
    return (rgb * 255).round().to(torch.uint8)


def _anchor(rgb: Float[Tensor, "H W 3"], change: int) -> Float[Tensor, "*shape"]:
    """What an image is blended with: black (0), its mean grey (1) or every pixel's grey (2)."""
    if change == 0:
        return torch.zeros(1)
    gray = rgb @ torch.tensor([0.299, 0.587, 0.114])  # luma of ITU-R BT.601
    return gray.mean() if change == 1 else gray[..., None]


def _with_shifted_hue(rgb: Float[Tensor, "H W 3"], turns: float) -> Float[Tensor, "H W 3"]:
    hsv = cv2.cvtColor(rgb.numpy(), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 360 * turns) % 360
    return torch.from_numpy(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)).clamp(0, 1)
