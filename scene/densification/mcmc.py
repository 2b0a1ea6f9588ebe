"""Gaussians as a Markov chain: dead ones move onto live ones, their number grows to a cap, noise explores."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from core.geometry import quat_to_rotation
from core.optimizers import RowAdam
from core.randomness import generator
from core.schedules import Schedule
from scene.densification.rows import finite_rows, keep_rows, move_rows

MAX_COPIES = 51
"""Into how many copies one Gaussian is divided at most in one round; more are drawn from it again in the
next."""

_GATE_SLOPE, _GATE_OPACITY = 100.0, 0.005
_SILENT_OPACITY = 0.19  # more opaque ones would be moved by less than 1e-8 of the noise


@dataclass(frozen=True)
class MCMCConfig:
    """Settings of the `mcmc` strategy.

    Source: Kheradmand et al., "3D Gaussian Splatting as Markov Chain Monte Carlo", NeurIPS 2024.
    """

    refine_from_iter: int = 500
    """Recipe step after which Gaussians are relocated and added."""
    refine_until_iter: int = 25_000
    """Recipe step after which they are not."""
    refine_interval: int = 100
    """Recipe steps between two rounds."""
    refine_min_steps: int = 1
    """Steps of the run between two rounds, however short it is."""
    growth: float = 1.05
    """Factor on the number of Gaussians in each round, until the cap."""
    dead_opacity: float = 0.005
    """Gaussians of at most this opacity are relocated."""
    noise_lr: float = 5e5
    """Noise on the means, as a multiple of their learning rate."""
    opacity_reg: float = 0.01
    """Weight of the mean opacity in the loss."""
    scale_reg: float = 0.01
    """Weight of the mean standard deviation in the loss."""
    default_cap: int = 1_000_000
    """The cap when `max_gaussians` is not given."""

    def __post_init__(self) -> None:
        for name in ("refine_interval", "growth", "default_cap"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name}: at least 1 was expected, got {getattr(self, name)}")
        for name in ("refine_min_steps", "noise_lr", "opacity_reg", "scale_reg"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")
        if not 0 <= self.dead_opacity < 1:
            raise ValueError(f"dead_opacity: 0 or more and less than 1 was expected, got {self.dead_opacity}")


class MCMCDensification:
    """Relocation, growth to a cap, and noise.

    Args:
        config: settings.
        max_gaussians: the cap; None = `config.default_cap`.
        seed: of all draws.
    """

    def __init__(self, config: MCMCConfig, *, max_gaussians: int | None = None, seed: int = 0) -> None:
        self.config = config
        self.cap = config.default_cap if max_gaussians is None else max_gaussians
        self.seed = seed

    def wants_gradients(self, schedule: Schedule, step: int) -> bool:
        """Screen-space gradients are never read."""
        return False

    def observe(
        self, gradients: Float[Tensor, "N 2"], radii: Int[Tensor, "N 2"], width: int, height: int
    ) -> None:
        """Views leave no statistics."""

    def regularization(self, parameters: Mapping[str, Tensor]) -> Tensor | None:
        """The terms in the loss that let useless Gaussians vanish (equation 8 of the paper)."""
        opacities, scales = parameters["logit_opacities"].sigmoid(), parameters["log_scales"].exp()
        return self.config.opacity_reg * opacities.mean() + self.config.scale_reg * scales.mean()

    @torch.no_grad()
    def refine(self, optimizer: RowAdam, schedule: Schedule, step: int, means_lr: float) -> None:
        """Relocate and add Gaussians if a round is due, then shake them.

        Args:
            optimizer: holds parameters and moments; both change.
            schedule: of the run.
            step: the one that has just been taken.
            means_lr: learning rate of the means in this step, to which the noise is proportional.
        """
        config = self.config
        position = schedule.position(step)
        due = schedule.fires(step, config.refine_interval, config.refine_min_steps)
        if config.refine_from_iter < position < config.refine_until_iter and due:
            finite = finite_rows(optimizer.parameters)
            if not finite.all() and finite.any():
                keep_rows(optimizer, finite)
            draws = generator(self.seed, "relocate", step)
            self._relocate(optimizer, draws)
            self._add(optimizer, draws)
        self._shake(optimizer.parameters, means_lr, generator(self.seed, "noise", step))

    def state_dict(self) -> dict[str, Any]:
        """Nothing: every draw is a function of seed and step."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take over."""

    def _relocate(self, optimizer: RowAdam, draws: torch.Generator) -> None:
        opacities = optimizer.parameters["logit_opacities"].sigmoid()
        dead = opacities <= self.config.dead_opacity
        dead_rows = dead.nonzero()[:, 0]
        if len(dead_rows) in (0, len(dead)):
            return
        hosts = draw_rows(torch.where(dead, 0, opacities), len(dead_rows), draws)
        source = torch.arange(len(dead), device=dead.device)
        source[dead_rows] = hosts
        self._divide(optimizer, source, hosts)

    def _add(self, optimizer: RowAdam, draws: torch.Generator) -> None:
        opacities = optimizer.parameters["logit_opacities"].sigmoid()
        count = len(opacities)
        new = min(self.cap, math.ceil(self.config.growth * count)) - count
        if new > 0:
            hosts = draw_rows(opacities, new, draws)
            self._divide(optimizer, torch.cat([torch.arange(count, device=hosts.device), hosts]), hosts)

    def _divide(self, optimizer: RowAdam, source: Int[Tensor, " M"], hosts: Int[Tensor, " D"]) -> None:
        """Copy rows: a host and its copies share what the host contributed; their moments start anew."""
        parameters = optimizer.parameters
        copies = torch.bincount(hosts, minlength=len(parameters["means"]))
        opacities, factors = divided(parameters["logit_opacities"].sigmoid(), copies + 1)
        opacities = opacities.clamp(self.config.dead_opacity, 1 - torch.finfo(opacities.dtype).eps)
        shared = copies > 0
        parameters["logit_opacities"][shared] = opacities[shared].logit()
        parameters["log_scales"][shared] += factors[shared].log()[:, None]
        move_rows(optimizer, source, fresh=shared[source])

    def _shake(self, parameters: Mapping[str, Tensor], means_lr: float, draws: torch.Generator) -> None:
        """Add noise in the shape of each Gaussian, gated so that only the faint ones move (equation 9)."""
        opacities = parameters["logit_opacities"].sigmoid()
        rows = (opacities < _SILENT_OPACITY).nonzero()[:, 0]
        if not len(rows):
            return
        gates = torch.sigmoid(_GATE_SLOPE * (_GATE_OPACITY - opacities[rows]))
        noise = (
            torch.randn(len(rows), 3, generator=draws).to(gates)
            * (gates * self.config.noise_lr * means_lr)[:, None]
        )
        rotations = quat_to_rotation(parameters["quats"][rows])
        variances = (2 * parameters["log_scales"][rows]).exp()
        parameters["means"][rows] += (rotations @ (variances[..., None] * (rotations.mT @ noise[..., None])))[
            ..., 0
        ]


