"""Diffusion of rollouts: schedules, losses, samplers, and inpainting."""

from generation.diffusion.known import Known
from generation.diffusion.losses import DiffusionLosses, diffusion_losses
from generation.diffusion.noise import SampleNoise
from generation.diffusion.process import Denoiser, Prediction, noise_from_velocity, noised, predict
from generation.diffusion.sampling import SamplingConfig, sample
from generation.diffusion.schedule import Schedule, linear_schedule

__all__ = [
    "Denoiser",
    "DiffusionLosses",
    "Known",
    "Prediction",
    "SampleNoise",
    "SamplingConfig",
    "Schedule",
    "diffusion_losses",
    "linear_schedule",
    "noise_from_velocity",
    "noised",
    "predict",
    "sample",
]
