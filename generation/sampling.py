"""Rollouts from a trained network: its conditions, guidance and samplers brought together."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from generation.diffusion import Known, SampleNoise, SamplingConfig, sample
from generation.dit import Conditions, Dit


def sample_rollouts(
    model: Dit,
    config: SamplingConfig,
    seed: int,
    indices: Sequence[int],
    conditions: Conditions | None = None,
    known: Known | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Float[Tensor, "B D H W"]:
    """Draw rollouts. A sample depends on the seed, its index and its conditions, not on the others.

    Args:
        model: on the device to compute on.
        config: how.
        seed: of all samples.
        indices: numbers of the samples, one each.
        conditions: of the samples, on the model's device.
        known: cells that are known; the samples have their data exactly.
        on_step: is told how many steps are done, and of how many.

    Raises:
        UserError: there are more steps than the network was trained with.
    """
    weight = model.x_embedder.proj.weight
    like = torch.empty(
        len(indices), model.config.channels, *model.config.size.rollout_shape,
        dtype=weight.dtype, device=weight.device,
    )  # fmt: skip
    denoise = partial(
        model.forward_with_guidance, conditions=conditions or Conditions(), scale=config.guidance
    )
    return sample(
        denoise, like, SampleNoise(seed, indices), config,
        known=known, known_noise=SampleNoise(seed, indices, "known cells"), on_step=on_step,
    )  # fmt: skip
