"""From a prediction to a run with videos: what it leaves, how it goes on, what makes it begin anew."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import jaxtyping
import numpy as np
import pytest
import torch

from configs.dynamic import PRESETS
from core import memory
from core.arrays import read_array
from core.errors import UserError
from core.files import read_json, write_json
from core.run_folder import RunFolder
from core.schedules import ScheduleConfig
from dynamic_predictor.config import PredictorConfig
from scene.splits import SplitOptions
from tests.training.videos import tiny_video, write_images, write_predicted
from training.dynamic import DynamicConfig, DynamicTask
from training.runs import open_run, read_scene
from training.task import RehearsalStepper, Stepper, StepReport
from training.train_dynamic import train_dynamic

CONFIG = replace(
    PRESETS["dynamic-tiny"],
    schedule=ScheduleConfig(iterations=12),
    split=SplitOptions(test_images=("00005.png",)),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_predicted(tmp_path_factory.mktemp("ein pfad mit ü") / "walk")


@pytest.fixture(scope="module")
def trained(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained") / "run"
    assert train_dynamic(source, run, CONFIG).iterations == 12
    return run


def test_what_a_run_leaves(trained: Path) -> None:
    folder = RunFolder(trained)
    left = (
        *folder.showreel, folder.camera_plot, folder.report, folder.config, folder.cameras, folder.timing,
        folder.point_cloud(12), folder.poses(12), folder.intrinsics(12), folder.checkpoint, folder.cfg_args,
        folder.input_points, folder.extrinsics, folder.camera_intrinsics, folder.partition,
    )  # fmt: skip
    assert [path.name for path in left if not path.is_file()] == []
    assert read_array(folder.poses(12)).shape == (8, 4, 4)
    refined = np.linalg.inv(read_array(folder.poses(12)))
    np.testing.assert_allclose(read_array(folder.extrinsics), refined, atol=1e-5)


def test_it_is_opened_with_its_refined_cameras(source: Path, trained: Path) -> None:
    run = open_run(trained)
    assert isinstance(run.config, DynamicConfig)
    assert run.config == CONFIG
    assert (run.split.test, run.fps, run.source) == ((5,), pytest.approx(24), source)
    stored = read_array(RunFolder(trained).poses(12))
    assert np.array_equal(run.capture.cameras.viewmats.numpy(), stored)


@pytest.mark.parametrize(
    "changes",
    [
        {"predictor": PredictorConfig(focal_px=50.0)},
        {"predictor": PredictorConfig(assume_static=True)},
        {"predict_without_held_out": True},
    ],
)
def test_what_would_change_nothing_of_a_given_prediction_is_refused(
    source: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match=r"is predicted already, so --.* would change nothing"):
        train_dynamic(source, tmp_path / "run", replace(CONFIG, **changes))
    assert not (tmp_path / "run").exists()


def test_eval_of_a_video_holds_out_what_das3r_does(source: Path) -> None:
    _, split = read_scene(source, replace(CONFIG, split=SplitOptions(eval=True)))
    assert (split.test, split.rule) == ((5,), "views 5, 15, 25, ... held out")


def test_it_is_blurred_as_it_was_trained(source: Path, trained: Path, tmp_path: Path) -> None:
    run = RunFolder(Path(shutil.copytree(trained, tmp_path / "run")))
    write_json(run.shutter(12), {**read_json(run.shutter(12)), "shutter": 0.7})
    write_json(run.last_shutter, {"shutter": 0.1})
    opened = replace(open_run(run.path), exposures=None)
    capture, split = read_scene(source, CONFIG)
    blur = DynamicTask(CONFIG, capture, split.train, split.test).blur
    develop = opened.develop([2])
    assert blur is not None
    assert develop is not None
    image = torch.rand(48, 64, 3, generator=torch.Generator().manual_seed(1))
    expected = blur.apply(image, 2, shutter=0.7)
    assert not torch.equal(expected, image)
    assert torch.equal(develop(image, 0), expected), "by the predicted cameras, not by the refined ones"
    run.shutter(12).unlink()
    assert open_run(run.path).shutter == 0.1, "all that older runs have"


def test_broken_cameras_are_told(trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    np.save(RunFolder(run).poses(12), np.zeros((3, 4, 4), np.float32))
    with pytest.raises(UserError, match=r"pose_12\.npy holds \[3, 4, 4\] numbers; \[8, 4, 4\] were expected"):
        open_run(run)


def test_the_same_command_again_finds_it_done(
    source: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.is_file()}
    result = train_dynamic(source, trained, CONFIG)
    assert result.iterations == 12
    assert {path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.is_file()} == before
    told = capsys.readouterr().err
    assert "train: done before" in told
    assert "outputs: done before" in told


def test_a_run_that_was_killed_after_its_training_keeps_refined_cameras(
    source: Path, trained: Path, tmp_path: Path
) -> None:
    run = RunFolder(shutil.copytree(trained, tmp_path / "run"))
    before = run.cameras.read_bytes()
    marker = run.path / "stages" / "train.json"
    write_json(marker, {**read_json(marker), "state": "begun"})
    assert train_dynamic(source, run.path, CONFIG).iterations == 12
    assert read_json(marker)["state"] == "done"
    assert run.cameras.read_bytes() == before


def test_a_lost_video_is_made_again_and_nothing_else(source: Path, trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    folder = RunFolder(run)
    folder.showreel[0].unlink()
    before = folder.checkpoint.stat().st_mtime_ns
    train_dynamic(source, run, CONFIG)
    assert folder.showreel[0].is_file()
    assert folder.checkpoint.stat().st_mtime_ns == before


def test_a_changed_prediction_is_trained_anew(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(source, tmp_path / "walk"))
    train_dynamic(copy, tmp_path / "run", CONFIG)
    shutil.copyfile(
        copy / "dynamic_masks" / "dynamic_mask_0000.png", copy / "dynamic_masks/dynamic_mask_0003.png"
    )
    capsys.readouterr()
    train_dynamic(copy, tmp_path / "run", CONFIG)
    told = capsys.readouterr().err
    assert "train: done anew, as prediction changed" in told
    assert "outputs: done anew" in told
    assert "continuing" not in told


class Killed(BaseException):
    """Stands for kill -9."""


def decoded(path: Path) -> np.ndarray:
    """Frames [N, H, W, 3] of a video, as numbers that may be subtracted."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(int)


