"""Adaptive density control: large screen-space gradients clone or split Gaussians, faint ones are removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from core.geometry import quat_to_rotation
from core.optimizers import RowAdam
from core.randomness import generator
from core.schedules import RECIPE_STEPS, Schedule
from scene.densification.rows import finite_rows, keep_rows, move_rows


@dataclass(frozen=True)
class DefaultConfig:
    """Thresholds of the `default` strategy.

    Source: Kerbl et al., "3D Gaussian Splatting", 2023, section 5; Ye et al., "AbsGS", 2024 (absolute
    gradients).
    """

    densify_from_iter: int = 500
    """Recipe step after which Gaussians are cloned, split and pruned."""
    densify_until_iter: int = 15_000
    """Recipe step after which their number is fixed."""
    densification_interval: int = 100
    """Recipe steps between two rounds."""
    densification_min_steps: int = 100
    """Steps of the run between two rounds, however short it is: a round must have seen enough views."""
    opacity_reset_interval: int = 3_000
    """Recipe steps between two resets of all opacities; 0 = never."""
    opacity_reset_min_steps: int = 1_000
    """Steps of the run between two resets, however short it is: opacities need a few hundred to come back."""
    densify_grad_threshold: float = 4e-4
    """Mean norm of the screen-space gradient, in units of half the image, from which a Gaussian is cloned or
    split. The published 2e-4 gives more than twice as many Gaussians, and about half a dB. Absolute gradients
    do not cancel: with them 8e-4 gives as many as 2e-4 without."""
    short_run_power: float = 0.4
    """In a scaled run of n steps the threshold is multiplied by (30,000 / n) to this power, which is 2.5 at
    a tenth of the recipe: a Gaussian of a short run has few steps to settle, and each costs time."""
    absgrad: bool = False
    """Use sums of absolute values of the pixels' gradients, which find large blurred Gaussians."""
    percent_dense: float = 0.01
    """Largest standard deviation, as a fraction of the scene's extent, up to which one is cloned, not
    split."""
    split_factor: float = 1.6
    """The two halves of a split Gaussian have its standard deviations divided by this."""
    min_opacity: float = 0.005
    """Fainter ones are removed."""
    reset_opacity: float = 0.01
    """Opacities are cut down to this at a reset."""
    prune_scale: float = 0.1
    """Largest standard deviation, as a fraction of the extent, beyond which one is removed once resets have
    begun."""
    prune_radius_px: int = 0
    """Largest radius on the image beyond which one is removed once resets have begun; 0 = any. The published
    code means 20, but clears its record of radii just before it is read."""

    def __post_init__(self) -> None:
        if self.densification_interval < 1:
            raise ValueError(
                f"densification_interval: at least 1 was expected, got {self.densification_interval}"
            )
        for name in (
            "densification_min_steps",
            "opacity_reset_interval",
            "opacity_reset_min_steps",
            "densify_grad_threshold",
            "percent_dense",
            "prune_scale",
            "prune_radius_px",
        ):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")
        if not self.split_factor > 0:
            raise ValueError(f"split_factor: a positive number was expected, got {self.split_factor}")
        if not 0 <= self.min_opacity < 1:
            raise ValueError(f"min_opacity: 0 or more and less than 1 was expected, got {self.min_opacity}")
        if not 0 < self.reset_opacity < 1:
            raise ValueError(
                f"reset_opacity: a number between 0 and 1 was expected, got {self.reset_opacity}"
            )


