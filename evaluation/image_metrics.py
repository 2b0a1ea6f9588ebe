"""Scores of an image against the photograph, as the 3DGS literature computes them.

PSNR and SSIM are those of the training (`core.losses`), on whole images with 8 bits a channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, UInt8
from torch import Tensor

from core import losses
from evaluation.lpips import Lpips

BEST_PSNR = 100.0
"""Stands for the infinite PSNR of equal images, so that means and JSON stay ordinary numbers."""


@dataclass(frozen=True)
class Scores:
    """How near an image is to the photograph, or the means of several.

    Args:
        psnr: in dB, more is better; at most `BEST_PSNR`.
        ssim: 1 is best.
        lpips: 0 is best; None where its weights were not at hand or the image is too small.
        static: where only static pixels count (`evaluation.static_scores`), their share; None where all do.
        legacy_psnr: likewise, in dB, with moving pixels black and counted; at most `BEST_PSNR`.
        legacy_l1: likewise, the mean absolute difference on a scale of [0, 1].
    """

    psnr: float
    ssim: float
    lpips: float | None
    static: float | None = None
    legacy_psnr: float | None = None
    legacy_l1: float | None = None


def score(image: UInt8[Tensor, "H W 3"], target: UInt8[Tensor, "H W 3"], lpips: Lpips | None) -> Scores:
    """Scores of one image."""
    ours, truth = image.double() / 255, target.double() / 255
    psnr = min(losses.psnr(ours, truth), BEST_PSNR)
    distance = None
    if lpips is not None and min(image.shape[:2]) >= lpips.smallest_side:
        distance = lpips(ours.float(), truth.float())
    return Scores(psnr, float(losses.ssim(ours, truth)), distance)


def mean(scores: Sequence[Scores]) -> Scores:
    """Means over views, each view counting the same; None for what is not known of every view."""

    def over_views(name: str) -> float | None:
        known = [value for value in (getattr(each, name) for each in scores) if value is not None]
        return sum(known) / len(scores) if len(known) == len(scores) else None

    return Scores(
        psnr=sum(each.psnr for each in scores) / len(scores),
        ssim=sum(each.ssim for each in scores) / len(scores),
        lpips=over_views("lpips"),
        static=over_views("static"),
        legacy_psnr=over_views("legacy_psnr"),
        legacy_l1=over_views("legacy_l1"),
    )


def squared_error(image: UInt8[Tensor, "H W 3"], target: UInt8[Tensor, "H W 3"]) -> Float[Tensor, "H W"]:
    """Mean over the channels of the squared difference on a scale of [0, 1], for error maps."""
    return (image.float() / 255 - target.float() / 255).square().mean(-1)
