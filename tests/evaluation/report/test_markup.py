"""Tables and sections close what they open."""

import pytest

from evaluation.report.markup import MISSING, number, section, table


def test_a_table_has_a_row_for_each_entry() -> None:
    assert table((), {"a": ["1"]}) == "<table><tr><th>a</th><td>1</td></tr></table>"
    told = table(("x", "y"), {"a": ["1", "2"], "b": ["3", "4"]})
    assert told.startswith("<table><tr><th></th><th>x</th><th>y</th></tr>")
    assert (told.count("<tr>"), told.count("</tr>"), told.count("<td>"), told.count("</td>")) == (3, 3, 4, 4)


def test_a_section_without_a_body_is_left_out() -> None:
    assert section("title", "note", "") == ""
    assert section("title", "note", "body").endswith("body</section>")


@pytest.mark.parametrize(("value", "told"), [(None, MISSING), (0.12345, "0.123"), (2.0, "2.000")])
def test_numbers(value: float | None, told: str) -> None:
    assert number(value, 3) == told
