"""Evidence of motion: where flow and photographs disagree with a scene that stands still."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from dynamic_predictor.classical.coarse_motion import homography_residual
from dynamic_predictor.classical.remembered import RememberedFlow, places, sampled
from dynamic_predictor.ego_motion import ego_flow
from scene.cameras import Cameras

_GAIN_SIGMA_PX = 5.0
_GAIN_RANGE = (0.5, 2.0)
_PRE_BLUR_PX = 0.7
_SHIFTS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


@dataclass(frozen=True)
class Evidence:
    """How strongly one frame speaks for motion, over several frame gaps.

    Args:
        flow_px: geometric mean over the gaps of the distance between flow and ego-motion.
        photo: largest difference, over the gaps, between the frame and its neighbours seen through the still
            scene, in units of the image's range.
    """

    flow_px: Float[ndarray, "H W"]
    photo: Float[ndarray, "H W"]


def gather(
    row: int,
    images: Sequence[Float[ndarray, "H W 3"]],
    flows: RememberedFlow,
    depths: Float[Tensor, "N H W"],
    cameras: Cameras,
    flow_gaps: tuple[int, ...],
    photo_gaps: tuple[int, ...],
) -> Evidence:
    """The evidence in one frame of a clip.

    Each gap is looked at forward and backward, and the smaller of the two counts: what one of them cannot
    see, because it is uncovered or out of the image, is no motion.

    Args:
        row: the frame.
        images: of the clip, in [0, 1].
        flows: between its frames.
        depths: z-depths of what stands still; 0 = none.
        cameras: N cameras.
        flow_gaps: frame gaps at which flow is compared.
        photo_gaps: frame gaps at which photographs are compared.
    """
    logs, photos = [], []
    for gap in sorted({*flow_gaps, *photo_gaps}):
        distances, differences = [], []
        for other in (row + gap, row - gap):
            flow = flows.between(row, other)
            if flow is None:
                continue
            still = ego_flow(depths[row], cameras[row], cameras[other]).numpy()
            if gap in flow_gaps:
                distances.append(_flow_distance(flow, still))
            if gap in photo_gaps:
                differences.append(_photo_difference(images[row], images[other], still))
        if distances:
            logs.append(np.log(_smaller(distances) + 1e-3))
        if differences:
            photos.append(cv2.GaussianBlur(_smaller(differences), (0, 0), 1.0))
    empty = np.zeros(depths.shape[1:], np.float32)
    flow_px = np.exp(np.mean(logs, axis=0)).astype(np.float32) if logs else empty
    return Evidence(flow_px, np.max(photos, axis=0) if photos else empty)


def _smaller(maps: list[Float[ndarray, "H W"]]) -> Float[ndarray, "H W"]:
    """The smallest value that is known; 0 where none is."""
    known = np.where(np.isnan(maps), np.inf, maps).min(axis=0)
    return np.where(np.isinf(known), 0, known).astype(np.float32)


def _flow_distance(flow: Float[ndarray, "H W 2"], still: Float[ndarray, "H W 2"]) -> Float[ndarray, "H W"]:
    """Distance from ego-motion or from the dominant plane, whichever explains more; NaN out of the image.

    The plane stands in where depth is missing or poor.
    """
    plane = homography_residual(flow)
    distance = np.linalg.norm(flow - still, axis=-1)
    distance = np.where(np.isnan(distance), plane, np.minimum(distance, plane))
    return np.where(_outside(flow), np.nan, distance)


def _photo_difference(
    image: Float[ndarray, "H W 3"], other: Float[ndarray, "H W 3"], still: Float[ndarray, "H W 2"]
) -> Float[ndarray, "H W"]:
    """Difference to another frame seen through the still scene; NaN where that does not show it.

    One pixel of misalignment is forgiven, and so are local changes of brightness: exposure, soft shadows.
    """
    outside = np.isnan(still[..., 0]) | _outside(still)
    target = np.nan_to_num(places(*image.shape[:2]) + still)
    image, other = (cv2.GaussianBlur(one, (0, 0), _PRE_BLUR_PX) for one in (image, other))
    seen = sampled(other, target)
    shown = (~outside).astype(np.float32)
    means = [cv2.GaussianBlur(one.mean(-1) * shown, (0, 0), _GAIN_SIGMA_PX) + 0.01 for one in (image, seen)]
    seen = seen * np.clip(means[0] / means[1], *_GAIN_RANGE)[..., None]
    difference = np.minimum.reduce([np.abs(image - np.roll(seen, s, (0, 1))).mean(-1) for s in _SHIFTS])
    return np.where(outside, np.nan, difference)


def _outside(flow: Float[ndarray, "H W 2"]) -> Bool[ndarray, "H W"]:
    height, width = flow.shape[:2]
    target = places(height, width) + flow
    beyond = (target < 0) | (target > (width - 1, height - 1))
    return beyond[..., 0] | beyond[..., 1]
