"""Guesses without 3D: exact where nothing changes, found between the right neighbours, and told as tables."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.files import read_json
from evaluation.street_baselines import BASELINES, blend, find_neighbours, main, score_baselines
from scene.capture import Capture
from scene.datasets import open_log
from scene.splits import split_frames
from tests.training.streets import write_log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("straße") / "log")


@pytest.fixture
def capture(log: Path) -> Capture:
    return open_log(log)


@pytest.mark.parametrize("name", BASELINES)
def test_what_does_not_change_is_guessed(name: str) -> None:
    picture = torch.randint(0, 256, (24, 32, 3), dtype=torch.uint8)
    assert torch.equal(BASELINES[name](picture, picture, 0.3), picture)


def test_the_blend_follows_the_time() -> None:
    dark, light = (torch.full((2, 2, 3), value, dtype=torch.uint8) for value in (0, 200))
    assert [int(blend(dark, light, at)[0, 0, 0]) for at in (0.0, 0.25, 1.0)] == [0, 50, 200]


def test_neighbours_are_of_the_same_camera_and_train(capture: Capture) -> None:
    drive, split = capture.drive, split_frames(capture, 2)
    assert drive is not None
    found = find_neighbours(capture, split)
    assert [each.view for each in found] == list(split.test)
    for each in found:
        assert {each.before, each.after} <= set(split.train)
        assert len({int(drive.view_cameras[row]) for row in (each.before, each.view, each.after)}) == 1
        frames = [int(drive.view_frames[row]) for row in (each.before, each.view, each.after)]
        assert frames == [frames[1] - 1, frames[1], frames[1] + 1]
        assert each.at == pytest.approx(0.5)


def test_a_view_without_a_later_neighbour_is_left_out(capture: Capture) -> None:
    split = split_frames(capture, 5)  # the last frame
    assert len(split.test) == 2
    assert find_neighbours(capture, split) == []


def test_scores_are_those_of_the_log_with_its_masks(capture: Capture) -> None:
    chosen = find_neighbours(capture, split_frames(capture, 3))
    found = score_baselines(capture, chosen)
    assert found.keys() == BASELINES.keys()
    # The box drives on: the blend shows it twice, and the frame before in the wrong place.
    assert found["previous frame"]["dpsnr_pooled"] < found["previous frame"]["psnr_static"]
    nothing = [torch.zeros(32, 48, dtype=torch.bool)] * len(capture)
    still = score_baselines(replace(capture, dynamic_masks=nothing), chosen)
    assert "dpsnr" not in still["blend"]
    assert still["blend"]["psnr"] == found["blend"]["psnr"]


def test_the_command(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-s", str(log), "--stride", "3"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "| 2 of 2 held-out views | PSNR |" in out
    assert main([*words, "--out", str(tmp_path / "b.json")]) == 0
    assert set(read_json(tmp_path / "b.json")["summary"]) == BASELINES.keys()
    assert main(["-s", str(log), "--stride", "0"]) == 2
    assert "no view lies between two frames" in capsys.readouterr().err
