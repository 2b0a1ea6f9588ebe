"""A street from a log to a run folder: both stages, going on after a stop, and each stage by itself."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch

from configs.street import PRESETS
from core.errors import UserError
from core.files import read_json
from core.run_folder import RunFolder
from core.schedules import ScheduleConfig
from core.video_input import VideoInput
from evaluation.street_scores import SCORES_FILE
from scene.deformation import DeformationConfig
from scene.street_points import StreetPointsConfig
from tests.training.streets import write_log
from training.loop import FitResult
from training.street import StreetTask
from training.street_clips import ClipsConfig
from training.street_config import OutputConfig, StreetConfig
from training.street_files import MOVING, TENSORS, read_tensors
from training.task import RehearsalStepper, Stepper, StepReport
from training.train_street import _StreetRun, train_street

TINY = PRESETS["street-tiny"]
CONFIG = replace(
    TINY,
    stride=3,
    static_iterations=10,
    points=StreetPointsConfig(street_points_near=200, street_points_far=200),
    fit=replace(TINY.fit, schedule=ScheduleConfig(iterations=24)),
)

MASKS: tuple[Literal["lidar"], Literal["none"]] = ("lidar", "none")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("straße") / "log")


@pytest.fixture(scope="module")
def trained(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained") / "run"
    assert train_street(log, run, CONFIG).iterations == 24
    return run


def tensors(run: Path, iteration: int = 24) -> dict[str, torch.Tensor]:
    return dict(read_tensors(RunFolder(run).point_cloud(iteration).with_name(TENSORS)))


def test_what_a_run_leaves(trained: Path) -> None:
    folder = RunFolder(trained)
    still = folder.point_cloud(24)
    left = [still, still.with_name(MOVING), still.with_name(TENSORS), folder.config, folder.timing]
    left += [trained / "videos" / f"{name}.mp4" for name in ("rgbs", "gt_rgbs", "depths", "lateral_shift_2m")]
    left += [
        trained / "test" / "ours_24" / kind / "00001.png" for kind in ("renders", "gt", "depth", "moving")
    ]
    left += [folder.report, folder.cameras, folder.cfg_args]
    assert [path.name for path in left if not path.is_file()] == []


def test_the_box_is_found_and_followed_through_frames_never_seen(trained: Path) -> None:
    summary = read_json(trained / SCORES_FILE)["summary"]
    assert set(summary) == {"test", "train"}
    assert summary["test"]["separation_iou"] > 0.5
    assert summary["test"]["dpsnr_pooled"] > 15
    moving = tensors(trained)["logit_gates"] > -10
    assert 50 < moving.sum() < len(moving) / 2
    velocities = tensors(trained)["velocities"][moving]
    torch.testing.assert_close(velocities.median(0).values, torch.tensor([0.0, 4.0, 0.0]), atol=0.5, rtol=0)


def test_a_finished_run_is_not_trained_again(
    log: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(*_: object) -> None:
        raise AssertionError("a finished stage was trained")

    monkeypatch.setattr(StreetTask, "step", step)
    config = replace(CONFIG, outputs=OutputConfig(eval_only=True, videos=False, ply_sequence=True))
    assert train_street(log, trained, config).iterations == 24
    assert len(list((trained / "ply").glob("frame*.ply"))) == 6
    shutil.rmtree(trained / "ply")


def test_eval_only_needs_a_trained_run(log: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"static stage .* is not trained"):
        train_street(log, tmp_path / "run", replace(CONFIG, outputs=OutputConfig(eval_only=True)))


def test_a_stopped_run_goes_on_to_the_same_bits(
    log: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = StreetTask.step
    moving_steps: list[int] = []

    def interrupted(self: StreetTask, number: int, batch: int, stepper: Stepper) -> StepReport:
        if self.staticness is None and not isinstance(stepper, RehearsalStepper):
            moving_steps.append(number)
            if len(moving_steps) == 10:
                raise KeyboardInterrupt
        return step(self, number, batch, stepper)

    monkeypatch.setattr(StreetTask, "step", interrupted)
    quiet = OutputConfig(videos=False)
    config = replace(CONFIG, loop=replace(CONFIG.loop, checkpoint_seconds=0.0), outputs=quiet)
    with pytest.raises(KeyboardInterrupt):
        train_street(log, tmp_path / "run", config)
    assert train_street(log, tmp_path / "run", config).iterations == 24
    assert 1 < min(moving_steps[10:]) <= 10
    expected, found = tensors(trained), tensors(tmp_path / "run")
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name


def test_stages_by_themselves(log: Path, trained: Path, tmp_path: Path) -> None:
    quiet = OutputConfig(videos=False)
    result = train_street(log, tmp_path / "static", replace(CONFIG, stage="static", outputs=quiet))
    assert isinstance(result, FitResult)
    still = RunFolder(tmp_path / "static" / "static").point_cloud(10).with_name(TENSORS)
    assert still.is_file()
    assert not RunFolder(tmp_path / "static").iterations()
    config = replace(CONFIG, stage="dynamic", prior_checkpoint=still, outputs=quiet)
    train_street(log, tmp_path / "dynamic", config)
    expected, found = tensors(trained), tensors(tmp_path / "dynamic")
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name


def test_a_street_without_traffic_ends_with_what_stands_still(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, run = write_log(tmp_path / "log", moving=False), tmp_path / "run"
    config = replace(CONFIG, static_iterations=5, outputs=OutputConfig(videos=False))
    assert train_street(log, run, config).iterations == 5
    assert "nothing moves in log" in capsys.readouterr().err
    assert not RunFolder(run).iterations()
    still = RunFolder(run / "static").point_cloud(5).with_name(TENSORS)
    assert (read_tensors(still)["logit_gates"] < -10).all()
    assert "separation_iou" not in read_json(run / SCORES_FILE)["summary"]["test"]
    with pytest.raises(UserError, match="a dynamic stage has nothing to learn"):
        train_street(log, tmp_path / "more", replace(config, stage="dynamic", prior_checkpoint=still))


def test_minutes_are_kept_by_both_stages_together(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Far more steps are allowed than fit: each stage takes its share of the time."""
    fit = replace(CONFIG.fit, schedule=ScheduleConfig(iterations=60_000, minutes=0.02))
    config = replace(CONFIG, static_iterations=20_000, fit=fit, outputs=OutputConfig(videos=False))
    result = train_street(log, tmp_path / "run", config)
    assert 30 <= result.iterations < 6_000
    told = capsys.readouterr().err
    assert "fit into 0.005 minutes" in told
    assert "fit into 0.015 minutes" in told


