"""Scores are compared only if they were taken in the same way; else they are taken anew."""

from pathlib import Path

import pytest
import torch

from core.images import read_image
from evaluation import image_metrics
from tests.viewer.comparison.written_runs import NAMES, store_scores, write_run
from viewer.comparison.matching import match
from viewer.comparison.opening import open_runs
from viewer.comparison.scores import ComparedScores, compare_scores


def compared(*paths: Path) -> ComparedScores:
    runs, _ = open_runs(paths)
    return compare_scores(runs, match(runs).views)


def test_stored_scores_are_taken_as_they_are(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / letter) for letter in "ab"]
    for folder in folders:
        store_scores(folder, len(NAMES))
    scores = compared(*(folder.path for folder in folders))
    assert [of_view[0].psnr for of_view in scores.views] == [40, 41, 42, 43]
    assert scores.mean(1).psnr == 41.5
    assert scores.mean(1).lpips == pytest.approx(0.1)
    assert scores.note == "Scores are those that the runs have stored, over all pixels."


def test_scores_of_different_kinds_are_taken_anew(tmp_path: Path) -> None:
    stored, without, static, small = (
        write_run(tmp_path / "stored", noise=5),
        write_run(tmp_path / "without", noise=20),
        write_run(tmp_path / "static"),
        write_run(tmp_path / "small", size=(24, 16)),
    )
    for folder in (stored, small):
        store_scores(folder, len(NAMES))
    store_scores(static, len(NAMES), static=0.5)
    for other, reason in (
        (without, "B has not stored scores of all these views"),
        (static, "the stored ones count all pixels in A and static pixels in B"),
        (small, "the runs were rendered in different sizes"),
    ):
        scores = compared(stored.path, other.path)
        assert reason in scores.note
        for of_view in scores.views:
            assert all(each.lpips is None and each.ssim != 0.9 for each in of_view)


def test_what_is_taken_anew_is_what_metrics_takes(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / "a", noise=5), write_run(tmp_path / "b", noise=20)]
    scores = compared(*(folder.path for folder in folders))
    for run, folder in enumerate(folders):
        for row, of_view in enumerate(scores.views):
            render, truth = (
                torch.from_numpy(read_image(folder.images("test", 30, kind) / f"{row:05d}.png"))
                for kind in ("renders", "gt")
            )
            assert of_view[run] == image_metrics.score(render, truth, None)
    gains = scores.gains(1)
    assert all(gain < -5 for gain in gains)
    assert [scores.spread(row) for row in range(4)] == [-gain for gain in gains]
    assert scores.gains(0) == [0, 0, 0, 0]
