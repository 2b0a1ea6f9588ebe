"""Errors of the depth of a video against measured depth.

Depth from a moving camera is known up to a scale, and networks add a shift, so both are first fitted to the
whole sequence, by least absolute deviations or by the ratio of medians.

Source: D. Eigen et al., "Depth Map Prediction from a Single Image using a Multi-Scale Deep Network", NIPS
2014, section 4.2, for the errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.optimize import brent

Alignment = Literal["scale-shift", "median"]

_NEAREST = 1e-3
"""Fitted depths are cut at this share of the median of the truth: a logarithm needs positive numbers."""


@dataclass(frozen=True)
class DepthErrors:
    """Errors over the pixels with measured depth, or their means over sequences.

    Args:
        abs_rel: mean of |error| / truth.
        sq_rel: mean of error² / truth, in units of the truth.
        rmse: in units of the truth.
        log_rmse: of natural logarithms.
        delta1: share of pixels whose depth is off by a factor below 1.25.
        delta2: likewise, 1.25².
        delta3: likewise, 1.25³.
        pixels: how many were compared.
        coverage: which share that is of the pixels whose true depth counts. The others have no prediction,
            and are the harder ones: what moves has no depth by triangulation.
    """

    abs_rel: float
    sq_rel: float
    rmse: float
    log_rmse: float
    delta1: float
    delta2: float
    delta3: float
    pixels: int
    coverage: float


def depth_errors(
    predicted: Float[ndarray, " P"],
    truth: Float[ndarray, " P"],
    alignment: Alignment = "scale-shift",
    farthest: float | None = None,
) -> DepthErrors | None:
    """Errors of the depths of one sequence, all frames together.

    Args:
        predicted: depths in any unit; NaN where there is none.
        truth: depths there, in its own units; not finite, or not above 0, where it is not known.
        alignment: what is fitted first: scale and shift, or a scale by the ratio of the medians.
        farthest: pixels whose true depth is this or more do not count, and fitted depths are cut there; in
            units of the truth. None = no limit.

    Returns:
        The errors; None where no pixel counts.
    """
    counts = np.isfinite(truth) & (truth > 0)
    if farthest is not None:
        counts &= truth < farthest
    known = counts & np.isfinite(predicted)
    ours, true = predicted[known].astype(np.float64), truth[known].astype(np.float64)
    if not len(ours):
        return None
    scale, shift = fit_scale_shift(ours, true) if alignment == "scale-shift" else (_ratio(ours, true), 0.0)
    fitted = np.clip(scale * ours + shift, _NEAREST * np.median(true), farthest)
    return _errors(fitted, true, coverage=float(known.sum() / counts.sum()))


def mean(sequences: Sequence[DepthErrors]) -> DepthErrors:
    """Means over sequences, each weighted by its pixels, so that every pixel counts the same.

    The coverage is that of all sequences together.

    Root mean squares are averaged as such, as published tables have it.
    """
    weights = [each.pixels for each in sequences]
    means = {
        field.name: float(np.average([getattr(each, field.name) for each in sequences], weights=weights))
        for field in fields(DepthErrors)
        if field.name not in ("pixels", "coverage")
    }
    known = sum(each.pixels / each.coverage for each in sequences)
    return DepthErrors(**means, pixels=sum(weights), coverage=sum(weights) / known)


def fit_scale_shift(predicted: Float[ndarray, " P"], truth: Float[ndarray, " P"]) -> tuple[float, float]:
    """(scale, shift) with the least mean of |scale * predicted + shift - truth|.

    For a given scale the best shift is a median, and what is then left is a convex function of the scale
    alone, which a search along the line brings to its least as exactly as float64 allows.

    Args:
        predicted: at least one depth.
        truth: as many.
    """
    middle = float(np.median(predicted))
    centred = predicted - middle
    spread = float(np.abs(centred).mean())
    if spread <= 1e-12 * max(1.0, abs(middle)):
        return 1.0, float(np.median(truth)) - middle  # a flat picture: every scale serves as well
    units = centred / spread

    def deviation(slope: float) -> float:
        left = truth - slope * units
        return float(np.abs(left - np.median(left)).mean())

    start = float(np.abs(truth - np.median(truth)).mean())
    slope = float(np.asarray(brent(deviation, brack=(0.0, start or 1.0), tol=1e-12)))
    return slope / spread, float(np.median(truth - slope * units)) - slope / spread * middle


def _ratio(predicted: Float[ndarray, " P"], truth: Float[ndarray, " P"]) -> float:
    """The ratio of the medians; 1 where the prediction's is no depth."""
    median = float(np.median(predicted))
    return float(np.median(truth)) / median if median > 0 else 1.0


def _errors(ours: Float[ndarray, " P"], true: Float[ndarray, " P"], coverage: float) -> DepthErrors:
    difference, logarithms = ours - true, np.log(ours / true)
    factors = np.maximum(ours / true, true / ours)
    delta1, delta2, delta3 = (float(np.mean(factors < 1.25**power)) for power in (1, 2, 3))
    return DepthErrors(
        abs_rel=float(np.mean(np.abs(difference) / true)),
        sq_rel=float(np.mean(difference**2 / true)),
        rmse=float(np.sqrt(np.mean(difference**2))),
        log_rmse=float(np.sqrt(np.mean(logarithms**2))),
        delta1=delta1,
        delta2=delta2,
        delta3=delta3,
        pixels=len(ours),
        coverage=coverage,
    )
