"""From noise to rollouts: which sampler, how many steps, and the loop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from core.errors import UserError
from generation.diffusion.known import Known, renoised, walk, with_known
from generation.diffusion.noise import SampleNoise
from generation.diffusion.process import Denoiser
from generation.diffusion.samplers import Ddim, Ddpm, DpmSolver, Sampler
from generation.diffusion.schedule import Schedule, evenly_spaced, evenly_spaced_in_snr, linear_schedule


@dataclass(frozen=True)
class SamplingConfig:
    """How samples are drawn."""

    sampler: Literal["ddpm", "ddim", "dpm++"] = "dpm++"
    """ddpm follows the trained chain, with noise; ddim and dpm++ need far fewer steps."""
    steps: int = 50
    """Steps, of at most 1000. DynamicCity takes 1000 with ddpm."""
    spacing: Literal["time", "snr"] = "snr"
    """Steps at equal distances in time, or in the logarithm of the signal-to-noise ratio, which errs less."""
    eta: float = 0.0
    """Noise of ddim's steps: 0 = none, 1 = as much as ddpm's."""
    guidance: float = 4.0
    """How far conditions are followed beyond what they say; 1 = not beyond, at half the cost."""
    jump: int = 10
    """Levels that the way goes up again where cells are known."""
    repeats: int = 1
    """How often each stretch of `jump` levels is walked where cells are known, at as many times the cost.
    With more, what is generated agrees better with what is known."""

    def __post_init__(self) -> None:
        if self.jump < 1 or self.repeats < 1:
            raise UserError(
                f"--jump and --repeats: 1 or more was expected, got {self.jump} and {self.repeats}"
            )
        if not 0 <= self.eta <= 1:
            raise UserError(f"--eta: a number from 0 to 1 was expected, got {self.eta}")


def chain(config: SamplingConfig, schedule: Schedule) -> Schedule:
    """The levels that sampling visits.

    Raises:
        UserError: the schedule has no such many.
    """
    spaced = evenly_spaced if config.spacing == "time" else evenly_spaced_in_snr
    return spaced(schedule, config.steps)


def make_sampler(config: SamplingConfig, levels: Schedule) -> Sampler:
    """The sampler that a configuration names, on a chain."""
    if config.sampler == "ddpm":
        return Ddpm(levels)
    if config.sampler == "ddim":
        return Ddim(levels, config.eta)
    return DpmSolver(levels)


@torch.no_grad()
def sample(
    denoise: Denoiser,
    like: Float[Tensor, "B D H W"],
    noise: SampleNoise,
    config: SamplingConfig,
    *,
    known: Known | None = None,
    known_noise: SampleNoise | None = None,
    schedule: Schedule | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Float[Tensor, "B D H W"]:
    """Draw samples.

    Args:
        denoise: the network, with its conditions.
        like: has the samples' shape, device and type.
        noise: streams of the samples.
        config: how.
        known: cells that are known; the samples have their data exactly.
        known_noise: streams for the known cells, needed with `known`.
        schedule: the training's chain; None = DynamicCity's.
        on_step: is told how many steps are done, and of how many.

    Raises:
        UserError: the schedule has fewer steps.
        ValueError: there are other streams than samples, or none for the known cells.
    """
    if len(noise) != len(like) or (known is not None and known_noise is None):
        raise ValueError(f"{len(noise)} streams of noise for {len(like)} samples, and one for known cells")
    levels = chain(config, schedule or linear_schedule())
    sampler = make_sampler(config, levels)
    path = list(walk(len(levels), config.jump, config.repeats if known else 1))
    x = noise.draw(like)
    if known and known_noise:
        x = with_known(x, known, levels, len(levels), known_noise)
    for done, (level, target) in enumerate(path, start=1):
        if target < level:
            t = levels.timesteps[level - 1].to(x.device).expand(len(x))
            x = sampler.step(x, level, denoise(x, t), lambda: noise.draw(like))
        else:
            x = renoised(levels, x, level, noise.draw(like))
            sampler.restart()
        if known and known_noise:
            x = with_known(x, known, levels, target, known_noise)
        if on_step:
            on_step(done, len(path))
    return x
