"""What makes two runs the same, and how a trained one is opened."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import UserError
from core.files import write_json, write_text
from core.run_folder import RunFolder
from core.schedules import ScheduleConfig
from scene.exposure import ExposureConfig
from scene.splits import SplitOptions
from tests.training.captures import tiny_capture, write_capture
from training.loop import LoopConfig
from training.runs import identity_of, is_same_run, open_run, start_run
from training.static import ModelConfig, RenderConfig, StaticConfig
from training.train_static import train_static

CONFIG = StaticConfig(
    schedule=ScheduleConfig(iterations=6),
    split=SplitOptions(eval=True),
    model=ModelConfig(sh_degree=1),
    render=RenderConfig(white_background=True, antialiasing=True),
    exposure=ExposureConfig(exposure=True),
    loop=LoopConfig(save_iterations=(3,), test_iterations=()),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder, with a blank and an umlaut in its path; the source is beside it."""
    folder = tmp_path_factory.mktemp("räume und wege")
    source = write_capture(folder / "source", tiny_capture())
    train_static(source, folder / "run", CONFIG)
    return folder / "run"


def test_a_trained_run_is_opened_as_it_was_trained(trained: Path) -> None:
    run = open_run(trained)
    assert run.iteration == 6
    assert run.config == CONFIG
    assert run.source == trained.parent / "source"
    assert run.split.test == (0,)
    assert len(run.capture) == 6
    assert run.antialiased
    assert run.background is not None
    assert torch.equal(run.background, torch.ones(3))
    assert run.splats.raw
    assert not run.splats.means.requires_grad
    assert run.exposures is not None
    assert set(run.exposures) == {f"{view:03d}.png" for view in range(1, 6)}
    assert run.exposures["001.png"].shape == (3, 4)


def test_an_earlier_iteration_can_be_opened(trained: Path) -> None:
    run = open_run(trained, 3)
    assert run.iteration == 3
    assert not torch.equal(run.splats.means, open_run(trained).splats.means)
    with pytest.raises(UserError, match="has no iteration 5; saved are 3, 6"):
        open_run(trained, 5)


def test_each_iteration_has_its_exposures(trained: Path, tmp_path: Path) -> None:
    early, late = open_run(trained, 3).exposures, open_run(trained).exposures
    assert early is not None
    assert late is not None
    assert not torch.equal(early["001.png"], late["001.png"])
    older = RunFolder(Path(shutil.copytree(trained, tmp_path / "run")))
    older.exposure(3).unlink()
    found = open_run(older.path, 3, trained.parent / "source").exposures
    assert found is not None
    assert torch.equal(found["001.png"], late["001.png"]), "all that older runs have"


def test_what_is_no_run_is_a_sentence(tmp_path: Path, trained: Path) -> None:
    with pytest.raises(UserError, match=r"holds no config\.json"):
        open_run(tmp_path)
    write_json(tmp_path / "config.json", {"method": "other"})
    with pytest.raises(UserError, match="does not describe a run of static or dynamic"):
        open_run(tmp_path)
    write_text(tmp_path / "config.json", "{")
    with pytest.raises(UserError, match="is not JSON"):
        open_run(tmp_path)
    write_json(tmp_path / "config.json", identity_of(trained.parent / "source", CONFIG))
    with pytest.raises(UserError, match="holds no trained Gaussians"):
        open_run(tmp_path)


def test_the_same_run_is_recognised(tmp_path: Path) -> None:
    folder, source = RunFolder(tmp_path / "run"), tmp_path / "source"
    identity = identity_of(source, CONFIG)
    assert not is_same_run(folder, identity)
    start_run(folder, identity)
    assert is_same_run(folder, identity)
    later = replace(CONFIG, loop=LoopConfig(log_interval=7))
    assert is_same_run(folder, identity_of(source, later))


def test_another_configuration_is_told_key_by_key(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    start_run(folder, identity_of(tmp_path / "source", CONFIG))
    other = replace(CONFIG, seed=4, schedule=ScheduleConfig(iterations=9))
    with pytest.raises(UserError) as caught:
        is_same_run(folder, identity_of(tmp_path / "source", other))
    told = str(caught.value)
    assert "schedule.iterations is 6 there and 9 now" in told
    assert "seed is 0 there and 4 now" in told
    assert "choose another folder with -m" in told
    with pytest.raises(UserError, match="source_path is"):
        is_same_run(folder, identity_of(tmp_path / "elsewhere", CONFIG))
