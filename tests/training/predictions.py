"""Answers of a network and the truth about them, made up; and a network small enough for tests."""

import torch

from dynamic_predictor.network.dpt import DptConfig
from dynamic_predictor.network.model import Network, NetworkConfig, PairPrediction
from training.predictor_batches import PairTargets

MICRO = NetworkConfig(
    encoder_width=16,
    encoder_depth=1,
    encoder_heads=2,
    decoder_width=16,
    decoder_depth=4,
    decoder_heads=2,
    mlp_ratio=2,
    dpt=DptConfig(level_widths=(8, 8, 8, 8), features=8, last_width=8),
)
HEIGHT, WIDTH = 6, 8


def micro_network(seed: int = 0) -> Network:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return Network(MICRO)


def said(seed: int, pairs: int = 2, rows: slice = slice(None)) -> PairPrediction:
    random = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.rand(pairs, HEIGHT, WIDTH, *shape, generator=random)[rows].clone()

    return PairPrediction(
        draw(3) + 0.5, 1 + draw(), 0.05 + 0.9 * draw(), draw(3) + 0.5, 1 + draw(), 0.05 + 0.9 * draw()
    )


def truth(seed: int, pairs: int = 2, rows: slice = slice(None)) -> PairTargets:
    random = torch.Generator().manual_seed(seed + 10_000)

    def points() -> torch.Tensor:
        return torch.randn(pairs, HEIGHT, WIDTH, 3, generator=random)[rows] + 3

    def some(share: float) -> torch.Tensor:
        return (torch.rand(pairs, HEIGHT, WIDTH, generator=random) < share)[rows].clone()

    return PairTargets(points(), points(), some(0.9), some(0.9), some(0.3), some(0.3), some(0.8), some(0.8))
