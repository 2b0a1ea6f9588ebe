"""Where a video is cut: shots from thumbnails, robust to motion, blur and flashes.

Two frames belong together if most patches of one are found near their place in the other, or if both have the
same colours. A boundary is a cut if no frame just before it belongs to any frame just after it: a flash, or a
thing that passes close by, comes between two frames that do belong together. Slow dissolves, and jumps to
another view of the same place, are not found.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

THUMBNAIL_PX = 96
"""Long side of the thumbnails that are compared."""

_WINDOW = 3  # frames on each side of a boundary; a flash may last one less
_PATCH = 12  # thumbnail pixels
_REACH = 14  # how far a patch may move between two frames: 15 % of the width
_TEXTURE = 4.0  # grey levels of contrast below which a patch looks like many others
_BINS = 8
# Measured on DAVIS and on driving: up to 0.29 between frames ten apart in one shot, from 0.40 across cuts.
_CUT = 0.34


@dataclass(frozen=True)
class Shot:
    """Frames between two cuts.

    Args:
        start: row of the first frame.
        stop: row after the last one.
    """

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Thumbnail:
    """A small picture with what comparing it takes.

    Args:
        image: 8-bit sRGB.
    """

    image: UInt8[ndarray, "h w 3"]

    @cached_property
    def gray(self) -> Float[ndarray, "h w"]:
        """Luminance in grey levels."""
        return cv2.cvtColor(self.image, cv2.COLOR_RGB2GRAY).astype(np.float32)

    @cached_property
    def colors(self) -> Float[ndarray, " B"]:
        """Smoothed histogram of the colours, as shares."""
        counts = cv2.calcHist([self.image], [0, 1, 2], None, [_BINS] * 3, [0, 256] * 3)
        for axis in range(3):  # so that a colour at the edge of a bin does not jump
            counts = counts + 0.5 * (_shifted(counts, 1, axis) + _shifted(counts, -1, axis))
        return (counts / counts.sum()).ravel()


def find_shots(thumbnails: Sequence[UInt8[ndarray, "h w 3"]]) -> list[Shot]:
    """The shots of a video, in order; together they are the whole video.

    Args:
        thumbnails: every frame, scaled to a long side of `THUMBNAIL_PX`; at least one.
    """
    frames = [Thumbnail(image) for image in thumbnails]
    cuts = [row for row in range(1, len(frames)) if _is_cut(frames, row)]
    edges = [0, *cuts, len(frames)]
    return [Shot(start, stop) for start, stop in itertools.pairwise(edges)]


def dissimilarity(first: Thumbnail, second: Thumbnail) -> float:
    """0 for two views of one thing, towards 1 for views of two things: the mean of colours and of patches.

    It is a geometric mean, because both must differ: blur and turning take patches away and leave the
    colours; light changes colours and leaves the patches.
    """
    return float(np.sqrt(_color_change(first, second) * _lost_patches(first, second)))


def _is_cut(frames: Sequence[Thumbnail], row: int) -> bool:
    before, after = frames[max(0, row - _WINDOW) : row][::-1], frames[row : row + _WINDOW]
    # The nearest pair first: it is the likeliest to belong together, and settles most boundaries.
    pairs = sorted(itertools.product(range(len(before)), range(len(after))), key=sum)
    return all(_differ(before[back], after[ahead]) for back, ahead in pairs)


def _differ(first: Thumbnail, second: Thumbnail) -> bool:
    # Colours are quick and bound the mean from above, as no more than all patches can be lost.
    return _color_change(first, second) > _CUT**2 and dissimilarity(first, second) > _CUT


def _color_change(first: Thumbnail, second: Thumbnail) -> float:
    """The share of pixels whose colours the other does not have."""
    return 0.5 * float(np.abs(first.colors - second.colors).sum())


def _lost_patches(first: Thumbnail, second: Thumbnail) -> float:
    """The mean of 1 - correlation of patches with the best place near theirs in the other, either way."""
    return min(_lost_one_way(first, second), _lost_one_way(second, first))


def _lost_one_way(first: Thumbnail, second: Thumbnail) -> float:
    height, width = first.gray.shape
    lost = []
    for top in range(0, height - _PATCH + 1, _PATCH):
        for left in range(0, width - _PATCH + 1, _PATCH):
            patch = first.gray[top : top + _PATCH, left : left + _PATCH]
            if patch.std() < _TEXTURE:
                continue
            rows = slice(max(0, top - _REACH), top + _PATCH + _REACH)
            columns = slice(max(0, left - _REACH), left + _PATCH + _REACH)
            found = cv2.matchTemplate(second.gray[rows, columns], patch, cv2.TM_CCOEFF_NORMED)
            lost.append(1 - max(0.0, float(found.max())))
    return float(np.mean(lost)) if lost else 1.0


def _shifted(counts: ndarray, by: int, axis: int) -> ndarray:
    moved = np.roll(counts, by, axis)
    edge = [slice(None)] * counts.ndim
    edge[axis] = slice(0, 1) if by > 0 else slice(-1, None)
    moved[tuple(edge)] = 0
    return moved
