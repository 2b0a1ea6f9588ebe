"""Frames of voxels: parts of a sequence are the same voxels, poses and names."""

import pytest
import torch

from scene.occupancy.classes import CARLASC
from scene.occupancy.sequence import CARLASC_GRID, OCC3D_GRID, Grid, Occupancy, same_pace
from tests.scene.occupancy.recordings import GRID, scene


def test_some_frames_of_a_sequence() -> None:
    whole = scene().read(range(9))
    part = whole.frames(slice(2, 8, 3))
    assert len(part) == 2
    assert part.frame_names == ("000002", "000005")
    assert part.invalid is not None
    assert whole.invalid is not None
    assert part.world_from_ego is not None
    assert whole.world_from_ego is not None
    for row, frame in enumerate((2, 5)):
        assert part.classes[row].equal(whole.classes[frame])
        assert part.invalid[row].equal(whole.invalid[frame])
        assert part.world_from_ego[row].equal(whole.world_from_ego[frame])


def test_what_is_unknown_stays_unknown() -> None:
    part = Occupancy(torch.zeros(3, *GRID.size, dtype=torch.uint8), CARLASC, GRID).frames(slice(1, 3))
    assert (len(part), part.invalid, part.world_from_ego, part.frame_names) == (2, None, None, ())


def test_voxels_must_fill_the_grid() -> None:
    with pytest.raises(ValueError, match="in a grid of"):
        Occupancy(torch.zeros(3, 4, 6, 2, dtype=torch.uint8), CARLASC, GRID)


@pytest.mark.parametrize(("grid", "top_m"), [(CARLASC_GRID, 1.0), (OCC3D_GRID, 5.4)])
def test_published_grids_have_the_vehicle_in_their_middle(grid: Grid, top_m: float) -> None:
    ends = [low + side * edge for low, side, edge in zip(grid.origin_m, grid.size, grid.voxel_m, strict=True)]
    assert ends[:2] == pytest.approx([-grid.origin_m[0], -grid.origin_m[1]])
    assert ends[2] == pytest.approx(top_m)


def test_a_pace_that_was_rounded_is_the_same() -> None:
    assert same_pace(0.1, 0.1004)
    assert not same_pace(0.1, 0.102)