def test_without_masks_all_returns_start_and_all_pixels_count(log: Path, tmp_path: Path) -> None:
    """The static baseline has the Gaussians of both stages at the start."""
    runs = {
        masks: _StreetRun(log, RunFolder(tmp_path / masks), replace(CONFIG, masks=masks)) for masks in MASKS
    }
    masked, plain = (runs[masks]._static_task() for masks in MASKS)
    points = runs["none"]._prepare()[1]
    assert len(plain.model) == len(masked.model) + len(points.xyz)
    assert len(points.xyz) > 50
    assert plain.staticness is None
    assert masked.staticness is not None
    assert not plain.model.movable().any()


def test_settings_that_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="needs a prior_checkpoint"):
        StreetConfig(stage="dynamic")
    with pytest.raises(ValueError, match="changes nothing"):
        StreetConfig(stage="static", prior_checkpoint=Path("x"))
    with pytest.raises(ValueError, match="at most the sh_degree of the colours, 1, was expected, got 2"):
        StreetConfig(deformation=DeformationConfig(deform_sh_degree=2))


def test_a_long_log_is_trained_in_clips_of_one_world(log: Path, tmp_path: Path) -> None:
    clips = ClipsConfig(clip_frames=4, clip_overlap=2)
    short = replace(CONFIG.fit, schedule=ScheduleConfig(iterations=3))
    config = replace(CONFIG, clips=clips, static_iterations=3, fit=short, stride=0)
    train_street(log, tmp_path / "run", config)
    folders = [tmp_path / "run" / name for name in ("clip_000_003", "clip_002_005")]
    worlds = [
        read_tensors(RunFolder(folder).point_cloud(3).with_name(TENSORS))["log_from_world"]
        for folder in folders
    ]
    assert torch.equal(*worlds)
    assert len(list(VideoInput(tmp_path / "run" / "videos" / "rgbs.mp4").frames())) == 6
    with pytest.raises(UserError, match="a --prior-checkpoint is of one clip"):
        train_street(
            log, tmp_path / "more", replace(config, stage="dynamic", prior_checkpoint=tmp_path / "x")
        )
