"""How well masks of moving things agree with annotated ones: region similarity J and boundary accuracy F.

Each frame is one comparison, whatever number of objects its mask shows. A frame in which nothing is annotated
scores 1 where nothing is predicted either, and 0 otherwise.

Source: F. Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation",
CVPR 2016, section 5; boundaries and their tolerance as in the evaluation of DAVIS 2017.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from numpy import ndarray

BOUNDARY_TOLERANCE = 0.008
"""How far two boundaries may be apart and still match, as a share of the image's diagonal."""

_RECALLED = 0.5


@dataclass(frozen=True)
class MaskScores:
    """Agreement over the frames of a sequence, each frame counting the same.

    Args:
        region: mean J, intersection over union.
        recall: share of the frames with a J above one half.
        boundary: mean F.
        pooled: one intersection over union of all frames' pixels together.
        frames: how many were compared.
        regions: J of each frame.
        boundaries: F of each frame.
    """

    region: float
    recall: float
    boundary: float
    pooled: float
    frames: int
    regions: tuple[float, ...]
    boundaries: tuple[float, ...]

    @property
    def region_and_boundary(self) -> float:
        """J&F: the mean of the two."""
        return (self.region + self.boundary) / 2


def score_masks(pairs: Iterable[tuple[Bool[ndarray, "H W"], Bool[ndarray, "H W"]]]) -> MaskScores | None:
    """Scores of masks against annotated ones; None without any.

    Args:
        pairs: (predicted, annotated) for each frame, True where something moves.
    """
    regions, boundaries, intersection, union = [], [], 0, 0
    for predicted, annotated in pairs:
        regions.append(region_similarity(predicted, annotated))
        boundaries.append(boundary_accuracy(predicted, annotated))
        intersection += int((predicted & annotated).sum())
        union += int((predicted | annotated).sum())
    if not regions:
        return None
    return MaskScores(
        region=float(np.mean(regions)),
        recall=float(np.mean([region > _RECALLED for region in regions])),
        boundary=float(np.mean(boundaries)),
        pooled=intersection / union if union else 1.0,
        frames=len(regions),
        regions=tuple(regions),
        boundaries=tuple(boundaries),
    )


def region_similarity(predicted: Bool[ndarray, "H W"], annotated: Bool[ndarray, "H W"]) -> float:
    """J: the intersection as a share of the union; 1 where both are empty."""
    union = int((predicted | annotated).sum())
    return int((predicted & annotated).sum()) / union if union else 1.0


def boundary_accuracy(
    predicted: Bool[ndarray, "H W"], annotated: Bool[ndarray, "H W"], tolerance: float = BOUNDARY_TOLERANCE
) -> float:
    """F: the harmonic mean of how much of each boundary lies near the other; 1 where neither mask has one.

    Args:
        predicted: mask.
        annotated: mask.
        tolerance: how far is near, as a share of the image's diagonal; rounded up to whole pixels.
    """
    ours, truth = boundary(predicted), boundary(annotated)
    if not ours.any() or not truth.any():
        return float(ours.any() == truth.any())
    disk = _disk(math.ceil(tolerance * math.hypot(*predicted.shape)))
    precision = float((ours & _dilated(truth, disk)).sum() / ours.sum())
    recall = float((truth & _dilated(ours, disk)).sum() / truth.sum())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: Bool[ndarray, "H W"]) -> Bool[ndarray, "H W"]:
    """Pixels that differ from the one to the right, the one below or the one below to the right.

    Beyond the image's last row and column a mask goes on as it is.
    """
    beyond = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask ^ beyond[:-1, 1:]) | (mask ^ beyond[1:, :-1]) | (mask ^ beyond[1:, 1:])


def _disk(radius: int) -> UInt8[ndarray, "D D"]:
    """Pixels whose centres are at most `radius` pixels from that of the middle one."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return (x * x + y * y <= radius * radius).astype(np.uint8)


def _dilated(mask: Bool[ndarray, "H W"], disk: UInt8[ndarray, "D D"]) -> Bool[ndarray, "H W"]:
    return cv2.dilate(mask.astype(np.uint8), disk) > 0
