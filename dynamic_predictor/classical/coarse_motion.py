"""What moves against the frame's dominant plane: the first guess, which knows no cameras yet."""

import cv2
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from dynamic_predictor.classical.remembered import RememberedFlow, places

_GAPS = (1, 2)
_GRID_PX = 8  # every 8th pixel votes for the homography
_LEAST_STILL = 12  # of these; fewer say too little of it
_NOISE = 3.0  # so many medians of the residual ...
_LEAST_PX = 0.5  # ... and this much on top stand out
_GROWN_PX = 5


def fit_homography(
    flow: Float[ndarray, "H W 2"], moving: Bool[ndarray, "H W"] | None = None
) -> Float[ndarray, "3 3"]:
    """The plane-induced motion that most of a flow follows; the identity if there is none.

    Args:
        flow: in pixels.
        moving: True where it does not count, unless hardly anything would be left.
    """
    sampled = (slice(None, None, _GRID_PX), slice(None, None, _GRID_PX))
    source, shift = places(*flow.shape[:2])[sampled].reshape(-1, 2), flow[sampled].reshape(-1, 2)
    if moving is not None and np.count_nonzero(still := ~moving[sampled].reshape(-1)) >= _LEAST_STILL:
        source, shift = source[still], shift[still]
    cv2.setRNGSeed(0)
    found, _ = cv2.findHomography(source, source + shift, cv2.USAC_MAGSAC, 1.0)
    # cv2 says that it always finds one.
    return np.eye(3) if found is None else found  # pyright: ignore[reportUnnecessaryComparison]


def homography_residual(flow: Float[ndarray, "H W 2"]) -> Float[ndarray, "H W"]:
    """How far, in pixels, a flow is from the homography that fits most of it."""
    start = places(*flow.shape[:2])
    plane = cv2.perspectiveTransform(start.reshape(-1, 1, 2), fit_homography(flow)).reshape(start.shape)
    return np.linalg.norm(start + flow - plane, axis=-1)


def coarse_masks(flows: RememberedFlow) -> list[Bool[ndarray, "H W"]]:
    """True where flow stands out from each frame's dominant plane, in generous outlines.

    Forward and backward flow have to agree on it: each alone is also wrong where background is uncovered.
    """
    masks = []
    for row in range(len(flows)):
        per_gap = []
        for gap in _GAPS:
            neighbors = (flows.between(row, row + gap), flows.between(row, row - gap))
            residuals = [homography_residual(flow) for flow in neighbors if flow is not None]
            if residuals:
                per_gap.append(np.minimum.reduce(residuals))
        if not per_gap:  # a clip of one frame
            masks.append(np.zeros(flows.size[::-1], bool))
            continue
        residual = np.exp(np.mean([np.log(one + 1e-3) for one in per_gap], axis=0))
        moving = (residual > _NOISE * np.median(residual) + _LEAST_PX).astype(np.uint8)
        masks.append(cv2.dilate(moving, np.ones((_GROWN_PX, _GROWN_PX), np.uint8)) > 0)
    return masks
