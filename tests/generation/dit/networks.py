"""Small networks with closed-form weights, and inputs for them."""

from dataclasses import replace

import torch

from generation.dit import Conditions, Dit, DitConfig
from tests.generation.golden import fill

SMALL = DitConfig(depth=2, width=32, heads=4, latent=(2, 6, 8, 4), channels=3, frames=5)
ALL = replace(SMALL, hexplane=True, layout=True, trajectory=True, command=True, cross_attention=True)


def filled(config: DitConfig) -> Dit:
    model = Dit(config)
    fill(model)
    return model.eval()


def conditions_of(samples: int, config: DitConfig = ALL) -> Conditions:
    random = torch.Generator().manual_seed(3)
    return Conditions(
        hexplane=torch.randn(samples, config.channels, *config.size.rollout_shape, generator=random),
        layout=torch.randint(0, 2, (samples, config.frames, 3, 4), generator=random, dtype=torch.uint8),
        trajectory=torch.randn(samples, config.frames, 3, generator=random),
        command=torch.arange(samples) % 4,
    )


def noisy(samples: int, config: DitConfig) -> torch.Tensor:
    random = torch.Generator().manual_seed(5)
    return torch.randn(samples, config.channels, *config.size.rollout_shape, generator=random)
