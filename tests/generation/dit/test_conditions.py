"""Conditions as vectors."""

import torch

from core.randomness import generator
from generation.dit import Dit
from tests.generation.dit.networks import ALL


def test_weights_that_begin_at_scale_take_deviations_for_ones() -> None:
    """A first row, which is always zero, divides by nothing."""
    plain, scaled = (Dit(ALL, generator(0, "weights")).traj_emb for _ in range(2))
    assert plain is not None
    assert scaled is not None
    spread = torch.tensor([1.5, 0.1, 0.05]).expand(ALL.frames, 3).clone()
    spread[0] = 0
    scaled.begin_at_scale(spread)
    at_unit_scale = torch.randn(5, ALL.frames, 3)
    at_unit_scale[:, 0] = 0
    torch.testing.assert_close(scaled(at_unit_scale * spread, None), plain(at_unit_scale, None))
