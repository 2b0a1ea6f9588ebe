"""A histogram counts every value once."""

import re

from hypothesis import given
from hypothesis import strategies as st

from evaluation.report.histograms import histogram


def test_an_example() -> None:
    assert histogram("PSNR", "dB", []) == ""
    assert histogram("PSNR", "dB", [20.0]).count("<rect") == 1
    drawn = histogram("PSNR", "dB", [10.0, 11.0, 30.0])
    assert drawn.count("<rect") == 20
    assert "2 between" not in histogram("PSNR", "dB", [10.0, 30.0])


@given(st.lists(st.floats(-100, 100).map(lambda value: round(value, 3)), min_size=1, max_size=40))
def test_every_value_is_counted_once(values: list[float]) -> None:
    counts = re.findall(r"<title>(\d+) between", histogram("gain & loss", "dB", values))
    assert sum(map(int, counts)) == len(values)
