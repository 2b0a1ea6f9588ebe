"""What methods that learn from photographs share: views, their order, and the loss against them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from core import losses
from core.randomness import generator
from core.schedules import RECIPE_STEPS, exponential
from scene.cameras import Cameras
from scene.capture import Capture


@dataclass(frozen=True)
class LossConfig:
    """What is minimised."""

    lambda_dssim: float = 0.2
    """Share of 1 - SSIM; the rest is L1."""
    depth_l1_weight_init: float = 1.0
    """Weight of |1/z - prior| at the start, where the capture has inverse depths."""
    depth_l1_weight_final: float = 0.01
    """That weight at the end; it falls exponentially."""
    cache_mb: int = 128
    """Memory for window moments of the photographs, MiB. Views beyond it are slower, not different."""

    def __post_init__(self) -> None:
        if not 0 <= self.lambda_dssim <= 1:
            raise ValueError(f"lambda_dssim: 0 to 1 was expected, got {self.lambda_dssim}")
        for name in ("depth_l1_weight_init", "depth_l1_weight_final", "cache_mb"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")


@dataclass(frozen=True)
class TrainingView:
    """One photograph as a step needs it.

    Args:
        row: its place among the training views.
        cameras: its camera, one.
        target: the photograph, planar.
        moments: `losses.ssim_moments(target)`, if they are kept.
        weights: 0 where a pixel is not to be supervised.
        inverse_depth: prior of 1/z in world units, 0 = none.
    """

    row: int
    cameras: Cameras
    target: UInt8[Tensor, "3 H W"]
    moments: Float[Tensor, "2 3 H W"] | None
    weights: Float[Tensor, "H W"] | None
    inverse_depth: Float[Tensor, "H W"] | None


class TrainingViews:
    """The photographs of a capture that a run learns from, each prepared when it is first asked for.

    Args:
        capture: the scene.
        views: the capture's rows to learn from.
        cache_mb: memory for window moments, MiB. Which views have theirs kept is a function of the views
            alone.
    """

    def __init__(self, capture: Capture, views: Sequence[int], cache_mb: int) -> None:
        self.capture = capture
        self.views = tuple(views)
        self._prepared: dict[int, TrainingView] = {}
        self.halvings = 0
        self._keeps_moments: list[bool] = []
        budget = cache_mb * 2**20
        for view in self.views:
            budget -= 24 * int(capture.cameras.width[view]) * int(capture.cameras.height[view])
            self._keeps_moments.append(budget >= 0)

    def __len__(self) -> int:
        return len(self.views)

    def get(self, row: int, halvings: int = 0) -> TrainingView:
        """A view, at its full size or at a size halved `halvings` times."""
        if halvings != self.halvings:
            self._prepared.clear()
            self.halvings = halvings
        if row not in self._prepared:
            self._prepared[row] = self._prepare(row, halvings)
        return self._prepared[row]

    def full(self, row: int) -> TrainingView:
        """A view at its full size, whatever the size of those that `get` keeps is."""
        return self._prepare(row, 0) if self.halvings else self.get(row)

    def _prepare(self, row: int, halvings: int) -> TrainingView:
        capture, view = self.capture, self.views[row]
        target = capture.images[view].permute(2, 0, 1).contiguous()
        weights = None if capture.valid_masks is None else capture.valid_masks[view].float()
        inverse_depth = None if capture.inverse_depths is None else capture.inverse_depths[view]
        cameras = capture.cameras[view]
        if halvings:
            height, width = (max(1, side >> halvings) for side in target.shape[1:])
            cameras = cameras.resized(torch.tensor([width]), torch.tensor([height]))
            target = _shrunk(target.float(), height, width).round().to(torch.uint8)
            weights = None if weights is None else _shrunk(weights[None], height, width)[0]
            inverse_depth = None if inverse_depth is None else _shrunk_depth(inverse_depth, height, width)
        moments = losses.ssim_moments(target) if self._keeps_moments[row] else None
        return TrainingView(row, cameras, target, moments, weights, inverse_depth)


def _shrunk(planes: Float[Tensor, "P H W"], height: int, width: int) -> Float[Tensor, "P h w"]:
    return F.adaptive_avg_pool2d(planes, (height, width))


def _shrunk_depth(inverse_depth: Float[Tensor, "H W"], height: int, width: int) -> Float[Tensor, "h w"]:
    """Means over the pixels that have a depth, 0 where fewer than half do."""
    known = (inverse_depth > 0).float()
    sums, shares = _shrunk(torch.stack([inverse_depth * known, known]), height, width)
    return torch.where(shares >= 0.5, sums / shares.clamp(min=1e-6), 0)


def order(count: int, seed: int, first_step: int) -> Iterator[int]:
    """Rows in the order of the steps: a new permutation in each epoch, a function of (seed, step).

    Args:
        count: rows.
        seed: of the run.
        first_step: the step, from 1, of the first row that is given.
    """
    epoch, place = divmod(first_step - 1, count)
    while True:
        permutation = torch.randperm(count, generator=generator(seed, "order", epoch)).tolist()
        yield from permutation[place:]
        epoch, place = epoch + 1, 0


def depth_loss(
    inverse_depths: Float[Tensor, "H W"], prior: Float[Tensor, "H W"], position: float, config: LossConfig
) -> Float[Tensor, ""]:
    """Weighted mean of |1/z - prior| over the pixels that have a prior.

    Args:
        inverse_depths: rendered.
        prior: 0 = none.
        position: where in the recipe.
        config: weights.

    Source: Kerbl et al., "A Hierarchical 3D Gaussian Representation", 2024, section 5.3.
    """
    weight = exponential(position, config.depth_l1_weight_init, config.depth_l1_weight_final, RECIPE_STEPS)
    return weight * ((inverse_depths - prior).abs() * (prior > 0)).mean()
