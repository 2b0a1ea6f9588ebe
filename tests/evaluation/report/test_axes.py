"""Axes hold all values and keep their order."""

from hypothesis import given
from hypothesis import strategies as st

from evaluation.report.axes import Axes

VALUES = st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=1, max_size=20)


@given(VALUES)
def test_square_axes_are_the_same_both_ways(values: list[float]) -> None:
    axes = Axes.square(values)
    assert axes.x_range == axes.y_range
    assert axes.x_range[0] <= min(values) <= max(values) <= axes.x_range[1]
    for value in values:
        assert 0 <= axes.x(value) <= axes.width
        assert 0 <= axes.y(value) <= axes.height
    span = axes.x(axes.x_range[1]) - axes.x(axes.x_range[0])
    assert abs(span - (axes.y(axes.y_range[0]) - axes.y(axes.y_range[1]))) < 1e-6


@given(VALUES)
def test_axes_of_curves_begin_at_the_first_iteration(values: list[float]) -> None:
    axes = Axes.around([(float(step), value) for step, value in enumerate(values)])
    assert axes.x_range[0] == 0
    assert axes.y_range[0] <= min(values) <= max(values) <= axes.y_range[1]
    assert f'y1="{axes.y(axes.y_ticks[0]):.1f}"' in axes.svg()
