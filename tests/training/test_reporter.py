"""What is logged, how often, and what the bar shows."""

from pathlib import Path

import pytest
import torch

from core.run_folder import RunFolder
from core.scalars import read_lines
from training.reporter import Reporter
from training.task import Evaluation, StepReport


def test_the_first_step_and_every_interval_are_logged(tmp_path: Path) -> None:
    with Reporter(RunFolder(tmp_path), interval=3, step=0, total=7) as reporter:
        for step in range(1, 8):
            numbers = {"psnr": 20.0 + step} if reporter.wants(step) else {}
            reporter.step(step, StepReport(1.0 / step, numbers), lambda: 0.5)
    lines = read_lines(tmp_path / "log.jsonl")
    assert [line["step"] for line in lines] == [1, 3, 6]
    assert [line["psnr"] for line in lines] == [21.0, 23.0, 26.0]
    assert all(line["seconds"] == 0.5 for line in lines)
    losses = [line["loss"] for line in lines]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == 1.0
    assert losses[-1] > 1 / 6  # smoothed: it trails behind


def test_evaluations_are_told_and_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = torch.zeros(2, 2, 3, dtype=torch.uint8)
    with Reporter(RunFolder(tmp_path), interval=10, step=0, total=5) as reporter:
        reporter.evaluation(5, Evaluation({"psnr": 25.125, "ssim": 0.5}, {"test/a.png": picture}))
        reporter.evaluation(5, Evaluation({}))
    assert read_lines(tmp_path / "log.jsonl") == [{"step": 5, "test_psnr": 25.125, "test_ssim": 0.5}]
    assert "iteration 5: held out: psnr 25.12, ssim 0.5" in capsys.readouterr().err
