"""How much each pixel of a training frame shows things that stand still: a weight that is learned."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from core.schedules import RECIPE_STEPS


@dataclass(frozen=True)
class StaticnessConfig:
    """The weights of pixels that may show something that moves."""

    staticness: bool = True
    """Learn the weights; otherwise they stay what the prediction says."""
    staticness_from_iter: int = 4_500
    """Recipe step before which they stay what the prediction says: residuals must mean something first."""
    staticness_prior: float = 0.1
    """Strength of the prediction: how much more than the frame's mean a pixel's residual must be, in colour
    units of 0 to 1, for its odds to fall by a factor of e."""
    staticness_sharpness: float = 0.0
    """Weight of the entropy penalty as a fraction of the prior's, in [0, 1): pushes weights to 0 and 1."""
    staticness_smooth_px: int = 5
    """Side of the square over which residuals are averaged before they count, at half size: what moves has an
    area, while fine detail not learned yet has none."""
    staticness_level: Literal["mean", "robust"] = "mean"
    """Residual that speaks neither for nor against a pixel: the weighted mean of the frame, which minimises
    the normalised loss; or its 80th percentile, so that only outliers lose weight."""
    mask_dilation_px: int = 3
    """Predicted masks are grown by this before they exclude pixels altogether."""

    def __post_init__(self) -> None:
        if not 0 < self.staticness_prior < math.inf:
            raise ValueError(f"staticness_prior: a positive number was expected, got {self.staticness_prior}")
        if self.staticness_from_iter < 0:
            raise ValueError(
                f"staticness_from_iter: a number from 0 on was expected, got {self.staticness_from_iter}"
            )
        if not 0 <= self.staticness_sharpness < 1:
            raise ValueError(
                f"staticness_sharpness: 0 to below 1 was expected, got {self.staticness_sharpness}"
            )
        if self.staticness_smooth_px < 1 or self.staticness_smooth_px % 2 == 0:
            raise ValueError(
                f"staticness_smooth_px: an odd number from 1 on was expected, got {self.staticness_smooth_px}"
            )
        if self.mask_dilation_px < 0:
            raise ValueError(f"mask_dilation_px: 0 or more was expected, got {self.mask_dilation_px}")


_MEMORY = 0.7  # of a residual, from one visit to the next
_SURE = 0.02  # no prediction is taken to be surer than this
_OUTLIERS = 0.8


