"""How much noise each step of a diffusion chain has, and shorter chains over the same levels."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from core.errors import UserError

STEPS = 1000
"""Steps of the chain that DynamicCity trains."""


@dataclass(frozen=True)
class Schedule:
    """Levels of noise, rising: x_t = sqrt(alphas_cumprod) x_0 + sqrt(1 - alphas_cumprod) noise.

    Args:
        timesteps: what the network is told at each level: steps of the training's chain, rising.
        alphas_cumprod: what is left of the data's variance at each level, falling, in (0, 1).

    Source: Ho et al., "Denoising Diffusion Probabilistic Models", 2020, equations 4 to 7.
    """

    timesteps: Int64[Tensor, "N"]
    alphas_cumprod: Float64[Tensor, "N"]

    def __len__(self) -> int:
        return len(self.timesteps)

    def subset(self, levels: Int64[Tensor, "M"]) -> "Schedule":
        """A shorter chain of some of the levels, rising."""
        return Schedule(self.timesteps[levels], self.alphas_cumprod[levels])

    def kept(self, level: int) -> float:
        """What is left of the data's variance after `level` steps; 1 at level 0, which is clean."""
        return 1.0 if level == 0 else float(self.alphas_cumprod[level - 1])

    @cached_property
    def previous_alphas_cumprod(self) -> Float64[Tensor, "N"]:
        """`alphas_cumprod` one step nearer to the data, where the first has 1."""
        return torch.cat([self.alphas_cumprod.new_ones(1), self.alphas_cumprod[:-1]])

    @cached_property
    def betas(self) -> Float64[Tensor, "N"]:
        """Variance of the noise that a step adds."""
        return 1 - self.alphas_cumprod / self.previous_alphas_cumprod

    @cached_property
    def posterior_variance(self) -> Float64[Tensor, "N"]:
        """Variance of q(x_{t-1} | x_t, x_0); 0 at the first step."""
        return self.betas * (1 - self.previous_alphas_cumprod) / (1 - self.alphas_cumprod)

    @cached_property
    def posterior_log_variance(self) -> Float64[Tensor, "N"]:
        """Its logarithm, with the second step's number at the first, where it would be minus infinity."""
        variance = self.posterior_variance
        first = variance[1:2] if len(self) > 1 else self.betas[:1]
        return torch.cat([first, variance[1:]]).log()

    @cached_property
    def posterior_weights(self) -> tuple[Float64[Tensor, "N"], Float64[Tensor, "N"]]:
        """What x_0 and x_t weigh in the mean of q(x_{t-1} | x_t, x_0)."""
        previous, left = self.previous_alphas_cumprod, 1 - self.alphas_cumprod
        return (
            self.betas * previous.sqrt() / left,
            (1 - previous) * (1 - self.betas).sqrt() / left,
        )


def at(
    table: Float64[Tensor, "N"], levels: Int64[Tensor, "B"], like: Float[Tensor, "B *rest"]
) -> Float[Tensor, "B *ones"]:
    """Numbers of a table, one for each sample, that multiply tensors like `like`."""
    return table.to(like.device)[levels.to(like.device)].to(like.dtype).view(-1, *[1] * (like.dim() - 1))


def linear_schedule(steps: int = STEPS, first: float = 1e-4, last: float = 0.02) -> Schedule:
    """A chain whose betas rise linearly.

    Args:
        steps: of the chain.
        first: beta of the first step.
        last: beta of the last one.
    """
    # On the CPU by name: a network that is built on the meta device, without memory, needs the numbers too.
    betas = torch.linspace(first, last, steps, dtype=torch.float64, device="cpu")
    return Schedule(torch.arange(steps, device="cpu"), (1 - betas).cumprod(0))


def evenly_spaced(schedule: Schedule, steps: int) -> Schedule:
    """A chain of `steps` levels at equal distances in time, the first and the last among them.

    Source: Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021, section 4.

    Raises:
        UserError: there are no such many levels.
    """
    _check_steps(schedule, steps)
    stride = (len(schedule) - 1) / max(steps - 1, 1)
    # A single step starts at the noisiest level, as only there pure noise is what the network knows.
    places = [round(step * stride) for step in range(steps)] if steps > 1 else [len(schedule) - 1]
    return schedule.subset(torch.tensor(places))


def evenly_spaced_in_snr(schedule: Schedule, steps: int) -> Schedule:
    """A chain of `steps` levels at nearly equal distances in the logarithm of the signal-to-noise ratio.

    Where levels are too few, near the data, neighbours are taken.

    Source: Lu et al., "DPM-Solver++", 2022, section 4 and appendix B.

    Raises:
        UserError: there are no such many levels.
    """
    _check_steps(schedule, steps)
    log_snr = (schedule.alphas_cumprod / (1 - schedule.alphas_cumprod)).log()
    wanted = torch.linspace(float(log_snr[0]), float(log_snr[-1]), steps, dtype=torch.float64)
    if steps == 1:
        wanted = log_snr[-1:]
    nearest = (log_snr[None] - wanted[:, None]).abs().argmin(dim=1).tolist()
    for step in range(1, steps):
        nearest[step] = max(nearest[step], nearest[step - 1] + 1)
    for step, place in enumerate(reversed(range(steps))):
        nearest[place] = min(nearest[place], len(schedule) - 1 - step)
    return schedule.subset(torch.tensor(nearest))


def _check_steps(schedule: Schedule, steps: int) -> None:
    if not 1 <= steps <= len(schedule):
        raise UserError(f"--steps: between 1 and {len(schedule)} steps were expected, got {steps}")
