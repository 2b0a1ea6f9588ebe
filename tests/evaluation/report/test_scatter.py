"""Points lie inside, and above the diagonal exactly if the second number is the larger one."""

import re

from hypothesis import given
from hypothesis import strategies as st

from evaluation.report.scatter import Pair, scatter

VALUES = st.integers(-400, 400).map(lambda value: value / 4)


def numbers(svg: str, pattern: str) -> list[list[float]]:
    return [[float(each) for each in found] for found in re.findall(pattern, svg)]


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=20))
def test_points_and_diagonal(pairs: list[tuple[float, float]]) -> None:
    svg = scatter("PSNR", "A", "B", [Pair("view", x, y) for x, y in pairs])
    ((width, height),) = numbers(svg, r'viewBox="0 0 (\d+) (\d+)"')
    ((x1, y1, x2, y2),) = numbers(svg, r'"diagonal" x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"')
    points = numbers(svg, r'cx="([\d.]+)" cy="([\d.]+)"')
    assert len(points) == len(pairs)
    for (x, y), (at_x, at_y) in zip(pairs, points, strict=True):
        assert 0 <= at_x <= width
        assert 0 <= at_y <= height
        on_diagonal = y1 + (at_x - x1) / (x2 - x1) * (y2 - y1)
        if x == y:
            assert abs(at_y - on_diagonal) < 0.3  # coordinates have one digit
        else:
            assert (at_y < on_diagonal) == (y > x)


def test_points_tell_their_names_and_lead_somewhere() -> None:
    svg = scatter("a & b", "one", "two", [Pair("c < d", 1.0, 2.0, "#there"), Pair("e", 2.0, 1.0)], digits=1)
    assert "a &amp; b" in svg
    assert "<title>c &lt; d: 1.0 and 2.0</title>" in svg
    assert svg.count("<a href=") == 1
    assert 'href="#there"' in svg
    assert scatter("a", "one", "two", []) == ""
