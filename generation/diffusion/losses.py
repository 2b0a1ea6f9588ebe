"""What training minimises: the error of the noise, and a bound that teaches the variance."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from generation.diffusion.process import Denoiser, noised, posterior_mean, predict
from generation.diffusion.schedule import Schedule, at

_BIN = 1 / 255
"""Half the width of the bins in which data are counted at the first step."""
_LAST_BIN = 0.999
_TINY = 1e-12


class DiffusionLosses(NamedTuple):
    """Losses of each sample.

    Args:
        total: their sum, which training minimises.
        mse: mean squared error of the noise, or of the velocity, over cells on planes.
        vlb: a term of the variational bound, bits per number; it teaches the variance only.
    """

    total: Float[Tensor, "B"]
    mse: Float[Tensor, "B"]
    vlb: Float[Tensor, "B"]


def diffusion_losses(
    denoise: Denoiser,
    schedule: Schedule,
    clean: Float[Tensor, "B D H W"],
    levels: Int64[Tensor, "B"],
    noise: Float[Tensor, "B D H W"],
    weights: Bool[Tensor, "H W"] | Float[Tensor, "H W"],
    *,
    of_velocity: bool = False,
) -> DiffusionLosses:
    """Losses at some steps, as DynamicCity weighs them.

    Args:
        denoise: the network.
        schedule: the chain.
        clean: rollouts.
        levels: places in the chain, one for each sample.
        noise: of unit variance, on padding too.
        weights: of the cells in the squared error, zero on padding; True counts as one. The bound is a mean
            over all cells, also those of padding.
        of_velocity: take the error of the velocity, which is that of the noise by the root of what is left of
            the data's variance.

    Source: Nichol and Dhariwal 2021, equation 16, without its weight; Salimans and Ho 2022, section 4.
    """
    x = noised(schedule, clean, levels, noise)
    output = denoise(x, schedule.timesteps.to(x.device)[levels.to(x.device)])
    predicted = output[:, : clean.shape[1]]
    squares = (noise - predicted).square() * weights
    mse = squares.sum(dim=(1, 2, 3)) / (weights.sum() * clean.shape[1])
    if of_velocity:
        mse = mse / at(schedule.alphas_cumprod, levels, mse)
    vlb = _bound(schedule, clean, x, levels, output)
    return DiffusionLosses(mse + vlb, mse, vlb)


def _bound(schedule: Schedule, clean: Tensor, x: Tensor, levels: Tensor, output: Tensor) -> Tensor:
    """The step's term of the variational bound, bits per number.

    Source: Ho et al. 2020, equation 5; at the first step the discretised decoder of section 3.3.
    """
    noise, choice = output.chunk(2, dim=1)
    fixed_noise = torch.cat([noise.detach(), choice], dim=1)
    _, _, mean, log_variance = predict(schedule, x, levels, fixed_noise)
    true_mean = posterior_mean(schedule, clean, x, levels)
    true_log_variance = at(schedule.posterior_log_variance, levels, x)
    kl = _kl(true_mean, true_log_variance, mean, log_variance)
    first = -_discretized_log_likelihood(clean, mean, log_variance / 2)
    at_first = (levels == 0).to(x.device).view(-1, 1, 1, 1)
    return torch.where(at_first, first, kl).mean(dim=(1, 2, 3)) / math.log(2)


def _kl(mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor) -> Tensor:
    """The divergence of a second Gaussian from a first, nats."""
    ratio = log_variance - other_log_variance
    return 0.5 * (-1 - ratio + ratio.exp() + (mean - other_mean).square() * (-other_log_variance).exp())


def _normal_cdf(x: Tensor) -> Tensor:
    """Source: Page, "Approximations to the Cumulative Normal Function", 1977; models were trained with it."""
    return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _discretized_log_likelihood(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Logarithm of a Gaussian's mass in the bin of each number; bins at and beyond -1 and 1 are open."""
    offset, inverse = x - mean, (-log_scale).exp()
    below, above = _normal_cdf(inverse * (offset + _BIN)), _normal_cdf(inverse * (offset - _BIN))
    inside = (below - above).clamp(min=_TINY).log()
    lowest, highest = below.clamp(min=_TINY).log(), (1 - above).clamp(min=_TINY).log()
    return torch.where(x < -_LAST_BIN, lowest, torch.where(x > _LAST_BIN, highest, inside))
