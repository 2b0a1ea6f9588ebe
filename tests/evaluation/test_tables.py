"""One table of several runs: every number once, in its column, and a dash for what is not known."""

import json
import re
from pathlib import Path

from evaluation.scoring import MethodScores, score_run
from evaluation.tables import Row, count_gaussians, format_table
from tests.evaluation.conftest import add_masks, make_run


def cells(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()]


def test_rows_are_runs_and_the_last_is_their_mean(tmp_path: Path) -> None:
    rows = []
    for name, views in (("a", 1), ("b", 3)):
        folder = make_run(tmp_path / name, views)
        rows.append(Row(folder, score_run(folder, None)))
    (tmp_path / "b" / "log.jsonl").write_text(
        "".join(json.dumps({"step": step, "gaussians": 1000.0 * step}) + "\n" for step in (1, 2))
    )
    header, _, first, second, _, mean = cells(format_table(rows))
    assert header == ["run", "iteration", "views", "PSNR", "SSIM", "LPIPS", "Gaussians"]
    scores = [row.methods[0].mean for row in rows]
    assert first == [
        str(tmp_path / "a"),
        "30",
        "1",
        f"{scores[0].psnr:.3f}",
        f"{scores[0].ssim:.4f}",
        "-",
        "-",
    ]
    assert second == [
        str(tmp_path / "b"),
        "30",
        "3",
        f"{scores[1].psnr:.3f}",
        f"{scores[1].ssim:.4f}",
        "-",
        "2,000",
    ]
    both = (scores[0].psnr + scores[1].psnr) / 2
    assert mean[:2] == ["mean", f"{both:.3f}"]


def test_columns_are_aligned(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=1, iterations=(7, 30_000))
    lines = format_table([Row(folder, score_run(folder, None))]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 4, "one run has no mean"


def test_a_run_without_held_out_views_has_dashes(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", views=0)
    none: list[MethodScores] = []
    assert cells(format_table([Row(folder, none)]))[-1] == [str(folder.path), "-", "0", "-", "-", "-", "-"]
    assert count_gaussians(folder) is None


def test_runs_on_videos_have_a_line_for_each_way_to_draw_and_a_legacy_column(tmp_path: Path) -> None:
    rows = []
    for name, views in (("a", 1), ("b", 2)):
        folder = add_masks(make_run(tmp_path / name, views))
        rows.append(Row(folder, score_run(folder, None)))
    table = format_table(rows)
    lines = table.splitlines()
    assert lines[0].endswith("legacy PSNR")
    assert [re.split(" {2,}", line)[1].partition(", ")[2] for line in lines[2:6]] == [
        "",
        "predicted poses",
        "with what moves",
        "refined poses",
    ]
    carried, predicted, composite, refined = lines[-4:]
    assert carried.startswith("mean")
    assert "predicted poses" in predicted
    assert "with what moves" in composite
    assert "refined poses" in refined
    for methods, line in enumerate((carried, predicted, composite, refined)):
        means = [row.methods[methods].mean for row in rows]
        legacy = [mean.legacy_psnr for mean in means if mean.legacy_psnr is not None]
        assert f"{sum(mean.psnr for mean in means) / 2:.3f}" in line
        assert line.endswith(f"{sum(legacy) / 2:.3f}")
    assert len({len(line) for line in lines}) == 1


def test_the_legacy_column_stays_away_where_nothing_moves(tmp_path: Path) -> None:
    still = make_run(tmp_path / "still", 1)
    assert "legacy PSNR" not in format_table([Row(still, score_run(still, None))])
