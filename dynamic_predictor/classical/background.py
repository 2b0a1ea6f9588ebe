"""What stands behind moving things, as other frames saw it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from dynamic_predictor.classical.remembered import sampled
from dynamic_predictor.ego_motion import relative_projection
from scene.cameras import Cameras

_GAPS = (2, 4, 7, 11, 16, 22, 30, 40)  # near, where parallax is small, and far enough for slow things
_LEAST_SEEN = 2  # other frames that must show a pixel's background
_PRE_BLUR_PX = 0.5
_HIDDEN = 0.05  # of a sample's weights on moving things
_LEAST_FOR_GAIN = 50
_GAIN_RANGE = (0.7, 1.4)
_GAIN_FLOOR = 0.02
_ALIKE = 0.12  # a sample this near to the median of all, in units of the image's range, can stand for it
_LINE = 1024  # cv2 takes no image of 32768 or more columns


@dataclass(frozen=True)
class Look:
    """A frame as others are compared with it: one pixel of misalignment is forgiven.

    Args:
        colors: in [0, 1].
        lowest: channel by channel, of the colours within one pixel.
        highest: likewise.
        moving: 1 where something moves, and next to it.
    """

    colors: Float[ndarray, "H W 3"]
    lowest: Float[ndarray, "H W 3"]
    highest: Float[ndarray, "H W 3"]
    moving: Float[ndarray, "H W"]


@dataclass(frozen=True)
class Background:
    """What other frames saw at a frame's pixels.

    Args:
        difference: of the frame from it, the median over the other frames, in units of the image's range; NaN
            where it is not known.
        colors: as the nearest of the other frames saw them; the frame's own where they are not known.
    """

    difference: Float[ndarray, "H W"]
    colors: Float[ndarray, "H W 3"]


def look(image: Float[ndarray, "H W 3"], moving: Bool[ndarray, "H W"]) -> Look:
    """A frame, ready to be compared with others."""
    colors = cv2.GaussianBlur(image, (0, 0), _PRE_BLUR_PX)
    around = np.ones((3, 3), np.uint8)
    grown = cv2.dilate(moving.astype(np.float32), around)
    return Look(colors, cv2.erode(colors, around), cv2.dilate(colors, around), grown)


def background(
    row: int,
    looks: Sequence[Look],
    depth: Float[Tensor, "H W"],
    cameras: Cameras,
    asked: Bool[ndarray, "H W"],
) -> Background:
    """The background of one frame, from frames before and after it.

    Args:
        row: the frame.
        looks: of all frames.
        depth: z-depths of what stands still in the frame; 0 = none.
        cameras: of all frames.
        asked: the pixels at which it is wanted.
    """
    own, depths = looks[row], depth.numpy()
    rows, columns = np.nonzero(asked & (depths > 0))
    found = Background(np.full(depths.shape, np.nan, np.float32), own.colors.copy())
    others = [row + sign * gap for gap in _GAPS for sign in (-1, 1) if 0 <= row + sign * gap < len(looks)]
    if len(others) < _LEAST_SEEN or not len(rows):
        return found
    colors, still = own.colors[rows, columns], own.moving[rows, columns] == 0
    differences, samples = [], []
    for other in others:
        target = _targets(columns, rows, depths[rows, columns], cameras[row], cameras[other])
        theirs = looks[other]
        inside = ((target >= 0) & (target <= (depths.shape[1] - 1, depths.shape[0] - 1))).all(-1)
        shown = inside & (_samples(theirs.moving, target) < _HIDDEN)
        seen = _samples(theirs.colors, target)
        gain = _gain(colors, seen, shown & still)
        above = colors - gain * _samples(theirs.highest, target)
        below = gain * _samples(theirs.lowest, target) - colors
        differences.append(np.where(shown, np.maximum(above, below).clip(0).mean(-1), np.nan))
        samples.append(np.where(shown[:, None], gain * seen, np.nan))
    enough = np.isfinite(differences).sum(0) >= _LEAST_SEEN
    if enough.any():
        here = rows[enough], columns[enough]
        found.difference[here] = np.nanmedian(np.stack(differences)[:, enough], axis=0)
        found.colors[here] = _nearest_typical(np.stack(samples)[:, enough])
    return found


def _targets(
    columns: Int[ndarray, " P"],
    rows: Int[ndarray, " P"],
    depths: Float[ndarray, " P"],
    source: Cameras,
    target: Cameras,
) -> Float[ndarray, "P 2"]:
    """Columns and rows at which another camera sees points; -1 for those behind it."""
    H, e = (part.double().numpy() for part in relative_projection(source, target))
    pixels = np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))], axis=-1)
    there = pixels @ H.T + e / depths[:, None]
    ahead = there[:, 2:] > 0
    return np.where(ahead, there[:, :2] / np.where(ahead, there[:, 2:], 1) - 0.5, -1).astype(np.float32)


def _samples(image: Float[ndarray, "H W *C"], target: Float[ndarray, "P 2"]) -> Float[ndarray, "P *C"]:
    """Bilinear samples of an image at a list of columns and rows."""
    count = len(target)
    lines = np.zeros((-(-count // _LINE) * _LINE, 2), np.float32)
    lines[:count] = target
    return sampled(image, lines.reshape(-1, _LINE, 2)).reshape(-1, *image.shape[2:])[:count]


def _gain(
    colors: Float[ndarray, "P 3"], seen: Float[ndarray, "P 3"], still: Bool[ndarray, " P"]
) -> Float[ndarray, "3"]:
    """How much brighter a frame is than another, by channel: exposure, white balance."""
    if still.sum() < _LEAST_FOR_GAIN:
        return np.ones(3, np.float32)
    ratio = np.median((colors[still] + _GAIN_FLOOR) / (seen[still] + _GAIN_FLOOR), axis=0)
    return np.clip(ratio, *_GAIN_RANGE).astype(np.float32)


def _nearest_typical(samples: Float[ndarray, "S P 3"]) -> Float[ndarray, "P 3"]:
    """The first sample near to the median of all: sharper than the median, and no outlier."""
    typical = np.nanmedian(samples, axis=0)
    near = np.abs(samples - typical).max(-1) < _ALIKE  # never where a sample is unknown
    first = np.take_along_axis(samples, near.argmax(0)[None, :, None], axis=0)[0]
    return np.where(near.any(0)[:, None], first, typical).astype(np.float32)
