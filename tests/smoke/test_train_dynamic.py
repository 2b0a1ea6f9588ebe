"""A video in, a static scene out: the command line as its user meets it."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import metrics
import render
import train
from core.serialization import load_state, save_state
from tests.scene.test_shots import pan
from tests.training.videos import tiny_video, write_images, write_predicted, write_video

ROOT = Path(__file__).resolve().parents[2]
TINY = ("--preset", "dynamic-tiny")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a perfect predictor says of the tiny video."""
    return write_predicted(tmp_path_factory.mktemp("ein film mit ü") / "walk", points=True)


@pytest.fixture(scope="module")
def trained(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run") / "walk"
    assert train.main(["-s", str(source), "-m", str(run), *TINY, "--hold-out", "das3r"]) == 0
    return run


def test_from_prediction_to_videos_and_report(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("rendered.mp4", "rendered_smooth.mp4", "side_by_side.mp4", "camera_path.png", "report.html"):
        assert (trained / name).stat().st_size > 0
    lines = (trained / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert '"test_psnr' in lines[-1]
    assert render.main(["-m", str(trained), "--iter", "60", "--get_video", "--skip-train"]) == 0
    sets = ("test", "test_predicted", "test_composite", "test_refined")
    written = [*(trained / name / "ours_60" for name in sets), trained]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in written]
    assert [path.name for path in (trained / "test" / "ours_60" / "renders").iterdir()] == ["00000.png"]
    assert metrics.main(["-m", str(trained)]) == 0
    assert (trained / "results.json").exists()


def test_the_loss_falls(trained: Path) -> None:
    lines = (trained / "log.jsonl").read_text(encoding="utf-8").splitlines()
    losses = [json.loads(line)["loss"] for line in lines if '"loss"' in line]
    assert len(losses) >= 4
    assert np.mean(losses[-2:]) < 0.8 * np.mean(losses[:2])


def start(words: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "train.py", *words]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_run_goes_on_to_the_same_end(
    source: Path, trained: Path, tmp_path: Path, number: signal.Signals
) -> None:
    words = ["dynamic", "-s", str(source), "-m", str(tmp_path / "run"), *TINY, "--iterations", "400"]
    words += ["--checkpoint-seconds", "0.1"]
    process = start(words)
    checkpoint = tmp_path / "run" / "checkpoints" / "last.pt"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if checkpoint.exists() and load_state(checkpoint)["loop"]["step"] >= 10:
            break
        time.sleep(0.05)
    process.send_signal(number)
    _, told = process.communicate(timeout=120)
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 128 + number), told
    assert not (tmp_path / "run" / "rendered.mp4").exists()
    assert train.main(words) == 0
    assert (tmp_path / "run" / "rendered.mp4").exists()
    assert load_state(checkpoint)["loop"]["step"] == 400
    assert trained.exists()


def test_mistakes_are_one_sentence_and_exit_code_2_and_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = tiny_video()
    frames = write_images(tmp_path / "frames", video)
    write_images(tmp_path / "masks", tiny_video(3))
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 500)
    one = write_video(tmp_path / "one.mp4", tiny_video(1))
    still = tmp_path / "still"
    for row in range(4):
        still.mkdir(exist_ok=True)
        (still / f"{row}.png").write_bytes((frames / "00000.png").read_bytes())
    write_images(tmp_path / "small", replace(video, images=[image[::2, ::2] for image in video.images]))
    cuts = write_images(tmp_path / "cuts", replace(video, images=[*pan(1, 8), *pan(2, 8)]))
    (tmp_path / "other.pth").write_bytes(b"no weights")
    save_state(tmp_path / "another.pth", {"model": {"a": torch.zeros(3)}})
    predicted = write_predicted(tmp_path / "predicted")
    wrong = ["-s", str(frames), "--predictor", "das3r", "--pretrained"]
    run = tmp_path / "run"
    cases: list[tuple[list[str], str]] = [
        (["-s", str(tmp_path / "absent.mp4")], "absent.mp4 does not exist"),
        (["-s", str(tmp_path / "empty.mp4")], "empty.mp4 is empty"),
        (["-s", str(tmp_path / "broken.mp4")], "broken.mp4 does not decode as a video"),
        (["-s", str(one)], "one.mp4 has one frame"),
        (["-s", str(still)], "are all the same picture"),
        (["-s", str(frames), "--shot", "2"], "--shot 2"),
        (["-s", str(cuts), "--shot", "3"], "has 2 (1: frames 1-8, 2: frames 9-16)"),
        (["-s", str(frames), "--user-masks", str(tmp_path / "small")], "is 32x24 pixels and the frames are"),
        ([*wrong, str(tmp_path / "other.pth")], "other.pth"),
        ([*wrong, str(tmp_path / "another.pth")], "another.pth"),
        (["-s", str(predicted), "--frame-stride", "2"], "--frame-stride would change nothing"),
        (["-s", str(frames), "-i", "images_4"], "-i images_4 would change nothing"),
        (["-s", str(frames), "--rounds", "3", "--predictor", "das3r"], "--rounds 3 would change nothing"),
        (["-s", str(frames), "--optim-focal", "--no-optim-pose"], "optim_focal"),
        (["-s", str(frames), "--focal-lr", "-3"], "focal_lr"),
        (["-s", str(frames), "--user-masks", str(tmp_path / "masks")], "holds 3 masks"),
        (["-s", str(frames), "--use_gt_mask"], "--use-gt-mask needs"),
        (["-s", str(frames), "--frame-stride", "0"], "frame_stride"),
        (["-s", str(frames), "--predictor", "magic"], "magic"),
        (["-s", str(frames), "--bogus"], "--bogus"),
        (["dynamic"], "--source-path"),
    ]
    for words, told in cases:
        capsys.readouterr()
        assert train.main([*words, "-m", str(run)]) == 2, words
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("error: ")
        assert told in last
        assert not run.exists(), words


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("dynamic_predictor.predict") is None, reason="there is no predictor yet"
)
def test_a_video_without_any_help(tmp_path: Path) -> None:
    """Structure from motion may or may not solve it: there is a result in any case."""
    source = write_video(tmp_path / "walk.mp4", tiny_video())
    assert train.main(["-s", str(source), "-m", str(tmp_path / "run"), *TINY]) == 0
    for name in ("rendered.mp4", "side_by_side.mp4", "prediction/prediction.json", "report.html"):
        assert (tmp_path / "run" / name).stat().st_size > 0
