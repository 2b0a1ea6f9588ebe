"""Scores of a street: whole images, what moves, what stands still, the sky; per image and over a set."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from core import losses
from evaluation.image_metrics import BEST_PSNR
from evaluation.lpips import Lpips
from scene.capture import Capture

SCORES_FILE = "street_scores.json"
"""In the folder of a run: scores of its test and its train views, per image and summed up."""

COLUMNS: Mapping[str, tuple[str, int]] = {
    "psnr": ("PSNR", 2),
    "psnr_channels": ("PSNR, channels", 2),
    "ssim": ("SSIM", 3),
    "lpips": ("LPIPS", 3),
    "dpsnr": ("DPSNR", 2),
    "dpsnr_pooled": ("DPSNR, pooled", 2),
    "dpsnr_channels": ("DPSNR, channels", 2),
    "dssim": ("DSSIM", 3),
    "psnr_static": ("static", 2),
    "psnr_sky": ("sky", 2),
    "separation_iou": ("separation IoU", 3),
}
"""What a number is called at the head of its column, and how many digits it has behind the point."""

NOTE = (
    "PSNR: all channels together, images clamped to [0, 1]; `channels`: mean over channels of images that "
    "are not clamped, as S3Gaussian has it. DPSNR and DSSIM: of what moves, means over images; `pooled`: "
    "over all of them together. SSIM: Gaussian windows of 11x11."
)
"""What the columns mean."""

COVERED = 0.5
"""How much of a pixel must be covered by what moves to count as drawn as moving."""

_CHANNELS = {"psnr": "psnr_channels", "dpsnr": "dpsnr_channels"}

Region = Bool[Tensor, "H W"]


@dataclass(frozen=True)
class KnownView:
    """A photograph, and what is known of its pixels.

    Args:
        name: of its image.
        photograph: as taken.
        moving: True where something moves.
        sky: True where the sky is seen.
        valid: True where a pixel counts at all: not where undistortion left blanks or the own vehicle is
            seen; None where all do.
    """

    name: str
    photograph: UInt8[Tensor, "H W 3"]
    moving: Region | None = None
    sky: Region | None = None
    valid: Region | None = None

    @classmethod
    def of(cls, capture: Capture, view: int) -> "KnownView":
        """What a driving log knows of a view.

        Args:
            capture: of the log.
            view: its row.

        Raises:
            UserError: its image or a mask does not decode.
        """
        skies = None if capture.drive is None else capture.drive.sky_masks
        moving, sky, valid = (
            None if masks is None else masks[view]
            for masks in (capture.dynamic_masks, skies, capture.valid_masks)
        )
        return cls(capture.image_names[view], capture.images[view], moving, sky, valid)


@dataclass(frozen=True)
class ViewScores:
    """Scores of one view.

    Args:
        name: of its image.
        numbers: psnr of the image in [0, 1]; psnr_channels, the mean over channels of an image not clamped,
            as S3Gaussian has it; ssim; lpips, where its weights are at hand; dpsnr, dpsnr_channels and dssim
            over what moves; psnr_static over what does not; psnr_sky. What a view has no pixels of is left
            out.
        squares: of each region, the sum over its pixels of squared errors (means over channels), and how many
            they are.
        overlap: how many pixels are both drawn as moving and moving, and how many are either; None where
            that is not known.
    """

    name: str
    numbers: Mapping[str, float]
    squares: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    overlap: tuple[int, int] | None = None


def score_street_view(
    view: KnownView,
    image: Float[Tensor, "H W 3"],
    cover: Float[Tensor, "H W"] | None = None,
    lpips: Lpips | None = None,
) -> ViewScores:
    """Scores of one view.

    Args:
        view: the photograph.
        image: the rendering, not clamped.
        cover: how much of a pixel is covered by what is drawn as moving, in [0, 1]; None = not known.
        lpips: the metric, or None to do without.
    """
    truth = view.photograph.double() / 255
    valid = torch.ones(truth.shape[:2], dtype=torch.bool) if view.valid is None else view.valid
    # Where a pixel does not count, the photograph stands in, which disturbs no window of SSIM or LPIPS.
    drawn = torch.where(valid[..., None], image.double(), truth)
    clamped = drawn.clamp(0, 1)
    similarity = losses.ssim_map(clamped.permute(2, 0, 1), truth.permute(2, 0, 1)).mean(0)
    moving = None if view.moving is None else view.moving & valid
    regions = {
        "psnr": valid,
        "dpsnr": moving,
        "psnr_static": None if moving is None else valid & ~moving,
        "psnr_sky": None if view.sky is None else view.sky & valid,
    }
    numbers, squares = _errors(regions, drawn, clamped, truth)
    if valid.any():
        numbers["ssim"] = float(similarity[valid].mean())
    if lpips is not None and min(image.shape[:2]) >= lpips.smallest_side:
        numbers["lpips"] = lpips(clamped.float(), truth.float())
    overlap = None
    if moving is not None:
        if moving.any():
            numbers["dssim"] = float(similarity[moving].mean())
        if cover is not None:
            seen = (cover > COVERED) & valid
            overlap = int((seen & moving).sum()), int((seen | moving).sum())
    return ViewScores(view.name, {key: numbers[key] for key in COLUMNS if key in numbers}, squares, overlap)


def summary(views: Sequence[ViewScores]) -> dict[str, float]:
    """Means over the views that have a number, in the order of `COLUMNS`.

    Regions also `_pooled`, over all their pixels of all views; `separation_iou`, the intersection over union
    of what is drawn as moving and of what moves, over all pixels of all views, unless there is none of
    either.
    """
    found: dict[str, float] = {}
    for key in dict.fromkeys(key for view in views for key in view.numbers):
        values = [view.numbers[key] for view in views if key in view.numbers]
        found[key] = sum(values) / len(values)
    for key in dict.fromkeys(key for view in views for key in view.squares):
        parts = [view.squares[key] for view in views if key in view.squares]
        found[f"{key}_pooled"] = _psnr(sum(part[0] for part in parts) / sum(part[1] for part in parts))
    overlaps = [view.overlap for view in views if view.overlap is not None]
    either = sum(overlap[1] for overlap in overlaps)
    if either:
        found["separation_iou"] = sum(overlap[0] for overlap in overlaps) / either
    return {key: found[key] for key in (*COLUMNS, *sorted(found.keys() - COLUMNS.keys())) if key in found}


def _errors(
    regions: Mapping[str, Region | None],
    drawn: Float[Tensor, "H W 3"],
    clamped: Float[Tensor, "H W 3"],
    truth: Float[Tensor, "H W 3"],
) -> tuple[dict[str, float], dict[str, tuple[float, int]]]:
    """PSNR of each region that has pixels, in one or two conventions; sums and counts of squared errors."""
    errors = (clamped - truth).square().mean(-1)
    channels = (drawn - truth).square()
    numbers: dict[str, float] = {}
    squares: dict[str, tuple[float, int]] = {}
    for key, region in regions.items():
        if region is None or not region.any():
            continue
        squares[key] = float(errors[region].sum()), int(region.sum())
        numbers[key] = _psnr(squares[key][0] / squares[key][1])
        if key in _CHANNELS:
            numbers[_CHANNELS[key]] = sum(map(_psnr, channels[region].mean(0).tolist())) / 3
    return numbers, squares


def _psnr(error: float) -> float:
    return BEST_PSNR if error <= 0 else min(-10 * math.log10(error), BEST_PSNR)
