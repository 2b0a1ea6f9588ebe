"""Depths of a room that a disc crosses, as other frames tell them."""

import numpy as np
import pytest
import torch

from dynamic_predictor.classical.consensus import _drawn, _others, _View, still_depths
from tests.dynamic_predictor.classical.rooms import HEIGHT, WIDTH, depth_of, disc, walk

COUNT, RADIUS, ROW = 11, 8.0, 5
CAMERAS = walk(COUNT)
DEPTHS = torch.stack([depth_of(CAMERAS[row]) for row in range(COUNT)])
PLACE = (48.0, 32.0)


def told(seen: list[int], *, masked: bool, count: int = COUNT) -> torch.Tensor:
    """Depths of a room in some of whose frames a disc seems to be much farther away than the wall."""
    rows = torch.tensor([row in seen for row in range(count)])
    things = rows[:, None, None] & disc(PLACE, RADIUS)
    depths = torch.where(things, 3.0, 1.0) * DEPTHS[:count]
    return still_depths((things & masked).numpy(), depths, CAMERAS[list(range(count))])


@pytest.mark.parametrize("masked", [True, False])
def test_the_depth_behind_a_thing_is_that_of_the_room(masked: bool) -> None:
    depths = told([4, 5, 6], masked=masked)
    assert depths.shape == (COUNT, HEIGHT, WIDTH)
    behind = disc(PLACE, RADIUS)
    torch.testing.assert_close(depths[ROW][behind], DEPTHS[ROW][behind], rtol=0.05, atol=0)


def test_a_still_room_keeps_its_depths() -> None:
    error = (told([], masked=False) / DEPTHS - 1).abs()
    assert error.median() < 0.01
    assert error.quantile(0.95) < 0.05


def test_few_frames_tell_nothing() -> None:
    torch.testing.assert_close(told([1], masked=True, count=4)[0], DEPTHS[0], rtol=0, atol=0)
    torch.testing.assert_close(told([0], masked=True, count=1)[0][~disc(PLACE, RADIUS)],
                               DEPTHS[0][~disc(PLACE, RADIUS)], rtol=0, atol=0)  # fmt: skip


@pytest.mark.parametrize(("row", "count"), [(0, 1), (0, 3), (7, 20), (0, 60), (59, 60), (100, 400)])
def test_others_are_spread_around_a_frame(row: int, count: int) -> None:
    others = _others(row, count)
    assert others == sorted(set(others))
    assert all(0 <= other < count and abs(other - row) >= 2 for other in others)
    assert len(others) == min(16, sum(abs(other - row) >= 2 for other in range(count)))
    if count > 20:
        assert others[-1] - others[0] >= min(88, count - 3)


def test_a_view_looks_the_same_to_its_own_camera() -> None:
    inverse = (1 / DEPTHS[0]).numpy()
    trusted = np.ones(inverse.shape, bool)
    trusted[:5] = False
    drawn = _drawn(_View(inverse, trusted), CAMERAS[0], CAMERAS[0])
    np.testing.assert_allclose(drawn[5:], inverse[5:], rtol=1e-5)
    assert np.isnan(drawn[:5]).all()


def test_the_nearest_hides_the_rest_whether_it_is_trusted_or_not() -> None:
    inverse, near = (1 / DEPTHS[0]).numpy(), disc(PLACE, RADIUS).numpy()
    inverse[near] = 1.25
    shown = {}
    for trust in (True, False):
        drawn = _drawn(_View(inverse, ~near | trust), CAMERAS[0], CAMERAS[1])
        shown[trust] = np.nan_to_num(drawn) > 0.8
        assert np.nanmax(drawn[~shown[True]]) < 0.8
    assert shown[True].sum() > 0.8 * near.sum()
    assert not shown[False].any()


def test_what_has_no_depth_tells_nothing() -> None:
    inverse = np.zeros((HEIGHT, WIDTH), np.float32)
    assert np.isnan(_drawn(_View(inverse, inverse == 0), CAMERAS[0], CAMERAS[1])).all()
