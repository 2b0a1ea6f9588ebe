"""From evidence of motion to the outlines of moving things: regions, and a cut along the image's edges."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from dynamic_predictor.classical.evidence import Evidence

_LEVEL = 0.4  # of a region's own strong evidence; flow's halo around a thing stays below it
_SUPPORTED = 0.15  # of a region's core that photographs must confirm
_SURE = 1.5  # times the photographs' threshold: certainly in motion
_SMALLEST_PX = 20
_MARGIN_PX = 12  # of background around a region, from which the cut learns its colours
_ITERATIONS = 4
_BELIEVED = (0.3, 2.0)  # share of the first outline that a cut may leave or reach


def segment(
    image: UInt8[ndarray, "H W 3"], evidence: Evidence, flow_threshold_px: float, photo_threshold: float
) -> Bool[ndarray, "H W"]:
    """True where things move.

    Regions are where flow disagrees with ego-motion. A region counts if photographs confirm part of its core;
    then it is cut out along colour edges.

    Args:
        image: the frame.
        evidence: of the frame.
        flow_threshold_px: what noise in flow stays below.
        photo_threshold: what noise in differences of photographs stays below.

    Source: the cut is GrabCut; C. Rother et al., "GrabCut", 2004.
    """
    moving = np.zeros(image.shape[:2], bool)
    candidates = (evidence.flow_px > flow_threshold_px).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(candidates, connectivity=4)
    for label in range(1, count):
        left, top, width, height, area = boxes[label]
        if area < 2 * _SMALLEST_PX:
            continue
        window = (
            slice(max(0, top - _MARGIN_PX), top + height + _MARGIN_PX),
            slice(max(0, left - _MARGIN_PX), left + width + _MARGIN_PX),
        )
        region = labels[window] == label
        flow, photo = evidence.flow_px[window], evidence.photo[window]
        core = region & (flow > max(_LEVEL * np.percentile(flow[region], 80), flow_threshold_px))
        if core.sum() < _SMALLEST_PX or (photo[core] > photo_threshold).mean() < _SUPPORTED:
            continue
        moving[window] |= _cut(image[window], region, core, photo / photo_threshold)
    return moving


def _cut(
    image: UInt8[ndarray, "h w 3"],
    region: Bool[ndarray, "h w"],
    core: Bool[ndarray, "h w"],
    photo: Float[ndarray, "h w"],
) -> Bool[ndarray, "h w"]:
    """The region's moving thing. A cut that takes hardly anything, or far too much, is not believed."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    confirmed = cv2.morphologyEx(((photo > 1) & region).astype(np.uint8), cv2.MORPH_CLOSE, disc) > 0
    marks = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    marks[region] = cv2.GC_PR_BGD
    marks[core | (confirmed & region)] = cv2.GC_PR_FGD
    marks[region & (photo > _SURE)] = cv2.GC_FGD
    first = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    if (marks == cv2.GC_BGD).sum() < _SMALLEST_PX:
        return first
    cv2.setRNGSeed(0)
    cv2.grabCut(
        np.ascontiguousarray(image), marks, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), _ITERATIONS,
        cv2.GC_INIT_WITH_MASK,
    )  # fmt: skip
    cut = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    return cut if _BELIEVED[0] < cut.sum() / first.sum() < _BELIEVED[1] else first
