"""Many pairs' opinions of what moves."""

from pathlib import Path

import pytest
import torch

from dynamic_predictor.alignment.masks import dynamic_probabilities, first_head_probabilities, static_pixels
from dynamic_predictor.alignment.pointmaps import Pointmaps, pixel_grid
from tests.dynamic_predictor.alignment.published import Published


def opinions() -> Pointmaps:
    pairs = Pointmaps.empty(
        [(0, 1), (1, 0), (2, 1)], 3, pixel_grid(2, 3), with_dynamic=True, dtype=torch.float32
    )
    for row in range(3):
        for side in (0, 1):
            pairs.put(row, side, torch.rand(6, 3), 1 + 9 * torch.rand(6), torch.rand(6))
    return pairs


def test_both_sides_of_all_pairs_are_heard_by_their_confidence() -> None:
    pairs = opinions()
    assert pairs.dynamic is not None
    found = dynamic_probabilities(pairs)
    for frame in range(3):
        said = torch.stack([pairs.dynamic[row, side] for row, side in pairs.shown(frame)])
        confidence = torch.stack([pairs.confidences[row, side] for row, side in pairs.shown(frame)])
        torch.testing.assert_close(found[frame], (said * confidence).sum(dim=0) / confidence.sum(dim=0))


def test_the_first_head_alone() -> None:
    pairs = opinions()
    assert pairs.dynamic is not None
    mean, largest = first_head_probabilities(pairs)
    torch.testing.assert_close(mean, pairs.dynamic[:, 0])
    torch.testing.assert_close(largest, pairs.dynamic[:, 0])


def test_without_such_heads_there_is_an_error() -> None:
    pairs = Pointmaps.empty([(0, 1)], 2, pixel_grid(2, 3), with_dynamic=False)
    for function in (dynamic_probabilities, first_head_probabilities):
        with pytest.raises(ValueError, match="without probabilities"):
            function(pairs)


def test_a_frame_that_moves_everywhere_counts_as_static() -> None:
    moving = torch.zeros(3, 100, dtype=torch.bool)
    moving[0] = True
    moving[1, :40] = True
    static = static_pixels(moving)
    assert static[0].all()
    assert torch.equal(static[1:], ~moving[1:])


def test_published_numbers(golden: Path) -> None:
    numbers = Published(golden)
    mean, largest = first_head_probabilities(numbers.pairs())
    torch.testing.assert_close(mean, numbers["im_dyna_avg"].flatten(1), rtol=0, atol=1e-6)
    torch.testing.assert_close(largest, numbers["im_dyna_max"].flatten(1), rtol=0, atol=1e-6)
    assert torch.equal(mean > 0.5, numbers["dynamic_masks"].flatten(1))
