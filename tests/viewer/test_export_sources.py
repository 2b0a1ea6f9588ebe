"""Runs and files as scenes to export."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.ply import write_splats_ply
from core.schedules import ScheduleConfig
from gaussian_renderer import render
from scene.splits import SplitOptions
from tests.training.captures import tiny_capture, write_capture
from tests.training.streets import FRAMES, HZ
from tests.training.test_street_runs import make_run
from tests.viewer.formats.scenes import as_splats, scene
from training.loop import LoopConfig
from training.runs import open_run
from training.static import ModelConfig, RenderConfig, StaticConfig
from training.street_runs import open_street
from training.train_static import train_static
from viewer.export_sources import SourceOptions, is_run, open_scene, street_moments
from viewer.formats import FORMATS

CONFIG = StaticConfig(
    schedule=ScheduleConfig(iterations=6),
    split=SplitOptions(eval=True),
    model=ModelConfig(sh_degree=1),
    render=RenderConfig(white_background=True, antialiasing=True),
    loop=LoopConfig(save_iterations=(3,), test_iterations=()),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("räume und wege")
    train_static(write_capture(folder / "source", tiny_capture()), folder / "run", CONFIG)
    return folder / "run"


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("straße"))


def test_a_run_is_what_it_draws(trained: Path) -> None:
    run, told = open_run(trained), open_scene(trained, SourceOptions(), cameras=True)
    assert (told.antialiased, told.white, told.title) == (True, True, "run")
    assert told.names == tuple(f"{view:03d}.png" for view in range(1, 6))
    assert told.cameras is not None
    assert torch.equal(told.cameras.viewmats, run.capture.cameras.viewmats[1:])
    drawn = [
        render(splats, run.capture.cameras, antialiased=True).images
        for splats in (as_splats(told.splats), run.splats)
    ]
    assert torch.equal(*drawn)


def test_gaussians_alone_need_no_capture(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "copy"))
    config = (copy / "config.json").read_text(encoding="utf-8")
    (copy / "config.json").write_text(config.replace("/source", "/gone"), encoding="utf-8")
    told = open_scene(copy, SourceOptions(), cameras=False)
    assert told.antialiased
    assert told.cameras is None
    with pytest.raises(UserError, match="gone"):
        open_scene(copy, SourceOptions(), cameras=True)
    moved = SourceOptions(source_path=trained.parent / "source")
    assert len(open_scene(copy, moved, cameras=True).names) == 5


def test_an_earlier_iteration(trained: Path) -> None:
    early = open_scene(trained, SourceOptions(iteration=3), cameras=False)
    assert not np.array_equal(
        early.splats.means, open_scene(trained, SourceOptions(), cameras=False).splats.means
    )
    with pytest.raises(UserError, match="has no iteration 5; saved are 3, 6"):
        open_scene(trained, SourceOptions(iteration=5), cameras=False)


def test_a_street_at_a_time(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The box drives to the left by 4 m/s; the page starts at the camera ahead, then."""
    early, late = (open_scene(street, SourceOptions(time=time), cameras=True) for time in (0.0, 0.2))
    opened = open_street(street)
    moving = opened.scene.model.movable().numpy()
    shift = late.splats.means[moving] - early.splats.means[moving]
    np.testing.assert_allclose(shift, np.tile([0, 0.8, 0], (30, 1)), atol=2e-3)
    np.testing.assert_array_equal(late.splats.means[~moving], early.splats.means[~moving])
    assert len(early.names) == len(opened.capture)
    times = [opened.time_of(opened.capture.image_names.index(name)) for name in late.names]
    assert times == sorted(times)
    assert abs(times[late.start] - 0.2) <= 0.5 / HZ + 1e-6
    assert "--time 0.2" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"--time 99: .* shows 0 to"):
        open_scene(street, SourceOptions(time=99.0), cameras=False)


def test_all_moments_of_a_street(street: Path) -> None:
    count, moments = street_moments(street, SourceOptions())
    assert count == FRAMES
    opened = open_street(street)
    for time_s, moment in zip(opened.drive.frame_times_s.tolist(), moments, strict=True):
        expected = open_scene(street, SourceOptions(time=time_s), cameras=False).splats
        np.testing.assert_array_equal(moment.splats.means, expected.means)


@pytest.mark.parametrize("name", list(FORMATS))
def test_files_are_scenes_named_as_they_are(name: str, tmp_path: Path) -> None:
    chosen = {str(key): value for key, value in FORMATS.items()}[name]
    chosen.write(tmp_path / f"ball{chosen.ending}", replace(scene(), antialiased=True))
    told = open_scene(tmp_path / f"ball{chosen.ending}", SourceOptions(), cameras=True)
    assert (len(told), told.title) == (700, "ball")
    assert told.antialiased == (name in ("spz", "html"))


def test_options_that_do_not_fit(trained: Path, street: Path, tmp_path: Path) -> None:
    write_splats_ply(tmp_path / "a.ply", scene(3).splats)
    for path, options, told in (
        (tmp_path / "a.ply", SourceOptions(iteration=3), "--iteration and -s need a run folder"),
        (tmp_path / "a.ply", SourceOptions(time=0.0), "--time needs a run on a driving log"),
        (trained, SourceOptions(time=0.0), "--time needs a run on a driving log"),
        (tmp_path / "b.ply", SourceOptions(), "does not exist"),
        (trained / "config.json", SourceOptions(), "no file of Gaussians by its name"),
    ):
        with pytest.raises(UserError, match=told):
            open_scene(path, options, cameras=False)
    with pytest.raises(UserError, match="leave it out"):
        street_moments(street, SourceOptions(time=0.0))
    with pytest.raises(UserError, match="a file a frame of a run on a driving log"):
        street_moments(trained, SourceOptions())


def test_what_is_a_run(trained: Path, tmp_path: Path) -> None:
    assert is_run(trained)
    assert not is_run(trained / "config.json")
    assert not is_run(tmp_path)
