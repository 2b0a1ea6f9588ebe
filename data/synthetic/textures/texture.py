"""One painted tile, and the small vocabulary painters share."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy import ndarray

Color = Float32[ndarray, "3"]


@dataclass(frozen=True)
class Texture:
    """One tile of a surface; its opposite edges fit each other unless it is made for a single face.

    Args:
        albedo: linear RGB in [0, 1].
        height_m: relief in metres.
        solid: False where the surface has a hole; None for a surface without holes.
    """

    albedo: Float32[ndarray, "S S 3"]
    height_m: Float32[ndarray, "S S"]
    solid: Bool[ndarray, "S S"] | None = None


Painter = Callable[[np.random.Generator, int], Texture]
"""Random numbers and the side in texels to a texture."""


def finished(
    albedo: Float[ndarray, "S S 3"],
    height_m: Float[ndarray, "S S"],
    solid: Bool[ndarray, "S S"] | None = None,
) -> Texture:
    """A texture from arrays of either precision."""
    return Texture(np.clip(albedo, 0, 1).astype(np.float32), height_m.astype(np.float32), solid)


def linear(code: str) -> Color:
    """Linear RGB of a colour written as in "#a0522d"."""
    srgb = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def palette(*codes: str) -> Float32[ndarray, "K 3"]:
    """Several colours as rows, see `linear`."""
    return np.stack([linear(code) for code in codes])


def mix(
    low: Float[ndarray, "..."], high: Float[ndarray, "..."], weight: Float[ndarray, "H W"]
) -> Float32[ndarray, "H W 3"]:
    """From `low` at weight 0 to `high` at weight 1; each is one colour or an image."""
    return (low + (high - low) * weight[..., None]).astype(np.float32)


def shade(albedo: Float[ndarray, "S S 3"], factor: Float[ndarray, "S S"]) -> Float32[ndarray, "S S 3"]:
    """Colours made darker or lighter, kept within what a surface can reflect."""
    return np.clip(albedo * factor[..., None], 0, 0.9).astype(np.float32)


def flat(size: int) -> Float32[ndarray, "S S"]:
    """No relief."""
    return np.zeros((size, size), np.float32)


def canvas(size: int, color: Color) -> Float32[ndarray, "S S 3"]:
    """One colour all over."""
    return np.tile(color, (size, size, 1)).astype(np.float32)


def lettering(
    image: Float32[ndarray, "S S 3"],
    text: str,
    center: tuple[float, float],
    height: float,
    color: Color,
    aspect: float,
) -> None:
    """Write a word into a texture.

    Args:
        image: changed in place.
        text: capital letters.
        center: u and v of the word's middle, in [0, 1].
        height: of the letters, as a fraction of the texture's height; less where the word would not fit.
        color: linear RGB.
        aspect: the face's width over its height: the texture is stretched by it, the letters must not be.
    """
    size = image.shape[0]
    font, thickness = cv2.FONT_HERSHEY_DUPLEX, 2
    (width, tall), base = cv2.getTextSize(text, font, 2.0, thickness)
    stamp = np.zeros((tall + base + 8, width + 8), np.uint8)
    cv2.putText(stamp, text, (4, tall + 4), font, 2.0, 255, thickness, cv2.LINE_AA)
    rows = height * size
    columns = rows * stamp.shape[1] / stamp.shape[0] / aspect
    shrink = min(1.0, 0.78 * size / columns)
    rows, columns = max(2, round(rows * shrink)), max(2, round(columns * shrink))
    small = cv2.resize(stamp, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    top = int(np.clip(round(center[1] * size - rows / 2), 0, size - rows))
    left = int(np.clip(round(center[0] * size - columns / 2), 0, size - columns))
    patch = image[top : top + rows, left : left + columns]
    patch += (color - patch) * small[..., None]
