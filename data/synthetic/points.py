"""Points as structure from motion would find them: at corners, each seen in several pictures."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from numpy import ndarray

from data.synthetic.flow import Seen, points_of
from data.synthetic.views import Pinhole

# A point is taken as seen where the depth there differs by less than this part of its own.
_SAME_DEPTH = 0.01


@dataclass(frozen=True)
class ColoredPoints:
    """Points and the 8-bit sRGB of the pixel they were found at."""

    xyz: Float64[ndarray, "P 3"]
    rgb: UInt8[ndarray, "P 3"]


@dataclass(frozen=True)
class Tracks:
    """Which pictures see which points.

    Args:
        images: index of the picture, for each of O observations.
        points: index of the point.
        pixels: (x, y), pixel centres at +0.5.
    """

    images: Int64[ndarray, " O"]
    points: Int64[ndarray, " O"]
    pixels: Float64[ndarray, "O 2"]


def find_points(
    image: UInt8[ndarray, "H W 3"], seen: Seen, count: int, rng: np.random.Generator
) -> ColoredPoints:
    """Points of one picture: its corners first, then anything that is not sky.

    Args:
        image: the picture.
        seen: its geometry.
        count: how many are wanted; fewer where the picture has fewer pixels that are not sky.
        rng: chooses what is no corner.
    """
    solid = seen.parts.ravel() >= 0
    strength = cv2.cornerMinEigenVal(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 3)
    strongest_around = cv2.dilate(strength, np.ones((3, 3), np.uint8))
    corners = np.flatnonzero((strength == strongest_around).ravel() & solid)
    by_strength = np.argsort(-strength.ravel()[corners], kind="stable")
    chosen = corners[by_strength[: (count + 1) // 2]]
    others = rng.permutation(np.flatnonzero(solid))
    others = others[~np.isin(others, chosen)][: count - len(chosen)]
    rows = np.sort(np.concatenate([chosen, others]))
    return ColoredPoints(points_of(seen)[rows], image.reshape(-1, 3)[rows])


def track(
    points: Float64[ndarray, "P 3"], views: Iterable[tuple[Pinhole, Float32[ndarray, "H W"]]]
) -> Tracks:
    """Every picture in which each point is seen.

    Args:
        points: in the world.
        views: cameras and their z-depths, 0 where there is none.
    """
    images, rows, pixels = [], [], []
    for index, (view, depths) in enumerate(views):
        positions, z = view.project(points)
        inside = (z > 0) & (positions > 0).all(1) & (positions < (view.width, view.height)).all(1)
        candidates = np.flatnonzero(inside)
        column, row = positions[candidates].astype(np.int64).T
        close = np.abs(depths[row, column] - z[candidates]) < _SAME_DEPTH * z[candidates]
        images.append(np.full(int(close.sum()), index))
        rows.append(candidates[close])
        pixels.append(positions[candidates[close]])
    return Tracks(np.concatenate(images), np.concatenate(rows), np.concatenate(pixels))


def often_seen(points: ColoredPoints, tracks: Tracks, least: int) -> tuple[ColoredPoints, Tracks]:
    """Only points that at least `least` pictures see."""
    count = np.bincount(tracks.points, minlength=len(points.xyz))
    kept = count >= least
    number = np.cumsum(kept) - 1
    rows = kept[tracks.points]
    filtered = Tracks(tracks.images[rows], number[tracks.points[rows]], tracks.pixels[rows])
    return ColoredPoints(points.xyz[kept], points.rgb[kept]), filtered
