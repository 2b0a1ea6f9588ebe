"""Weights to begin with."""

import math
from typing import TypeVar

import torch
from torch import nn

Layer = TypeVar("Layer", bound=nn.Linear | nn.Conv2d | nn.Conv3d)


@torch.no_grad()
def keep_variance(layer: Layer, rows: slice = slice(None)) -> Layer:
    """Let a new layer's outputs vary as much as its inputs; torch's weights give a third of the variance.

    Between the frame encoder and the latents five such layers follow one another without a norm. What changes
    from frame to frame is little to begin with; divided by sixteen, it would drown in the noise of the
    latents, and the planes of time would never be used.

    Args:
        layer: just made.
        rows: of the outputs that are meant.
    """
    layer.weight[rows] *= math.sqrt(3)
    return layer
