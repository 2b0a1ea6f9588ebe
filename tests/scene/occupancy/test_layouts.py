"""Layouts against a loop over voxels."""

import pytest
import torch

from scene.occupancy.classes import CARLASC
from scene.occupancy.layouts import layout
from tests.scene.occupancy.recordings import frame_of, scene


@pytest.mark.parametrize("down_size", [1, 2, 3, 4])
def test_against_a_loop(down_size: int) -> None:
    classes = torch.stack([frame_of(frame) for frame in range(3)])
    found = layout(classes, CARLASC, down_size)
    assert found.dtype == torch.uint8
    assert found.shape == (3, 6 // down_size, 4 // down_size)
    for t, x, y in torch.cartesian_prod(*(torch.arange(side) for side in found.shape)).tolist():
        rows = slice(x * down_size, (x + 1) * down_size)
        columns = slice(y * down_size, (y + 1) * down_size)
        assert found[t, x, y] == int((classes[t, rows, columns] == CARLASC.vehicle).any())
    assert found.any()


def test_squares_larger_than_the_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 4 columns"):
        layout(scene().read([0]).classes, CARLASC, 5)
