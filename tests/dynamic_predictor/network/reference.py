"""Networks with weights and images by formula, so that their outputs can be compared with stored numbers."""

import math

import numpy as np
import torch

from dynamic_predictor.network.dpt import DptConfig
from dynamic_predictor.network.model import Network, NetworkConfig

MICRO = NetworkConfig(
    encoder_width=64,
    encoder_depth=4,
    encoder_heads=4,
    decoder_width=48,
    decoder_depth=4,
    decoder_heads=3,
    dpt=DptConfig(level_widths=(12, 16, 24, 32), features=32, last_width=16),
)
"""Small in every respect: 1.4 million parameters."""

TINY = NetworkConfig(
    encoder_width=64,
    encoder_depth=4,
    encoder_heads=4,
    decoder_width=48,
    decoder_depth=12,
    decoder_heads=3,
)
"""A small transformer under heads of full size: 78 million parameters."""

FULL = NetworkConfig()


def build(config: NetworkConfig, dtype: torch.dtype = torch.float64) -> Network:
    """Filled by formula, for inference."""
    with torch.device("meta"):
        network = Network(config)
    network = network.to(dtype).to_empty(device="cpu").eval()
    for position, (name, tensor) in enumerate(filled_names(network)):
        tensor.copy_(hashed(name, tuple(tensor.shape), position))
    return network


def filled_names(network: Network) -> list[tuple[str, torch.Tensor]]:
    """The tensors in the order of the fill; modules with two names count once."""
    state = network.state_dict()
    return [(name, state[name]) for name in sorted(state) if ".scratch.layer_rn." not in name]


def is_norm_weight(name: str) -> bool:
    parts = name.split(".")
    return parts[-1] == "weight" and "norm" in parts[-2]


def hashed(name: str, shape: tuple[int, ...], position: int) -> torch.Tensor:
    """Noise in [-a, a) from an integer hash of the index; around 1 for the scales of norms."""
    numel = math.prod(shape)
    x = (np.arange(1, numel + 1, dtype=np.uint32) * np.uint32(2654435761)) + np.uint32(
        (position + 1) * 2246822519 % 2**32
    )
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    x ^= x >> np.uint32(16)
    amplitude = 1.5 / math.sqrt(numel / shape[0]) if len(shape) >= 2 else 0.1
    values = amplitude * (x / 2.0**31 - 1) + float(is_norm_weight(name))
    return torch.from_numpy(values).reshape(shape)


def waves(view: int, height: int, width: int) -> torch.Tensor:
    """[1, 3, H, W] in [-1, 1]."""
    y, x, c = np.arange(height)[:, None], np.arange(width)[None, :], np.arange(3)[:, None, None]
    values = 0.6 * np.sin(0.23 * x + 0.41 * y + 1.7 * c + 0.9 * view)
    values = values + 0.4 * np.cos(0.9 * x - 0.35 * y * (c + 1) + 2.1 * view)
    return torch.from_numpy(values)[None]