class DefaultDensification:
    """Clone, split, prune and reset.

    Args:
        config: thresholds.
        extent: radius of the cameras' volume, world units.
        max_gaussians: their number never exceeds this; None = no limit.
        seed: of the positions of split Gaussians.
        white_background: whether opacities are also reset when densification starts.
    """

    def __init__(
        self,
        config: DefaultConfig,
        *,
        extent: float,
        max_gaussians: int | None = None,
        seed: int = 0,
        white_background: bool = False,
    ) -> None:
        self.config = config
        self.extent = extent
        self.max_gaussians = max_gaussians
        self.seed = seed
        self.white_background = white_background
        self.gradient_sums = torch.zeros(0)
        self.view_counts = torch.zeros(0)
        self.max_radii = torch.zeros(0, dtype=torch.int32)

    def wants_gradients(self, schedule: Schedule, step: int) -> bool:
        """Whether screen-space gradients of this step will be read."""
        return not schedule.passed(step, self.config.densify_until_iter)

    def threshold(self, schedule: Schedule) -> float:
        """The mean gradient from which a Gaussian of this run is cloned or split."""
        shortening = max(1.0, RECIPE_STEPS / schedule.iterations) if schedule.scaled else 1.0
        return self.config.densify_grad_threshold * shortening**self.config.short_run_power

    def regularization(self, parameters: Mapping[str, Tensor]) -> Tensor | None:
        """No term in the loss."""
        return None

    @torch.no_grad()
    def observe(
        self, gradients: Float[Tensor, "N 2"], radii: Int[Tensor, "N 2"], width: int, height: int
    ) -> None:
        """Take in one view.

        Args:
            gradients: of the loss with respect to the projected means, per pixel; absolute sums if so
                configured.
            radii: half extents on the image in px; 0 = not seen.
            width: of the image, px.
            height: of the image, px.
        """
        if len(self.view_counts) != len(radii):
            self._clear(len(radii), radii.device)
        # Half the image is the unit: the threshold then means the same at every resolution.
        norms = torch.hypot(gradients[:, 0] * (0.5 * width), gradients[:, 1] * (0.5 * height))
        self.gradient_sums += norms
        self.view_counts += radii[:, 0] > 0
        if self.config.prune_radius_px:
            torch.maximum(self.max_radii, radii.amax(1).to(self.max_radii.dtype), out=self.max_radii)

    @torch.no_grad()
    def refine(self, optimizer: RowAdam, schedule: Schedule, step: int, means_lr: float) -> None:
        """Change the Gaussians if the schedule says so.

        Args:
            optimizer: holds parameters and moments; both change.
            schedule: of the run.
            step: the one that has just been taken.
            means_lr: not used by this strategy.
        """
        config = self.config
        if not self.wants_gradients(schedule, step):
            return
        position = schedule.position(step)
        due = schedule.fires(step, config.densification_interval, config.densification_min_steps)
        if position > config.densify_from_iter and due:
            self._grow(optimizer, step, self.threshold(schedule))
            self._prune(
                optimizer,
                big_too=bool(config.opacity_reset_interval) and position > config.opacity_reset_interval,
            )
            self._clear(len(optimizer.parameters["means"]), optimizer.parameters["means"].device)
        if self._reset_is_due(schedule, step):
            self._reset_opacities(optimizer)

    def state_dict(self) -> dict[str, Any]:
        """What has been observed since the last round."""
        return {
            "gradient_sums": self.gradient_sums,
            "view_counts": self.view_counts,
            "max_radii": self.max_radii,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.gradient_sums = state["gradient_sums"].clone()
        self.view_counts = state["view_counts"].clone()
        self.max_radii = state["max_radii"].clone()

    def _clear(self, count: int, device: torch.device) -> None:
        self.gradient_sums = torch.zeros(count, device=device)
        self.view_counts = torch.zeros(count, device=device)
        self.max_radii = torch.zeros(count, dtype=torch.int32, device=device)

    def _reset_is_due(self, schedule: Schedule, step: int) -> bool:
        config = self.config
        if not config.opacity_reset_interval or not schedule.allows_reset(step):
            return False
        first_round = schedule.passed(step, config.densify_from_iter) and not schedule.passed(
            step - 1, config.densify_from_iter
        )
        return schedule.fires(step, config.opacity_reset_interval, config.opacity_reset_min_steps) or (
            self.white_background and first_round
        )

    def _grow(self, optimizer: RowAdam, step: int, threshold: float) -> None:
        """Clone the small and split the large among those with a large gradient."""
        scales = optimizer.parameters["log_scales"].detach().exp().amax(1)
        means = self.gradient_sums / self.view_counts.clamp(min=1)
        chosen = means >= threshold
        chosen = self._within_cap(chosen, means)
        small = scales <= self.config.percent_dense * self.extent
        cloned, split = (chosen & small).nonzero()[:, 0], (chosen & ~small).nonzero()[:, 0]
        kept = (~(chosen & ~small)).nonzero()[:, 0]
        source = torch.cat([kept, cloned, split, split])
        fresh = torch.arange(len(source), device=source.device) >= len(kept)
        self.max_radii = self.max_radii[source].masked_fill_(fresh, 0)
        move_rows(optimizer, source, fresh)
        first_child = len(kept) + len(cloned)
        self._spread(optimizer.parameters, first_child, step)

    def _within_cap(self, chosen: Bool[Tensor, " N"], gradients: Float[Tensor, " N"]) -> Bool[Tensor, " N"]:
        """Of the chosen, those with the largest gradients that there is room for: each adds one Gaussian."""
        if self.max_gaussians is None:
            return chosen
        room = max(0, self.max_gaussians - len(chosen))
        if int(chosen.sum()) <= room:
            return chosen
        best = torch.where(chosen, gradients, -1).topk(room).indices
        return torch.zeros_like(chosen).index_fill_(0, best, True)

    def _spread(self, parameters: dict[str, Tensor], first: int, step: int) -> None:
        """Draw positions of split Gaussians, rows `first` and on, from their parents, and shrink them."""
        log_scales, quats = parameters["log_scales"][first:], parameters["quats"][first:]
        if not len(quats):
            return
        noise = torch.randn(len(quats), 3, generator=generator(self.seed, "split", step)).to(quats)
        offsets = quat_to_rotation(quats) @ (noise * log_scales.exp())[..., None]
        parameters["means"][first:] += offsets[..., 0]
        log_scales -= torch.log(torch.tensor(self.config.split_factor))

    def _prune(self, optimizer: RowAdam, big_too: bool) -> None:
        """Remove what is faint, not finite, or (if `big_too`) too large; the most opaque one stays."""
        parameters = optimizer.parameters
        keep = parameters["logit_opacities"].sigmoid() >= self.config.min_opacity
        if big_too:
            keep &= parameters["log_scales"].exp().amax(1) <= self.config.prune_scale * self.extent
            if self.config.prune_radius_px:
                keep &= self.max_radii <= self.config.prune_radius_px
        keep &= finite_rows(parameters)
        if not keep.any():
            keep[parameters["logit_opacities"].nan_to_num(-torch.inf).argmax()] = True
        if not keep.all():
            self.max_radii = self.max_radii[keep_rows(optimizer, keep)]

    def _reset_opacities(self, optimizer: RowAdam) -> None:
        highest = torch.logit(torch.tensor(self.config.reset_opacity)).item()
        optimizer.parameters["logit_opacities"].clamp_(max=highest)
        optimizer.forget("logit_opacities")
