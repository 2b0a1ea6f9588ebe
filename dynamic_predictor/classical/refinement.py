"""Outlines of moving things, set right by the background that other frames saw behind them."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from dynamic_predictor.classical.background import Background, Look, background, look
from dynamic_predictor.flow_depth.smoothing import smooth
from scene.cameras import Cameras

_MOVING = 0.5  # probability from which on a pixel hides the background
_CANDIDATE = 0.3  # probability from which on a pixel, and what is near it, is looked at again
_RESTING = 0.35  # probability of what rests between two motions, before its background is looked at
_NEAR_PX = 9
_MARGIN_PX = 31  # of still surroundings, whose differences are noise
_NOISE_SIGMA_PX = 24.0
_NOISES = 2.5  # threshold of the difference, in means of the noise around
_LEAST_DIFFERENCE = 0.02
_TRUSTED = 0.02  # noise beyond which the background counts for less
_PASSES = 2  # what the first finds not to move hides no background from the second
_WEIGHT = 0.8  # of the background against the probabilities: what shows it is no moving thing ...
_SHADE_CERTAINTY = 0.5  # ... but a dark thing may look like a shadow, which overrules no sure probabilities
_SMOOTHNESS = 30.0  # how strongly the evidence of alike neighbours is tied; colour edges part them
_SMOOTH_PX = 0.7

_GAMMA = 2.2
_DARKEST = 0.004  # linear; added before logarithms are taken
_SHADE_SIGMA_PX = 1.6
# Natural logarithms of linear colours over those of the background. Where the sun's share is missing the
# sky's is left: a shadow is dimmer, rather less red, rather more blue.
_SHADE = (-2.2, -0.2)
_RED_TO_GREEN = (-0.5, 0.08)
_BLUE_TO_GREEN = (-0.1, 0.5)


def refined(
    images: Sequence[Float[ndarray, "H W 3"]],
    probabilities: Float[ndarray, "N H W"],
    resting: Bool[ndarray, "N H W"],
    depths: Float[Tensor, "N H W"],
    cameras: Cameras,
) -> Float[ndarray, "N H W"]:
    """Probabilities of motion, higher where a frame differs from its background and lower where it shows it.

    Only what may move already, and what is near it, is looked at. Halos of the flow and shadows that moving
    things cast are background; where other frames never saw it the probabilities stay as they are.

    Args:
        images: N, in [0, 1].
        probabilities: that a pixel moves.
        resting: what moved before and will move after; a candidate, but no more than that.
        depths: z-depths of what stands still, also behind what moves; 0 = none.
        cameras: N cameras.
    """
    before = np.maximum(probabilities, _RESTING * resting.astype(np.float32))
    moving, results = (probabilities > _MOVING) | resting, before
    for _ in range(_PASSES):
        looks = [look(image, one) for image, one in zip(images, moving, strict=True)]
        results = np.stack([_compared(row, looks, one, depths, cameras) for row, one in enumerate(before)])
        moving = results > _MOVING
    return results


def _compared(
    row: int,
    looks: Sequence[Look],
    before: Float[ndarray, "H W"],
    depths: Float[Tensor, "N H W"],
    cameras: Cameras,
) -> Float[ndarray, "H W"]:
    """Probabilities of one frame, after its candidates were compared with their background."""
    candidates = _grown(before > _CANDIDATE, _NEAR_PX)
    if not candidates.any():
        return before
    behind = background(row, looks, depths[row], cameras, _grown(candidates, _MARGIN_PX))
    evidence = _evidence(looks[row], behind, candidates)
    guide = (255 * looks[row].colors).clip(0, 255).round().astype(np.uint8)
    evidence, _ = smooth(evidence, np.ones_like(evidence), guide, _SMOOTHNESS)
    after = cv2.GaussianBlur((before + _WEIGHT * evidence).astype(np.float32), (0, 0), _SMOOTH_PX)
    return np.where(candidates, after.clip(0, 1), before)


def _evidence(look: Look, behind: Background, candidates: Bool[ndarray, "H W"]) -> Float[ndarray, "H W"]:
    """From -1, certainly background, to 1, certainly not; nearer to 0 where the surroundings are noisy."""
    known = np.isfinite(behind.difference)
    difference = np.where(known, behind.difference, 0)
    calm = (known & ~candidates).astype(np.float32)
    near, weight = (cv2.GaussianBlur(one, (0, 0), _NOISE_SIGMA_PX) for one in (difference * calm, calm))
    noise = (near + 1e-5) / (weight + 1e-3)
    threshold = np.maximum(_LEAST_DIFFERENCE, _NOISES * noise)
    certainty = np.log2((difference + 1e-3) / threshold).clip(-1, 1)
    certainty = np.where(shadows(look.colors, behind.colors), -_SHADE_CERTAINTY, certainty)
    return np.where(known, certainty * np.clip(_TRUSTED / noise, 0, 1), 0)


def shadows(colors: Float[ndarray, "H W 3"], background: Float[ndarray, "H W 3"]) -> Bool[ndarray, "H W"]:
    """True where a frame shows its background, dimmer and no redder: shadows that fall on it.

    Args:
        colors: sRGB in [0, 1].
        background: without the shadows.
    """
    ours, theirs = (np.log(one.clip(0) ** _GAMMA + _DARKEST) for one in (colors, background))
    ratio = cv2.GaussianBlur(ours - theirs, (0, 0), _SHADE_SIGMA_PX)
    red, green, blue = (ratio[..., channel] for channel in range(3))
    dimmer = _within(ratio.mean(-1), _SHADE)
    tinted = _within(red - green, _RED_TO_GREEN) & _within(blue - green, _BLUE_TO_GREEN)
    return cv2.medianBlur((dimmer & tinted).astype(np.uint8), 5) > 0


def _within(values: Float[ndarray, "H W"], bounds: tuple[float, float]) -> Bool[ndarray, "H W"]:
    return (values > bounds[0]) & (values < bounds[1])


def _grown(mask: Bool[ndarray, "H W"], size_px: int) -> Bool[ndarray, "H W"]:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size_px, size_px))
    return cv2.dilate(mask.astype(np.uint8), disc) > 0