@pytest.mark.parametrize("where", ["training", "outputs"])
def test_a_killed_run_goes_on_to_the_same_end(
    where: str, source: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_step = DynamicTask.step

    def die_at_5(task: DynamicTask, step: int, batch: int, stepper: Stepper) -> StepReport:
        if step == 5 and not isinstance(stepper, RehearsalStepper):
            raise Killed
        return take_step(task, step, batch, stepper)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if where == "training":
            patch.setattr(DynamicTask, "step", die_at_5)
        else:
            patch.setattr("training.train_dynamic.write_showreel", die)
        with pytest.raises(Killed):
            train_dynamic(source, tmp_path / "run", CONFIG)
    train_dynamic(source, tmp_path / "run", CONFIG)
    whole, killed = RunFolder(trained), RunFolder(tmp_path / "run")
    assert killed.point_cloud(12).read_bytes() == whole.point_cloud(12).read_bytes()
    assert np.array_equal(read_array(killed.poses(12)), read_array(whole.poses(12)))
    # Not the bytes: x264 does not always write the same ones.
    shown, expected = decoded(killed.showreel[0]), decoded(whole.showreel[0])
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).mean() < 2


def test_another_configuration_is_refused(source: Path, trained: Path) -> None:
    with pytest.raises(UserError, match="seed is 0 there and 3 now"):
        train_dynamic(source, trained, replace(CONFIG, seed=3))


def test_a_corrected_command_works_until_a_training_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, run = write_images(tmp_path / "frames", tiny_video()), tmp_path / "run"
    asked: list[int] = []

    def fail(_frames: object, _names: object, config: PredictorConfig, *_: object) -> None:
        asked.append(config.rounds)
        raise Killed

    monkeypatch.setattr("dynamic_predictor.predict.predict", fail)
    for rounds in (2, 3):
        with pytest.raises(Killed):
            train_dynamic(frames, run, replace(CONFIG, predictor=PredictorConfig(rounds=rounds)))
    assert asked == [2, 3]
    assert read_json(run / "config.json")["config"]["predictor"]["rounds"] == 3
    told = capsys.readouterr().err
    assert "nothing has been trained" in told
    assert "frames: done before" in told
    others = write_images(tmp_path / "others", tiny_video(5))
    with pytest.raises(UserError, match="holds a run with another configuration"):
        train_dynamic(others, run, CONFIG)
    RunFolder(run).log.touch()
    with pytest.raises(UserError, match=r"predictor\.rounds is 3 there and 2 now"):
        train_dynamic(frames, run, CONFIG)


def test_a_broken_frame_is_told_before_anything_is_written(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The checks of shapes look at a frame at random; now and then they would meet the broken one first.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    copy = Path(shutil.copytree(source, tmp_path / "walk"))
    (copy / "images" / "00004.png").write_bytes((copy / "images" / "00004.png").read_bytes()[:200])
    with pytest.raises(UserError, match=r"00004\.png does not decode"):
        train_dynamic(copy, tmp_path / "run", CONFIG)
    assert not (tmp_path / "run").exists()


def test_a_run_that_was_moved_finds_its_prediction(source: Path, trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    shutil.copytree(source, run / "prediction")
    text = (run / "config.json").read_text(encoding="utf-8")
    (run / "config.json").write_text(text.replace(str(source), str(tmp_path / "gone")), encoding="utf-8")
    assert open_run(run).source == run / "prediction"
    assert torch.equal(open_run(run, source=source).splats.means, open_run(run).splats.means)


def test_memory_is_looked_at_before_anything_is_decoded(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**20)
    monkeypatch.setattr("training.train_dynamic.wait_for_images", pytest.fail)
    with pytest.raises(UserError, match="of memory to start and 1 MiB are free"):
        train_dynamic(source, tmp_path / "run", CONFIG)
    assert not (tmp_path / "run").exists()
