"""Curves: points lie where their values say, axes hold them all, and numbers are short."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.report.axes import short
from evaluation.report.charts import Series, chart

VALUES = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
CURVES = st.lists(VALUES, min_size=1, max_size=30).map(lambda ys: [(float(x), y) for x, y in enumerate(ys)])


def drawn(svg: str) -> list[list[tuple[float, float]]]:
    """The polylines' points."""
    lines = re.findall(r'<polyline class="[^"]*" points="([^"]*)"', svg)
    return [[tuple(map(float, pair.split(","))) for pair in line.split()] for line in lines]


@given(CURVES)
def test_points_keep_their_order_and_stay_inside(points: list[tuple[float, float]]) -> None:
    svg = chart("a", "", [Series("s", points)])
    left, top, width, height = (float(value) for value in re.search(r'viewBox="([^"]*)"', svg)[1].split())
    (line,) = drawn(svg)
    assert len(line) == len(points)
    for (x, y), (value_x, value_y) in zip(line, points, strict=True):
        assert left <= x <= left + width
        assert top <= y <= top + height
        for (other_x, other_y), (other_value_x, other_value_y) in zip(line, points, strict=True):
            assert (x - other_x) * (value_x - other_value_x) >= 0
            assert (y - other_y) * (value_y - other_value_y) <= 0  # the y axis of an image points down


@given(CURVES)
def test_noisy_curves_are_drawn_twice_and_their_mean_is_inside_their_range(
    points: list[tuple[float, float]],
) -> None:
    raw, mean = drawn(chart("a", "", [Series("s", points, noisy=True)]))
    ys = [y for _, y in raw]
    assert all(min(ys) - 0.2 <= y <= max(ys) + 0.2 for _, y in mean)
    assert [x for x, _ in mean] == [x for x, _ in raw]


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    points = [(float(step), float(step)) for step in range(100_001)]
    (line,) = drawn(chart("a", "", [Series("s", points)]))
    every = drawn(chart("a", "", [Series("s", [points[0], points[-1]])]))[0]
    assert [line[0], line[-1]] == every
    assert len(line) < 1000


def test_two_curves_share_axes_and_have_a_key_and_values_for_the_pointer() -> None:
    first, second = Series("one & two", [(0.0, 0.0), (10.0, 4.0)]), Series("three", [(10.0, 4.0)], dots=True)
    svg = chart("PSNR", "dB", [first, second])
    low, high = drawn(svg)
    assert low[-1] == high[0]
    assert "one &amp; two" in svg
    assert svg.count("<circle") == 1
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', svg)[1])
    assert [points["points"][-1][1] for points in data] == ["4 dB at 10", "4 dB at 10"]


def test_nothing_to_draw_gives_nothing() -> None:
    assert chart("a", "", [Series("s", [])]) == ""
    assert "key" not in chart("a", "", [Series("s", []), Series("t", [(1.0, 2.0)])])


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "0"),
        (0.12345, "0.123"),
        (24.72, "24.7"),
        (950.0, "950"),
        (13_851.0, "13.9k"),
        (1.2e6, "1.2M"),
        (-2e3, "-2k"),
    ],
)
def test_numbers_are_short(value: float, told: str) -> None:
    assert short(value) == told
