"""The layout that viewers open."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.files import write_text
from core.run_folder import RunFolder


def test_paths_are_those_of_the_published_code() -> None:
    folder = RunFolder(Path("run"))
    assert folder.point_cloud(7000) == Path("run/point_cloud/iteration_7000/point_cloud.ply")
    assert folder.images("test", 30000, "renders") == Path("run/test/ours_30000/renders")
    assert folder.cfg_args == Path("run/cfg_args")
    assert folder.input_points == Path("run/input.ply")


def test_iterations_are_found_in_order(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for iteration in (900, 30000, 7000):
        write_text(folder.point_cloud(iteration), "")
    (tmp_path / "point_cloud" / "iteration_5").mkdir()  # nothing in it
    write_text(tmp_path / "point_cloud" / "iteration_x" / "point_cloud.ply", "")
    assert folder.iterations() == [900, 7000, 30000]
    assert folder.last_iteration() == 30000


def test_a_folder_without_gaussians_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no trained Gaussians"):
        RunFolder(tmp_path).last_iteration()


def test_only_an_empty_folder_is_claimed(tmp_path: Path) -> None:
    RunFolder(tmp_path / "new" / "run").claim()
    assert (tmp_path / "new" / "run").is_dir()
    RunFolder(tmp_path / "new" / "run").claim()
    write_text(tmp_path / "thesis.tex", "")
    with pytest.raises(UserError, match=r"is not empty \(new, thesis\.tex\)"):
        RunFolder(tmp_path).claim()


def test_results_of_a_training_are_told_from_what_it_began_with() -> None:
    folder = RunFolder(Path("run"))
    results = folder.training_results()
    for kept in (folder.config, folder.prediction, folder.path / "stages", folder.cameras):
        assert kept not in results
    for made in (folder.checkpoint, folder.point_cloud(7), folder.poses(7), folder.exposure(7), folder.log):
        assert any(made == result or result in made.parents for result in results)
    assert {path.name for path in folder.showreel} == {
        "rendered.mp4",
        "rendered_smooth.mp4",
        "side_by_side.mp4",
    }


def test_a_prediction_of_its_own_is_found_wherever_the_run_is(tmp_path: Path) -> None:
    folder, elsewhere = RunFolder(tmp_path / "run"), tmp_path / "elsewhere"
    named = {"source_path": str(elsewhere)}
    assert folder.source(named) == elsewhere, "there is nothing else"
    folder.prediction.mkdir(parents=True)
    assert folder.source(named) == folder.prediction
    elsewhere.mkdir()
    assert folder.source(named) == elsewhere
    assert folder.source({**named, "video": "dog.mp4"}) == folder.prediction, "not that of another copy"
