"""What is read of a run folder, of ours or of another program."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.files import write_json
from core.run_folder import RunFolder
from evaluation.image_metrics import Scores
from evaluation.street_scores import SCORES_FILE
from tests.evaluation.conftest import add_masks, make_run
from tests.viewer.comparison.written_runs import NAMES, store_scores, write_run
from viewer.comparison.runs import ComparedRun, read_run


def read(folder: RunFolder, iteration: int = 30) -> ComparedRun:
    return read_run("A", "a", folder, "test", iteration, "carried")


def test_views_have_the_names_of_their_photographs_and_their_stored_scores(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    assert all(view.scores is None for view in read(folder).views.values())
    store_scores(folder, len(NAMES))
    run = read(folder)
    assert (tuple(run.views), run.named, run.counted) == (NAMES, True, "all pixels")
    for number, view in enumerate(run.views.values()):
        assert view.render == folder.images("test", 30, "renders") / f"{number:05d}.png"
        assert view.photograph == folder.images("test", 30, "gt") / f"{number:05d}.png"
        assert view.scores == Scores(40.0 + number, 0.9, 0.1)
    assert run.title == "A (a)"


def test_scores_of_another_iteration_do_not_count(tmp_path: Path) -> None:
    store_scores(write_run(tmp_path), len(NAMES), iteration=7)
    assert all(view.scores is None for view in read(RunFolder(tmp_path)).views.values())


def test_without_cameras_views_are_numbered(tmp_path: Path) -> None:
    run = read(write_run(tmp_path, named=False))
    assert (tuple(run.views), run.named) == (("00000", "00001", "00002", "00003"), False)


def test_a_missing_photograph_is_told(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    (folder.images("test", 30, "gt") / "00002.png").unlink()
    with pytest.raises(UserError, match=r"00002\.png is in one only"):
        read(folder)


def test_of_a_video_static_pixels_count_and_views_may_be_drawn_in_other_ways(tmp_path: Path) -> None:
    folder = add_masks(make_run(tmp_path / "run", views=2))
    store_scores(folder, 2, static=0.7)
    assert read(folder).counted == "static pixels"
    refined = read_run("A", "a", folder, "test", 30, "refined")
    assert all("test_refined" in view.render.parts for view in refined.views.values())
    assert all(view.scores is None for view in refined.views.values())


def test_scores_of_a_street_come_from_their_own_file(tmp_path: Path) -> None:
    folder = write_run(tmp_path, NAMES[:2])
    scored = {"psnr": 20.0, "ssim": 0.5, "dpsnr": 15.0}
    views = [
        {"name": "a", "numbers": scored},
        {"name": "b", "numbers": {"psnr": 21.0, "ssim": 0.6, "lpips": 0.2}},
    ]
    write_json(tmp_path / SCORES_FILE, {"iteration": 30, "views": {"test": views}})
    run = read(folder)
    assert run.counted == "valid pixels"
    first, second = run.views.values()
    assert (first.scores, first.dpsnr) == (Scores(20.0, 0.5, None), 15.0)
    assert (second.scores, second.dpsnr) == (Scores(21.0, 0.6, 0.2), None)
    write_json(tmp_path / SCORES_FILE, {"iteration": 30, "views": 3})
    with pytest.raises(UserError, match="holds no scores of a street"):
        read(folder)