class Staticness:
    """Per-pixel weights s in (0, 1) of the training frames, found in closed form.

    The loss of a frame with residuals r is the weighted mean sum(s r) / sum(s), so that s -> 0 gains
    nothing, plus terms that tie s to the prediction s0 = 1 - p. Its derivative by s is (r - m) / sum(s),
    where m is the weighted mean itself. With the prior tau KL(s || s0) and the entropy penalty kappa H(s), in
    the same unit, each pixel minimises

        s (r - m) + tau [s log(s / s0) + (1 - s) log((1 - s) / (1 - s0))]
                  - kappa [s log s + (1 - s) log(1 - s)].

    The minimum for fixed m is where the derivative is zero:

        logit s = (tau logit s0 - (r - m)) / (tau - kappa),

    so no optimiser is needed, and s cannot leave (0, 1). r is a running mean over the visits of the frame,
    averaged over a small square (the smoothness prior).

    Args:
        probabilities: [H_i, W_i] in [0, 1], how likely it is that something moves, of each training frame.
        masks: [H_i, W_i], True where something moves for sure; these pixels have weight 0 for good.
        config: settings.
    """

    def __init__(
        self,
        probabilities: Sequence[Float[Tensor, "_H _W"]],
        masks: Sequence[Bool[Tensor, "_H _W"]] | None,
        config: StaticnessConfig,
    ) -> None:
        self.config = config
        self._prior = [_half(1 - each).clamp(_SURE, 1 - _SURE).logit() for each in probabilities]
        self._allowed = None if masks is None else [~grown(each, config.mask_dilation_px) for each in masks]
        self._residuals = [torch.zeros_like(each) for each in self._prior]
        self._levels = torch.zeros(len(self._prior))
        self._visited = torch.zeros(len(self._prior), dtype=torch.bool)

    def weights(self, row: int, position: float, height: int, width: int) -> Float[Tensor, "H W"]:
        """Weights of a frame's pixels at a position of the recipe, for an image of any size.

        Args:
            row: of the frame among those that train.
            position: where in the recipe.
            height: of the image, px.
            width: of the image, px.
        """
        values = self._half_weights(row, position)
        values = F.interpolate(values[None, None], (height, width), mode="bilinear")[0, 0]
        return values if self._allowed is None else values * self._allowance(row, height, width)

    @torch.no_grad()
    def observe(self, row: int, residuals: Float[Tensor, "H W"], weights: Float[Tensor, "H W"]) -> None:
        """Take in what a visit of a frame has left unexplained.

        Args:
            row: of the frame.
            residuals: mean absolute difference of the colours, in [0, 1].
            weights: with which they counted.
        """
        mean = (weights * residuals).sum() / weights.sum().clamp(min=1e-6)
        # What is masked says nothing, not even to its neighbours.
        residuals = torch.where(weights > 0, residuals, mean)
        height, width = self._prior[row].shape  # images may be smaller at the start of a run
        seen = F.adaptive_avg_pool2d(residuals[None], (height, width))[0]
        robust = self.config.staticness_level == "robust"
        level = torch.quantile(seen[:: 1 + height // 256], _OUTLIERS) if robust else mean
        keep = _MEMORY if self._visited[row] else 0.0
        self._residuals[row] = torch.lerp(seen, self._residuals[row], keep)
        self._levels[row] = torch.lerp(level, self._levels[row], keep)
        self._visited[row] = True

    def state_dict(self) -> dict[str, Any]:
        """Running residuals."""
        return {"residuals": list(self._residuals), "levels": self._levels, "visited": self._visited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self._residuals = [each.clone() for each in state["residuals"]]
        self._levels = state["levels"].clone()
        self._visited = state["visited"].clone()

    def _half_weights(self, row: int, position: float) -> Float[Tensor, "h w"]:
        config, prior = self.config, self._prior[row]
        if not config.staticness or position < config.staticness_from_iter or not self._visited[row]:
            return prior.sigmoid()
        # Annealed: the residuals' say grows from nothing to all of it over the next fifth of the recipe.
        say = min(1.0, (position - config.staticness_from_iter) / (0.2 * RECIPE_STEPS))
        side = config.staticness_smooth_px
        smooth = F.avg_pool2d(self._residuals[row][None], side, 1, side // 2, count_include_pad=False)[0]
        tau = config.staticness_prior
        shifted = tau * prior - say * (smooth - self._levels[row])
        return (shifted / (tau * (1 - say * config.staticness_sharpness))).sigmoid()

    def _allowance(self, row: int, height: int, width: int) -> Float[Tensor, "H W"]:
        assert self._allowed is not None
        allowed = self._allowed[row].float()
        if allowed.shape == (height, width):
            return allowed
        # A pixel of a smaller image counts only if all that it covers does.
        return -F.adaptive_max_pool2d(-allowed[None], (height, width))[0]


def grown(mask: Bool[Tensor, "H W"], pixels: int) -> Bool[Tensor, "H W"]:
    """A mask dilated by a square of 2 `pixels` + 1."""
    if not pixels:
        return mask
    return F.max_pool2d(mask[None].float(), 2 * pixels + 1, 1, pixels)[0] > 0


def _half(image: Float[Tensor, "H W"]) -> Float[Tensor, "h w"]:
    """An image at half its size, rounded up."""
    height, width = image.shape
    return F.adaptive_avg_pool2d(image[None], ((height + 1) // 2, (width + 1) // 2))[0]
