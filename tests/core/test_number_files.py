"""Numbers in text files, or a sentence with the line that is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.number_files import numbers_of_lines

ROWS = st.lists(st.lists(st.floats(allow_nan=False), min_size=3, max_size=3), max_size=5)


@given(ROWS, st.sampled_from([" ", "\t", ", ", "   "]))
def test_numbers_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[float]], between: str
) -> None:
    path = tmp_path_factory.mktemp("numbers") / "a.txt"
    lines = [between.join(map(repr, row)) for row in rows]
    path.write_text("# head\n\n" + "\n".join(lines), encoding="utf-8")
    assert numbers_of_lines(path, 3) == rows


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"1 2 3\n\n1 2\n", r"a\.txt, line 3: 3 numbers were expected, got 2"),
        (b"# x\n1 2 three\n", r"a\.txt, line 2: numbers were expected"),
        (b"\xff\xfe1 2 3", r"a\.txt is no text"),
    ],
)
def test_what_is_wrong_is_told_by_line(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        numbers_of_lines(tmp_path / "a.txt", 3)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*a\.txt: it does not exist"):
        numbers_of_lines(tmp_path / "a.txt", 3)