def draw_rows(weights: Float[Tensor, " N"], count: int, draws: torch.Generator) -> Int[Tensor, " count"]:
    """Rows drawn with replacement, with probabilities proportional to weights; N may be of any size."""
    bounds = weights.double().cumsum(0)
    targets = torch.rand(count, generator=draws, dtype=torch.float64).to(bounds) * bounds[-1]
    return torch.searchsorted(bounds, targets, right=True).clamp(max=len(weights) - 1)


def divided(
    opacities: Float[Tensor, " N"], copies: Int[Tensor, " N"]
) -> tuple[Float[Tensor, " N"], Float[Tensor, " N"]]:
    """Opacity of each of n coincident copies of a Gaussian, and the factor on its standard deviations.

    The copies cover their centre exactly as the one Gaussian did, and the integral of what they cover is the
    same.

    Args:
        opacities: of the Gaussians before, in (0, 1).
        copies: n, at least 1; more than `MAX_COPIES` count as that many.

    Source: Kheradmand et al. 2024, equation 9 and its derivation in the supplement. The double sum over i and
    k is folded into one by sum_{i=k+1}^{n} C(i-1, k) = C(n, k+1).
    """
    n = copies.clamp(1, MAX_COPIES)
    old = opacities.double()
    new = -torch.expm1(torch.log1p(-old) / n)
    factors = torch.ones_like(old)
    rows = (n > 1).nonzero()[:, 0]
    powers = new[rows, None] ** torch.arange(1, MAX_COPIES + 1, device=old.device)
    factors[rows] = old[rows] / (_coefficients().to(old.device)[n[rows] - 1] * powers).sum(1)
    return new.to(opacities), factors.to(opacities)


@cache
def _coefficients() -> Float[Tensor, "51 51"]:
    """Entry [n-1, j-1]: (-1)^(j-1) C(n, j) / sqrt(j), zero for j > n; in float64, for the terms alternate."""
    return torch.tensor(
        [
            [(-1) ** (j - 1) * math.comb(n, j) / math.sqrt(j) for j in range(1, MAX_COPIES + 1)]
            for n in range(1, MAX_COPIES + 1)
        ],
        dtype=torch.float64,
    )
