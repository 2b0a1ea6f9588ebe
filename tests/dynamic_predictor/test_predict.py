"""Who is asked, and with what."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import dynamic_predictor.classical.predict as classical
from core.errors import UserError
from dynamic_predictor import neural
from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.predict import predict
from dynamic_predictor.working_video import WorkingVideo
from scene.cameras import Cameras
from scene.prediction import Assurance, Prediction

FRAMES = [torch.full((32, 48, 3), 40 * row, dtype=torch.uint8) for row in range(3)]
NAMES = ("a.png", "b.png", "c.png")


def answer(count: int = 3) -> Prediction:
    maps, sides = torch.zeros(count, 32, 48), (torch.full((count,), 48), torch.full((count,), 32))
    cameras = Cameras(torch.eye(4).repeat(count, 1, 1), torch.eye(3).repeat(count, 1, 1), *sides)
    known, sure = torch.ones(count, dtype=torch.bool), Assurance("low", "static")
    return Prediction("x", NAMES, cameras, maps, maps > 0, maps, maps, known, (0.0, 0.0, 48.0, 32.0), sure)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Which of the two was asked, and for what."""
    calls: dict[str, Any] = {}
    given = answer()

    def ask_classical(video: WorkingVideo, config: PredictorConfig) -> Prediction:
        calls["classical"] = video, config
        return given

    def ask_network(*args: object, **known: object) -> Prediction:
        calls["network"] = args, known
        return given

    monkeypatch.setattr(classical, "predict_classically", ask_classical)
    monkeypatch.setattr(neural, "predict_with_network", ask_network)
    return calls


def test_the_classical_predictor_gets_working_images(asked: dict[str, Any]) -> None:
    config = PredictorConfig(long_side=32, focal_px=60.0)
    predict(FRAMES, NAMES, config)
    assert list(asked) == ["classical"]
    video, told = asked["classical"]
    assert told is config
    assert video.names == NAMES
    assert max(video.shape) == 32
    assert video.known.c2w is None
    assert video.known.focals.item() == pytest.approx(40.0)


@pytest.mark.parametrize("name", ["das3r", "monst3r", "dust3r"])
def test_a_network_gets_the_frames_themselves(asked: dict[str, Any], name: Any) -> None:
    config = PredictorConfig(predictor=name)
    predict(FRAMES, NAMES, config)
    assert list(asked) == ["network"]
    (frames, names, told), known = asked["network"]
    assert frames is FRAMES
    assert names is NAMES
    assert told is config
    assert known == {"known_cameras": None}


def test_both_get_the_user_s_cameras(asked: dict[str, Any], tmp_path: Path) -> None:
    cameras = answer().cameras
    cameras.viewmats[:, 0, 3] = torch.arange(3.0)
    config = PredictorConfig(user_poses=tmp_path / "walk.txt", focal_px=60.0, long_side=32)
    predict(FRAMES, NAMES, config, cameras)
    predict(FRAMES, NAMES, replace(config, predictor="das3r"), cameras)
    torch.testing.assert_close(asked["classical"][0].known.c2w, cameras.c2w)
    assert asked["classical"][0].known.which.all()
    assert asked["network"][1] == {"known_cameras": cameras}


def test_mistakes_are_told_before_anything_is_computed(asked: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"known_cameras"):
        predict(FRAMES, NAMES, PredictorConfig(user_poses=tmp_path / "walk.txt"))
    with pytest.raises(UserError, match="no frames"):
        predict([], [], PredictorConfig())
    assert asked == {}
