"""From a source folder to a run folder: what is refused, what is told, what is left behind."""

from dataclasses import replace
from pathlib import Path

import pytest

from core import memory
from core.errors import UserError
from core.files import read_json
from core.run_folder import RunFolder
from core.schedules import ScheduleConfig
from core.serialization import load_state
from scene.densification import DefaultConfig, DensificationConfig
from scene.exposure import ExposureConfig
from scene.splits import SplitOptions
from tests.training.captures import tiny_capture, write_capture
from training.loop import LoopConfig
from training.static import ModelConfig, StaticConfig, StaticOutputs, StaticTask
from training.task import RehearsalStepper, Stepper, StepReport
from training.train_static import train_static

CONFIG = StaticConfig(
    schedule=ScheduleConfig(iterations=10),
    split=SplitOptions(eval=True),
    model=ModelConfig(sh_degree=1),
    densification=DensificationConfig(default=DefaultConfig(densification_min_steps=4)),
    loop=LoopConfig(log_interval=5),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_capture(tmp_path_factory.mktemp("capture") / "blobs", tiny_capture())


def test_a_run_leaves_the_published_layout(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = train_static(source, tmp_path / "run", CONFIG)
    assert result.iterations == 10
    left = {
        str(path.relative_to(tmp_path / "run")) for path in (tmp_path / "run").rglob("*") if path.is_file()
    }
    expected = {
        "config.json",
        "environment.json",
        "report.html",
        "cfg_args",
        "cameras.json",
        "input.ply",
        "partition.json",
        "cam_extrinsics.npy",
        "cam_intrinsics.npy",
        "log.jsonl",
        "timing.json",
        "checkpoints/last.pt",
        "point_cloud/iteration_10/point_cloud.ply",
    }
    assert {name for name in left if not name.startswith("tensorboard")} == expected
    told = capsys.readouterr().err
    for part in (
        "5 views train, 1 are held out",
        "expected peak memory",
        "expected time",
        "held out: psnr",
    ):
        assert part in told


def test_the_same_command_again_finds_it_done(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_static(source, tmp_path, CONFIG)
    before = (tmp_path / "checkpoints" / "last.pt").stat().st_mtime_ns
    result = train_static(source, tmp_path, CONFIG)
    assert result.iterations == 10
    assert (tmp_path / "checkpoints" / "last.pt").stat().st_mtime_ns == before
    assert "continuing from iteration 10 of 10" in capsys.readouterr().err


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.mark.parametrize("exposure", [False, True])
def test_a_run_killed_before_its_second_checkpoint_goes_on_to_the_same_end(
    exposure: bool, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first process has rehearsed, the one that goes on has not.
    config = replace(CONFIG, exposure=ExposureConfig(exposure=exposure))
    train_static(source, tmp_path / "whole", config)

    def die_at_4(task: StaticTask, step: int, batch: int, stepper: Stepper) -> StepReport:
        if step == 4 and not isinstance(stepper, RehearsalStepper):
            raise Killed
        return take_step(task, step, batch, stepper)

    take_step = StaticTask.step
    with monkeypatch.context() as patch:
        patch.setattr(StaticTask, "step", die_at_4)
        with pytest.raises(Killed):
            train_static(source, tmp_path / "killed", config)
    assert load_state(RunFolder(tmp_path / "killed").checkpoint)["loop"]["step"] == 0
    train_static(source, tmp_path / "killed", config)
    whole, killed = (RunFolder(tmp_path / name) for name in ("whole", "killed"))
    assert killed.point_cloud(10).read_bytes() == whole.point_cloud(10).read_bytes()
    assert not exposure or read_json(killed.exposure(10)) == read_json(whole.exposure(10))


def test_a_time_limits_the_run(source: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, schedule=ScheduleConfig(iterations=100_000, minutes=0.02))
    result = train_static(source, tmp_path, config)
    assert 30 <= result.iterations < 100_000
    timing = read_json(tmp_path / "timing.json")
    assert timing["iterations"] == result.iterations
    # A finished run stays finished, however fast the machine is the next time.
    assert train_static(source, tmp_path, config).iterations == result.iterations


def test_nothing_is_made_when_the_source_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        train_static(tmp_path / "absent", tmp_path / "run", CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_made_when_no_view_is_left(source: Path, tmp_path: Path) -> None:
    everything = SplitOptions(test_images=tuple(f"{view:03d}.png" for view in range(6)))
    with pytest.raises(UserError, match="no view"):
        train_static(source, tmp_path / "run", replace(CONFIG, split=everything))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_left_alone(source: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError, match="is not empty"):
        train_static(source, tmp_path, CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_memory_that_does_not_suffice_is_told_before_anything_is_made(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 10 * 2**20)
    with pytest.raises(
        UserError, match=r"needs .* of memory to start and 10 MiB are free; use smaller images"
    ):
        train_static(source, tmp_path / "run", CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_memory_that_may_not_suffice_is_a_warning_with_a_way_out(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = replace(
        CONFIG, densification=DensificationConfig(strategy="mcmc"), schedule=ScheduleConfig(iterations=2)
    )
    monkeypatch.setattr(memory, "available_bytes", lambda: 800 * 2**20)
    train_static(source, tmp_path / "run", config)
    assert "may not fit; with --max-gaussians" in capsys.readouterr().err


def test_cameras_are_filled_in_without_training(source: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    train_static(source, folder.path, CONFIG)
    before = folder.point_cloud(10).stat().st_mtime_ns
    files = (folder.partition, folder.extrinsics, folder.camera_intrinsics)
    told = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    save = replace(CONFIG, outputs=StaticOutputs(save_mode=True))
    assert train_static(source, folder.path, save).iterations == 10
    assert [file.read_bytes() for file in files] == told
    assert folder.point_cloud(10).stat().st_mtime_ns == before
    assert train_static(source, tmp_path / "new", save).iterations == 0
    assert train_static(source, tmp_path / "new", CONFIG).iterations == 10, "it may be trained later on"


def test_cameras_are_not_filled_in_among_other_files(source: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("Dear", encoding="utf-8")
    with pytest.raises(UserError, match="is not empty"):
        train_static(source, tmp_path / "letters", replace(CONFIG, outputs=StaticOutputs(save_mode=True)))
