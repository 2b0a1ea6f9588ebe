"""What is there rendered, and what is rendered first."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import UserError
from core.run_folder import RunFolder
from scene.splits import SplitOptions
from tests.evaluation.conftest import add_masks, make_run
from tests.training.captures import tiny_capture, write_capture
from tests.training.test_street_runs import ITERATION
from tests.training.test_street_runs import make_run as make_street
from tests.viewer.comparison.written_runs import write_run
from training.static import ScheduleConfig, StaticConfig
from training.street_outputs import write_scores
from training.street_runs import open_street
from training.train_static import train_static
from viewer.comparison.matching import match
from viewer.comparison.opening import open_runs
from viewer.comparison.rendered import kinds_of, rendered_iteration
from viewer.comparison.scores import compare_scores


def trained(path: Path, split: SplitOptions) -> RunFolder:
    """A run of two steps on a capture beside it."""
    source = write_capture(path / "capture", tiny_capture())
    config = StaticConfig(split=split, schedule=ScheduleConfig(iterations=2))
    train_static(source, path / "run", config)
    return RunFolder(path / "run")


def test_a_run_of_ours_is_rendered_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = trained(tmp_path, SplitOptions(eval=True))
    assert rendered_iteration(folder, "test") == 2
    assert "has not been rendered yet" in capsys.readouterr().err
    assert not (folder.path / "train").exists()
    shutil.rmtree(tmp_path / "capture")
    assert rendered_iteration(folder, "test") == 2, "what is there needs no capture"
    shutil.rmtree(folder.path / "test")
    with pytest.raises(UserError, match=r"python render\.py -m .* --skip-train -s CAPTURE"):
        rendered_iteration(folder, "test")


def test_views_that_are_not_there_cannot_be_rendered(tmp_path: Path) -> None:
    folder = trained(tmp_path, SplitOptions())
    assert rendered_iteration(folder, "test") is None
    assert rendered_iteration(folder, "train") == 2


def test_of_other_programs_the_latest_iteration_with_pictures_counts(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    write_run(tmp_path, iteration=7)
    folder.images("test", 99, "renders").mkdir(parents=True)
    assert rendered_iteration(folder, "test") == 30
    assert rendered_iteration(folder, "train") is None
    with pytest.raises(UserError, match="is no folder"):
        rendered_iteration(RunFolder(tmp_path / "nowhere"), "test")


def test_ways_of_drawing(tmp_path: Path) -> None:
    assert kinds_of(write_run(tmp_path / "photographs"), 30) == ["carried"]
    video = add_masks(make_run(tmp_path / "video", views=1))
    assert kinds_of(video, 30) == ["carried", "predicted", "composite", "refined"]
    assert kinds_of(video, 31) == []


def test_streets_are_rendered_and_compared_by_what_they_have_scored(tmp_path: Path) -> None:
    runs = [make_street(tmp_path / name) for name in ("a", "b")]
    for run in runs:
        folder = RunFolder(run)
        assert rendered_iteration(folder, "test") == ITERATION
        write_scores(replace(open_street(run), folder=folder))
    opened, views_are = open_runs(runs)
    views = match(opened).views
    assert views_are == "test"
    assert compare_scores(opened, views).note.endswith("over valid pixels.")
    assert any(view.of_runs[0].dpsnr is not None for view in views)
