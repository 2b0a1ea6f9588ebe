"""The table of runs on driving logs: ours, their means, and published numbers beside them."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.files import read_json, write_json
from core.run_folder import RunFolder
from evaluation.street_scores import SCORES_FILE
from evaluation.street_table import main, read_run, tables

NUMBERS = {"psnr": 25.0, "psnr_channels": 25.5, "ssim": 0.8, "dpsnr": 21.0, "separation_iou": 0.75}


def write_run(
    path: Path,
    numbers: dict[str, float],
    *,
    views: str = "test",
    iteration: int = 30,
    memory: bool = True,
    pace: float | None = None,
) -> Path:
    for folder, iterations, seconds in ((RunFolder(path), 30, 20.0), (RunFolder(path / "static"), 10, 5.0)):
        saved = folder.point_cloud(iterations)
        saved.parent.mkdir(parents=True)
        saved.touch()
        timing = {"iterations": iterations, "training_seconds": seconds}
        write_json(
            folder.timing, {**timing, "peak_memory_bytes": 100_000_000 * iterations if memory else None}
        )
    train = {"psnr": 99.0}
    scores = {"iteration": iteration, "summary": {"train": train, views: numbers}, "seconds_per_view": pace}
    write_json(path / SCORES_FILE, scores)
    return path


def cells(text: str, first: str) -> dict[str, str]:
    """A row by its first cell, in the table where it is first."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line
    ]
    place = next(place for place, row in enumerate(rows) if row[0] == first)
    head = next(row for row in reversed(rows[:place]) if row[0] in ("novel views", "reconstruction"))
    return dict(zip(head, rows[place], strict=True))


def test_our_rows_and_their_mean(tmp_path: Path) -> None:
    first = write_run(tmp_path / "016", NUMBERS)
    second = write_run(tmp_path / "021", {**NUMBERS, "psnr": 27.0, "lpips": 0.2}, memory=False, pace=0.05)
    text = tables([read_run(first), read_run(second)])
    row = cells(text, "016")
    assert (row["PSNR"], row["PSNR, channels"], row["DPSNR"]) == ("25.00", "25.50", "21.00")
    assert (row["separation IoU"], row["seconds"]) == ("0.750", "25")
    assert (row["static it/s"], row["dynamic it/s"]) == ("2.00", "1.50")
    assert (row["static GB"], row["dynamic GB"], row["peak GB"]) == ("1.00", "3.00", "3.00")
    assert (row["FPS"], cells(text, "021")["FPS"]) == ("-", "20.0")
    mean = cells(text, "mean of these 2")
    assert mean["PSNR"] == "26.00"
    assert mean["LPIPS"] == "-"  # the first run has none
    assert mean["peak GB"] == mean["FPS"] == "-"  # the other has none


def test_published_numbers_are_of_the_same_protocol(tmp_path: Path) -> None:
    novel = tables([read_run(write_run(tmp_path / "a", NUMBERS))])
    again = tables([read_run(write_run(tmp_path / "b", NUMBERS, views="train"))])
    assert cells(novel, "*S3Gaussian, dynamic32*")["PSNR, channels"] == "27.44"
    assert cells(again, "*S3Gaussian, dynamic32*")["PSNR, channels"] == "31.35"
    for text in (novel, again):
        assert cells(text, "*4DHash*")["DPSNR, channels"] == "28.97"
        assert cells(text, "*4DHash*")["DPSNR"] == "-"
        assert cells(text, "*4DHash*")["PSNR"] == "-"  # of the other convention
        assert "cannot be reproduced" in text
        assert "mean of these" not in text
    assert ("novel views" in novel, "reconstruction" in again) == (True, True)


def test_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = write_run(tmp_path / "a", NUMBERS), write_run(tmp_path / "b", {**NUMBERS, "psnr": 27.0})
    runs = [str(first), str(second)]
    assert main([*runs, "--out", str(tmp_path / "table.md")]) == 0
    assert main(runs) == 0
    assert capsys.readouterr().out == (tmp_path / "table.md").read_text()
    assert main([*runs, "--out", str(tmp_path / "table.json")]) == 0
    stored = read_json(tmp_path / "table.json")["novel views"]
    assert (stored["runs"]["b"]["psnr"], stored["mean"]["psnr"]) == (27.0, 26.0)


def test_missing_old_and_damaged_scores_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"street_scores.json is missing; `python metrics.py"):
        read_run(tmp_path)
    with pytest.raises(UserError, match="is of iteration 20, and 30 have been trained since"):
        read_run(write_run(tmp_path / "old", NUMBERS, iteration=20))
    write_json(tmp_path / SCORES_FILE, {"summary": []})
    with pytest.raises(UserError, match="holds no scores of a street"):
        read_run(tmp_path)
    assert main([]) == 2
