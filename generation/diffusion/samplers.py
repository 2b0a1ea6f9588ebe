"""Three ways to take one step down a chain, from noise towards data.

A step goes from level n to level n - 1. Level n has the noise of `schedule.alphas_cumprod[n - 1]`; level 0 is
clean.
"""

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from generation.diffusion.process import clean_from_noise, predict
from generation.diffusion.schedule import Schedule


@runtime_checkable
class Sampler(Protocol):
    """Steps down a chain, one after the other."""

    def restart(self) -> None:
        """Forget earlier steps: the next one does not follow from them."""
        ...

    def step(
        self,
        x: Float[Tensor, "B D H W"],
        level: int,
        output: Float[Tensor, "B D2 H W"],
        draw: Callable[[], Float[Tensor, "B D H W"]],
    ) -> Float[Tensor, "B D H W"]:
        """Rollouts one level lower.

        Args:
            x: at `level`.
            level: 1 or more.
            output: the network's for x: noise, and choice of variance.
            draw: gives noise of unit variance.
        """
        ...


def _levels(x: Tensor, level: int) -> Tensor:
    """The place in the chain, for each sample."""
    return torch.full((len(x),), level - 1, device=x.device)


class Ddpm:
    """Ancestral sampling with the learned variance.

    Source: Ho et al. 2020, algorithm 2.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def restart(self) -> None:
        """Nothing is remembered."""

    def step(
        self,
        x: Float[Tensor, "B D H W"],
        level: int,
        output: Float[Tensor, "B D2 H W"],
        draw: Callable[[], Float[Tensor, "B D H W"]],
    ) -> Float[Tensor, "B D H W"]:
        """See `Sampler.step`."""
        said = predict(self.schedule, x, _levels(x, level), output)
        return said.mean if level == 1 else said.mean + (said.log_variance / 2).exp() * draw()


class Ddim:
    """Deterministic with eta = 0; with eta = 1 as noisy as DDPM with the smallest variance.

    Source: Song et al., "Denoising Diffusion Implicit Models", 2021, equations 12 and 16.
    """

    def __init__(self, schedule: Schedule, eta: float = 0.0) -> None:
        self.schedule = schedule
        self.eta = eta

    def restart(self) -> None:
        """Nothing is remembered."""

    def step(
        self,
        x: Float[Tensor, "B D H W"],
        level: int,
        output: Float[Tensor, "B D2 H W"],
        draw: Callable[[], Float[Tensor, "B D H W"]],
    ) -> Float[Tensor, "B D H W"]:
        """See `Sampler.step`."""
        noise = output[:, : x.shape[1]]
        clean = clean_from_noise(self.schedule, x, _levels(x, level), noise)
        kept, next_kept = self.schedule.kept(level), self.schedule.kept(level - 1)
        sigma = self.eta * math.sqrt((1 - next_kept) / (1 - kept) * (1 - kept / next_kept))
        direction = math.sqrt(max(1 - next_kept - sigma**2, 0.0))
        lower = math.sqrt(next_kept) * clean + direction * noise
        return lower + sigma * draw() if sigma > 0 else lower


class DpmSolver:
    """DPM-Solver++(2M): a multistep solver of second order that predicts data.

    The last step, to clean data, is of first order, as the logarithm of the ratio is infinite there.

    Source: Lu et al., "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models",
    2022, algorithm 2.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self._last: tuple[float, Tensor] | None = None
        """Half the log-SNR of the step before, and the data predicted there."""

    def restart(self) -> None:
        """The next step is of first order."""
        self._last = None

    def step(
        self,
        x: Float[Tensor, "B D H W"],
        level: int,
        output: Float[Tensor, "B D2 H W"],
        draw: Callable[[], Float[Tensor, "B D H W"]],
    ) -> Float[Tensor, "B D H W"]:
        """See `Sampler.step`; nothing is drawn."""
        clean = clean_from_noise(self.schedule, x, _levels(x, level), output[:, : x.shape[1]])
        if level == 1:
            return clean
        kept, next_kept = self.schedule.kept(level), self.schedule.kept(level - 1)
        now, target = (0.5 * math.log(value / (1 - value)) for value in (kept, next_kept))
        h = target - now
        data = clean
        if self._last is not None:
            before, previous_clean = self._last
            weight = h / (2 * (now - before))
            data = (1 + weight) * clean - weight * previous_clean
        self._last = (now, clean)
        return math.sqrt((1 - next_kept) / (1 - kept)) * x - math.sqrt(next_kept) * math.expm1(-h) * data
