"""The command: a page, or one sentence."""

from pathlib import Path

import pytest

from tests.viewer.comparison.written_runs import write_run
from viewer import compare


def test_a_page_is_written_where_it_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [str(write_run(tmp_path / letter).path) for letter in "ab"]
    output = tmp_path / "new" / "page.html"
    assert compare.main([*runs, "-o", str(output), "--longest-side", "20", "--most-views", "1"]) == 0
    assert output.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert f"open {output}" in capsys.readouterr().err
    assert [path.name for path in output.parent.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "2 to 26 runs were expected, 0 given"),
        (["a"], "2 to 26 runs were expected, 1 given"),
        (["a", "nowhere"], "nowhere is no folder"),
        (["a", "b", "--quality", "0"], "--quality from 1 to 100"),
        (["a", "b", "--longest-side", "1"], "--longest-side of 2 or more"),
        (["a", "other"], "are runs of different captures"),
    ],
)
def test_mistakes_are_one_sentence(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, place in (("a", "square"), ("b", "square"), ("other", "elsewhere")):
        write_run(tmp_path / name, place=place)
    assert compare.main(words) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert sentence in told[-1]
    assert told[-1].startswith("error: ")
    assert not (tmp_path / "compare.html").exists()


@pytest.mark.parametrize("output", [".", "..", "/", "a", "file/page.html", "file/new/page.html"])
def test_what_cannot_be_written_is_told_before_anything_is_rendered(
    output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare, "write_comparison", lambda *_: pytest.fail("too early"))
    (tmp_path / "file").touch()
    for name in "ab":
        (tmp_path / name).mkdir()
    assert compare.main(["a", "b", "-o", output]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: -o {output}")
    assert len(told.splitlines()) == 1
