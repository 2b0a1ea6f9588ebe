"""Tables say what the numbers are, and mark the best."""

from pathlib import Path

from core.run_folder import RunFolder
from evaluation.image_metrics import Scores
from tests.pages import Reader
from viewer.comparison.matching import CommonView
from viewer.comparison.numbers import RunNumbers
from viewer.comparison.runs import ComparedRun, RunView
from viewer.comparison.scores import ComparedScores
from viewer.comparison.tables import runs_table, settings_table, views_table

FOLDER = RunFolder(Path("somewhere"))
RUNS = [ComparedRun(letter, f"run <{letter}>", FOLDER, 30, {}, True, "all pixels") for letter in "AB"]
SCORES = ComparedScores(
    (
        (Scores(20.0, 0.5, 0.30), Scores(21.0, 0.4, 0.20)),
        (Scores(22.0, 0.5, 0.30), Scores(24.5, 0.4, 0.20)),
    ),
    "As they are.",
)


def views(*dpsnr: float | None) -> list[CommonView]:
    of_runs = tuple(RunView(Path(), Path(), None, value) for value in dpsnr)
    return [CommonView(name, of_runs) for name in ("a & b", "c")]


def numbers(seconds: float | None) -> RunNumbers:
    return RunNumbers("static", 30, 1234, seconds, None, 3 << 20)


def test_the_best_of_each_score_is_bold() -> None:
    page = runs_table(RUNS, views(None, None), SCORES, [numbers(60.0), numbers(None)], ["A note."])
    for cells in (
        "<th>PSNR, dB</th><td>21.00</td><td><b>22.75</b></td>",
        "<th>SSIM</th><td><b>0.5000</b></td><td>0.4000</td>",
        "<th>LPIPS</th><td>0.3000</td><td><b>0.2000</b></td>",
        "<th>Gaussians</th><td>1,234</td><td>1,234</td>",
        "<th>Training time</th><td>1 min 0 s</td><td>–</td>",
    ):
        assert cells in page
    text = Reader(page).text
    assert "Means over 2 views. As they are. A note." in text
    assert "run <A>" in text
    assert "DPSNR" not in text
    assert "Peak memory" not in text, "what nobody knows is left out"
    moving = runs_table(RUNS, views(12.0, 11.0), SCORES, [numbers(60.0), numbers(None)], [])
    assert "<td><b>12.00</b></td><td>11.00</td>" in moving


def test_equal_numbers_are_not_bold() -> None:
    equal = ComparedScores(((Scores(20.001, 0.5, None), Scores(20.002, 0.5, None)),), "")
    page = runs_table(RUNS, views(None, None)[:1], equal, [numbers(1.0), numbers(1.0)], [])
    assert "<td>20.00</td><td>20.00</td>" in page


def test_views_can_be_sorted_by_any_number() -> None:
    page = views_table(RUNS, views(None, None), SCORES, shown=[1])
    text = Reader(page).text
    assert page.count("<button") == 1 + 2 + 1 + 2 + 2
    assert 'data-value="2.500000"><b>+2.50</b>' in page
    assert 'href="#view-1"' in page
    assert 'href="#view-0"' not in page, "it has no pictures"
    assert "a & b" in text


def test_settings_that_differ() -> None:
    assert settings_table(RUNS, {}) == ""
    page = settings_table(RUNS, {"config.a.b": [1, None], "source_path": ["x & y", [2, True]]})
    text = Reader(page).text
    for told in ("a.b", "1", "–", "x & y", "[2, true]"):
        assert told in text
    assert "config." not in text
