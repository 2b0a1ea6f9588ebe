"""Scores of a street: whole images, what moves, what stands still, the sky; per image and over a set."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from core import losses
from evaluation.image_metrics import BEST_PSNR
from evaluation.lpips import Lpips

Region = Bool[Tensor, "H W"]


@dataclass(frozen=True)
class ViewScores:
    """Scores of one view.

    Args:
        name: of its image.
        numbers: psnr of the image in [0, 1]; psnr_channels, the mean over channels of an image not clamped,
            as S3Gaussian has it; ssim; lpips, where its weights are at hand; dpsnr and dssim over what moves;
            psnr_static over what does not; psnr_sky. What a view has no pixels of is left out.
        squares: of each region, the sum over its pixels of squared errors (means over channels), and how many
            they are.
    """

    name: str
    numbers: Mapping[str, float]
    squares: Mapping[str, tuple[float, int]] = field(default_factory=dict)


def score_street_view(
    name: str,
    image: Float[Tensor, "H W 3"],
    target: UInt8[Tensor, "H W 3"],
    moving: Region | None,
    sky: Region | None,
    lpips: Lpips | None,
) -> ViewScores:
    """Scores of one view.

    Args:
        name: of its image.
        image: the rendering, not clamped.
        target: the photograph.
        moving: True where something moves.
        sky: True where the sky is seen.
        lpips: the metric, or None to do without.
    """
    truth, drawn = target.double() / 255, image.double()
    clamped = drawn.clamp(0, 1)
    errors = (clamped - truth).square().mean(-1)
    similarity = losses.ssim_map(clamped.permute(2, 0, 1), truth.permute(2, 0, 1)).mean(0)
    channels = [_psnr(float(each)) for each in (drawn - truth).square().mean((0, 1))]
    numbers = {
        "psnr": _psnr(float(errors.mean())),
        "psnr_channels": sum(channels) / 3,
        "ssim": float(similarity.mean()),
    }
    if lpips is not None and min(image.shape[:2]) >= lpips.smallest_side:
        numbers["lpips"] = lpips(clamped.float(), truth.float())
    squares: dict[str, tuple[float, int]] = {}
    regions = {"dpsnr": moving, "psnr_static": None if moving is None else ~moving, "psnr_sky": sky}
    for key, region in regions.items():
        if region is None or not region.any():
            continue
        squares[key] = float(errors[region].sum()), int(region.sum())
        numbers[key] = _psnr(squares[key][0] / squares[key][1])
    if moving is not None and moving.any():
        numbers["dssim"] = float(similarity[moving].mean())
    return ViewScores(name, numbers, squares)


def summary(views: Sequence[ViewScores]) -> dict[str, float]:
    """Means over the views that have a number; regions also `_pooled`, over all their pixels of all views."""
    found: dict[str, float] = {}
    for key in dict.fromkeys(key for view in views for key in view.numbers):
        values = [view.numbers[key] for view in views if key in view.numbers]
        found[key] = sum(values) / len(values)
    for key in dict.fromkeys(key for view in views for key in view.squares):
        parts = [view.squares[key] for view in views if key in view.squares]
        found[f"{key}_pooled"] = _psnr(sum(part[0] for part in parts) / sum(part[1] for part in parts))
    return found


def separation_iou(
    pairs: Sequence[tuple[Float[Tensor, "_H _W"], Bool[Tensor, "_H _W"]]], threshold: float = 0.5
) -> float | None:
    """Intersection over union of what is drawn as moving and of what moves, over all pixels of all views.

    Args:
        pairs: of each view, how much of a pixel what moves covers, and the truth.
        threshold: of that cover.

    Returns:
        None where nothing moves and nothing is drawn as moving.
    """
    both = sum(int(((cover > threshold) & moving).sum()) for cover, moving in pairs)
    either = sum(int(((cover > threshold) | moving).sum()) for cover, moving in pairs)
    return both / either if either else None


def _psnr(error: float) -> float:
    return BEST_PSNR if error <= 0 else min(-10 * math.log10(error), BEST_PSNR)
