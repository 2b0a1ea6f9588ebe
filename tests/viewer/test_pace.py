"""Pictures are as large as the time allows."""

from hypothesis import given
from hypothesis import strategies as st

from viewer.pace import Pace


def test_the_first_picture_is_small_and_fast_ones_are_whole() -> None:
    pace = Pace()
    assert pace.coarse_height(640, 360) == 90
    pace.drawn(160, 90, 0.0005)
    assert pace.coarse_height(640, 360) == 360


@given(st.floats(1e-4, 10))
def test_slower_pictures_are_smaller(seconds: float) -> None:
    fast, slow = Pace(), Pace()
    fast.drawn(640, 360, seconds)
    slow.drawn(640, 360, 2 * seconds)
    heights = fast.coarse_height(640, 360), slow.coarse_height(640, 360)
    assert 90 <= heights[1] <= heights[0] <= 360
    if 90 < heights[0] < 360:
        # Drawn at this height, they take about as long as they may.
        assert abs(seconds * (heights[0] / 360) ** 2 - 1 / 31) < 0.002


def test_the_pace_forgets_what_was_slow() -> None:
    pace = Pace()
    pace.drawn(640, 360, 5.0)
    for _ in range(40):
        pace.drawn(640, 360, 0.001)
    assert pace.coarse_height(640, 360) == 360


def test_pictures_are_counted() -> None:
    pace = Pace()
    assert pace.per_second == 0
    pace.sent()
    assert pace.per_second == 0
    pace.sent()
    assert pace.per_second > 0
