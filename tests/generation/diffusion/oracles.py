"""Data whose best denoiser is known: Gaussians, also such whose cells depend on each other."""

import torch
from torch import Tensor

from generation.diffusion import Denoiser, linear_schedule

SCHEDULE = linear_schedule()


def gaussian_denoiser(mean: float, deviation: float) -> Denoiser:
    """The expected noise of x_t where all numbers of x_0 are N(mean, deviation²), independent.

    Variances are chosen by -1: the posterior's. For data of any variance the best choice lies between the
    bounds, which fall together in long chains.
    """

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        kept = SCHEDULE.alphas_cumprod.to(x.dtype)[t].view(-1, 1, 1, 1)
        total = kept * deviation**2 + 1 - kept
        noise = (1 - kept).sqrt() * (x - kept.sqrt() * mean) / total
        return torch.cat([noise, -torch.ones_like(x)], dim=1)

    return denoise


def correlated_denoiser(correlation: float) -> Denoiser:
    """The same for pairs of numbers along the last axis, of unit variance and that correlation."""
    covariance = torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        kept = SCHEDULE.alphas_cumprod[int(t[0])]
        total = kept * covariance + (1 - kept) * torch.eye(2, dtype=torch.float64)
        noise = (1 - kept).sqrt() * x.double() @ total.inverse()
        return torch.cat([noise, -torch.ones_like(noise)], dim=1).to(x.dtype)

    return denoise


def ode_solution(start: Tensor, mean: float, deviation: float, level: int) -> Tensor:
    """Where the probability flow takes independent Gaussian data from the noisiest level down to a level.

    Along it (x - sqrt(kept) mean) keeps its ratio to its own standard deviation.
    """
    first, last = SCHEDULE.kept(len(SCHEDULE)), SCHEDULE.kept(level)

    def spread(kept: float) -> float:
        return (kept * deviation**2 + 1 - kept) ** 0.5

    return last**0.5 * mean + (start - first**0.5 * mean) / spread(first) * spread(last)
