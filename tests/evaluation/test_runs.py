"""Runs scored from the folder to the files."""

import json
from pathlib import Path

import pytest

from core.errors import UserError
from evaluation.ground_truth import GroundTruth
from evaluation.runs import score_runs
from evaluation.sequences import read_sequence
from tests.evaluation.conftest import make_run, make_video_run


def test_a_video_and_a_scene_that_stands_still(tmp_path: Path) -> None:
    video, still = make_video_run(tmp_path), make_run(tmp_path / "still", views=2)
    (still.path / "scores.json").write_text("of another time")
    rows = score_runs([video, still], None, GroundTruth())
    assert [len(row.methods[0].views) for row in rows] == [1, 2]
    assert read_sequence(video).masks == "predicted"
    assert not (still.path / "scores.json").exists()
    for folder, keys in ((video, 6), (still, 3)):
        assert len(json.loads(folder.results.read_text())["ours_30"]) == keys
        assert folder.report.exists()


def test_annotations_count_while_they_are_asked_for(tmp_path: Path) -> None:
    video = make_video_run(tmp_path)
    for truth, origin in (
        (GroundTruth(), "predicted"),
        (GroundTruth(masks=tmp_path / "truth"), "annotation"),
        (GroundTruth(), "predicted"),
    ):
        score_runs([video], None, truth)
        scores = read_sequence(video)
        assert (scores.masks, scores.segmentation is None) == (origin, origin == "predicted")


def test_truth_about_a_video_does_not_go_with_another_scene(tmp_path: Path) -> None:
    still = make_run(tmp_path / "still", views=1)
    with pytest.raises(UserError, match="is no run on a video; --gt-masks"):
        score_runs([still], None, GroundTruth(masks=tmp_path))
