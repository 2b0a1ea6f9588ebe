"""Noise added to data, and what a network's output says about the step back.

Source: Ho et al. 2020, equations 4, 7 and 11; Nichol and Dhariwal 2021, equation 15 (variance).
"""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Float, Int64
from torch import Tensor

from generation.diffusion.schedule import Schedule, at

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""From noisy rollouts [B, D, H, W] and steps of the training's chain [B] to [B, 2 D, H, W]: the noise, and
above it the numbers in [-1, 1] that choose the next step's variance."""


class Prediction(NamedTuple):
    """What an output says about x_t.

    Args:
        clean: x_0.
        noise: of which x_t was made with x_0.
        mean: of x_{t-1}.
        log_variance: of x_{t-1}.
    """

    clean: Float[Tensor, "B D H W"]
    noise: Float[Tensor, "B D H W"]
    mean: Float[Tensor, "B D H W"]
    log_variance: Float[Tensor, "B D H W"]


def noised(
    schedule: Schedule,
    clean: Float[Tensor, "B D H W"],
    levels: Int64[Tensor, "B"],
    noise: Float[Tensor, "B D H W"],
) -> Float[Tensor, "B D H W"]:
    """x_t of x_0 and noise.

    Args:
        schedule: the chain.
        clean: x_0.
        levels: places in the chain, one for each sample; the least noise is 0.
        noise: of unit variance.
    """
    kept = schedule.alphas_cumprod
    return at(kept.sqrt(), levels, clean) * clean + at((1 - kept).sqrt(), levels, clean) * noise


def posterior_mean(
    schedule: Schedule,
    clean: Float[Tensor, "B D H W"],
    x: Float[Tensor, "B D H W"],
    levels: Int64[Tensor, "B"],
) -> Float[Tensor, "B D H W"]:
    """The mean of q(x_{t-1} | x_t, x_0)."""
    of_clean, of_noisy = schedule.posterior_weights
    return at(of_clean, levels, x) * clean + at(of_noisy, levels, x) * x


def clean_from_noise(
    schedule: Schedule,
    x: Float[Tensor, "B D H W"],
    levels: Int64[Tensor, "B"],
    noise: Float[Tensor, "B D H W"],
) -> Float[Tensor, "B D H W"]:
    """x_0 of x_t and its noise."""
    kept = schedule.alphas_cumprod
    return at(kept.rsqrt(), levels, x) * x - at((1 / kept - 1).sqrt(), levels, x) * noise


def noise_from_velocity(
    schedule: Schedule,
    x: Float[Tensor, "B D H W"],
    levels: Int64[Tensor, "B"],
    velocity: Float[Tensor, "B D H W"],
) -> Float[Tensor, "B D H W"]:
    """The noise of x_t and its velocity, sqrt(alphas_cumprod) noise - sqrt(1 - alphas_cumprod) x_0.

    Source: Salimans and Ho, "Progressive Distillation for Fast Sampling", 2022, appendix D.
    """
    kept = schedule.alphas_cumprod
    return at(kept.sqrt(), levels, x) * velocity + at((1 - kept).sqrt(), levels, x) * x


def predict(
    schedule: Schedule,
    x: Float[Tensor, "B D H W"],
    levels: Int64[Tensor, "B"],
    output: Float[Tensor, "B D2 H W"],
) -> Prediction:
    """What a network's output says.

    The logarithm of the variance lies where the output says, between its lower and its upper bound.

    Args:
        schedule: the chain.
        x: what the network saw.
        levels: places in the chain, one for each sample.
        output: the network's.
    """
    noise, choice = output.chunk(2, dim=1)
    clean = clean_from_noise(schedule, x, levels, noise)
    low, high = at(schedule.posterior_log_variance, levels, x), at(schedule.betas.log(), levels, x)
    share = (choice + 1) / 2
    return Prediction(
        clean, noise, posterior_mean(schedule, clean, x, levels), share * high + (1 - share) * low
    )
