"""From a video to a predicted capture: what is refused before anything is written, and what is done once."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from core.errors import UserError
from core.run_folder import RunFolder
from core.tum import write_tum
from dynamic_predictor.config import PredictorConfig
from scene.datasets import open_capture
from scene.frames import FrameOptions
from scene.prediction_files import read_prediction
from scene.splits import SplitOptions
from tests.training.videos import TinyVideo, tiny_video, write_images, write_video
from training.prediction_stages import plan_prediction


class Predictor:
    """Stands for `dynamic_predictor.predict`: knows the truth, and what it was asked."""

    def __init__(self, video: TinyVideo) -> None:
        self.video = video
        self.asked: list[PredictorConfig] = []
        self.masks: list[str] = []

    def __call__(self, frames: Any, names: tuple[str, ...], config: PredictorConfig, cameras: Any) -> Any:
        assert len(frames) == len(names)
        assert frames[0].shape == (48, 64, 3)
        self.asked.append(config)
        self.cameras = cameras
        if config.user_masks is not None:
            self.masks = sorted(path.name for path in config.user_masks.iterdir())
        return self.video.prediction(names)


@pytest.fixture
def predictor(monkeypatch: pytest.MonkeyPatch) -> Predictor:
    module = ModuleType("dynamic_predictor.predict")
    stand_in = Predictor(tiny_video())
    module.predict = stand_in  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "dynamic_predictor.predict", module)
    return stand_in


def predict(source: Path, folder: RunFolder, options: FrameOptions, config: PredictorConfig) -> None:
    assert plan_prediction(source, folder, options, config).run().is_done()


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_a_video_becomes_a_capture_once(
    tmp_path: Path, predictor: Predictor, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    video, folder = tiny_video(), RunFolder(tmp_path / "run")
    source = (
        write_video(tmp_path / "a.mp4", video) if kind == "video" else write_images(tmp_path / "a", video)
    )
    for _ in range(2):
        predict(source, folder, FrameOptions(), PredictorConfig())
    assert len(predictor.asked) == 1
    told = capsys.readouterr().err
    assert "frames: done before" in told
    assert "predict: done before" in told
    capture = open_capture(folder.prediction)
    assert len(capture) == 8
    assert capture.cameras.size == (64, 48)
    assert read_prediction(folder.prediction).assurance.sentences == ("by hand",)


def test_held_out_frames_can_be_kept_from_the_predictor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def answer(frames: Any, names: tuple[str, ...], config: PredictorConfig, cameras: Any) -> Any:
        asked.append(names)
        return tiny_video(len(frames)).prediction(names)

    module = ModuleType("dynamic_predictor.predict")
    module.predict = answer  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "dynamic_predictor.predict", module)
    folder, source = RunFolder(tmp_path / "run"), write_images(tmp_path / "a", tiny_video())
    split = SplitOptions(hold_out="das3r")
    plan = plan_prediction(source, folder, FrameOptions(), PredictorConfig(), split)
    assert plan.run().is_done()
    everyone = read_prediction(folder.prediction).frame_names
    assert asked == [tuple(name for row, name in enumerate(everyone) if row != 5)]
    assert not read_prediction(folder.prediction).registered[5]
    assert not plan_prediction(source, folder, FrameOptions(), PredictorConfig()).predict_stage.is_done()
    with pytest.raises(UserError, match="keeps 0 of 8 frames from the predictor"):
        plan_prediction(source, RunFolder(tmp_path / "b"), FrameOptions(), PredictorConfig(), SplitOptions())


def test_other_frames_or_flags_are_predicted_anew(tmp_path: Path, predictor: Predictor) -> None:
    folder, source = RunFolder(tmp_path / "run"), write_images(tmp_path / "a", tiny_video())
    predict(source, folder, FrameOptions(), PredictorConfig())
    predict(source, folder, FrameOptions(), PredictorConfig(rounds=3))
    assert [config.rounds for config in predictor.asked] == [2, 3]
    frames = folder.prediction / "images"
    before = {path.name: path.stat().st_ino for path in frames.iterdir()}
    shutil.copyfile(source / "00001.png", source / "00000.png")  # the source itself has changed
    predict(source, folder, FrameOptions(), PredictorConfig(rounds=3))
    assert len(predictor.asked) == 3
    assert (frames / "00000.png").read_bytes() == (source / "00001.png").read_bytes()
    assert {path.name: path.stat().st_ino for path in frames.iterdir()} != before


def test_masks_of_the_user_arrive_by_the_names_of_the_frames(tmp_path: Path, predictor: Predictor) -> None:
    video = tiny_video()
    source = write_images(tmp_path / "a", video)
    masks = write_images(tmp_path / "m", video)
    config = PredictorConfig(user_masks=masks)
    predictor.video = replace(
        video, masks=video.masks[::2], depths=video.depths[::2], cameras=video.cameras[::2]
    )
    folder = RunFolder(tmp_path / "run")
    predict(source, folder, FrameOptions(frame_stride=2), config)
    assert predictor.masks == [f"{row:05d}.png" for row in (0, 2, 4, 6)]
    (masks / "00007.png").unlink()
    (masks / "00003.png").unlink()  # neither is looked at, but the masks have changed
    (masks / "run").mkdir()
    (masks / "run" / "config.json").touch()
    predict(source, folder, FrameOptions(frame_stride=2), config)
    assert len(predictor.asked) == 2


def test_what_is_wrong_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, folder = tiny_video(), RunFolder(tmp_path / "run")
    source = write_images(tmp_path / "a", video)
    masks = write_images(tmp_path / "m", tiny_video(5))
    broken = write_images(tmp_path / "b", video)
    (broken / "00004.png").write_bytes((broken / "00004.png").read_bytes()[:99])
    write_tum(tmp_path / "walk.txt", [0.0, 1.0], torch.eye(4).repeat(2, 1, 1))
    (tmp_path / "weights.pth").write_bytes(b"no weights")
    (tmp_path / "none.mp4").touch()
    nothing, plain = FrameOptions(), PredictorConfig()
    network = replace(plain, predictor="das3r", pretrained=tmp_path / "weights.pth")
    cases = [
        (tmp_path / "none.mp4", nothing, plain, r"none\.mp4 is empty"),
        (source, FrameOptions(shot=3), plain, "--shot 3"),
        (source, nothing, replace(plain, user_masks=masks), "5 masks and .* has 8 frames"),
        (source, nothing, replace(plain, user_masks=tmp_path / "x"), "--user-masks .*x does not exist"),
        (source, nothing, replace(plain, user_masks=broken), r"00004\.png does not decode"),
        (source, nothing, replace(plain, user_poses=tmp_path / "y.txt"), "--user-poses .* does not exist"),
        (source, nothing, replace(plain, user_poses=tmp_path / "walk.txt"), "2 poses and .* has 8 frames"),
        (source, nothing, replace(plain, long_side=20), "choose a larger --long-side"),
        (source, nothing, network, r"weights\.pth is"),
    ]
    for path, options, config, sentence in cases:
        with pytest.raises(UserError, match=sentence):
            plan_prediction(path, folder, options, config)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    with pytest.raises(UserError, match=r"8 frames and a model will take about .* are free"):
        plan_prediction(source, folder, nothing, plain)
    assert not folder.path.exists()


def test_other_poses_or_weights_are_predicted_anew(
    tmp_path: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, source = RunFolder(tmp_path / "run"), write_images(tmp_path / "a", tiny_video())
    path, weights = tmp_path / "walk.txt", tmp_path / "weights.pth"
    weights.write_text("a")
    monkeypatch.setattr("training.prediction_stages.check_requirements", lambda *_: None)
    config = PredictorConfig(predictor="das3r", pretrained=weights, user_poses=path)
    c2w = torch.eye(4).repeat(8, 1, 1)
    for place in (1.0, 2.0):
        c2w[:, 0, 3] = place
        write_tum(path, [float(row) for row in range(8)], c2w)
        for _ in range(2):
            predict(source, folder, FrameOptions(), config)
        assert torch.equal(predictor.cameras.c2w, c2w)
    assert len(predictor.asked) == 2
    weights.write_text("ab")
    predict(source, folder, FrameOptions(), config)
    assert len(predictor.asked) == 3


def test_a_predictor_that_fails_is_asked_again(tmp_path: Path, predictor: Predictor) -> None:
    folder, source = RunFolder(tmp_path / "run"), write_images(tmp_path / "a", tiny_video())
    good = predictor.video
    predictor.video = None  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(AttributeError):
        predict(source, folder, FrameOptions(), PredictorConfig())
    assert not (folder.prediction / "prediction.json").exists()
    predictor.video = good
    predict(source, folder, FrameOptions(), PredictorConfig())
    assert (folder.prediction / "prediction.json").exists()
