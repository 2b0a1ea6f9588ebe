"""Numbers over time: whole lines, ascending, across interruptions."""

from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.errors import UserError
from core.run_folder import RunFolder
from core.scalars import ScalarLog, read_lines


def test_both_logs_hold_the_numbers(tmp_path: Path) -> None:
    log = ScalarLog(RunFolder(tmp_path))
    log.numbers(1, {"loss": 0.5})
    log.numbers(2, {"test_psnr": 20.0})
    log.picture(2, "test/a.png", torch.zeros(4, 6, 3, dtype=torch.uint8))
    log.close()
    assert read_lines(tmp_path / "log.jsonl") == [{"step": 1, "loss": 0.5}, {"step": 2, "test_psnr": 20.0}]
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(each.step, each.value) for each in board.Scalars("loss")] == [(1, 0.5)]
    assert [each.value for each in board.Scalars("test/psnr")] == [20.0]
    assert len(board.Images("test/a.png")) == 1


def test_going_on_drops_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    log = ScalarLog(RunFolder(tmp_path))
    for step in range(1, 6):
        log.numbers(step, {"loss": float(step)})
    log.rewind(4)
    log.close()
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 5, "lo')  # a process was killed here
    log = ScalarLog(RunFolder(tmp_path), step=3)
    log.numbers(4, {"loss": 40.0})
    log.close()
    assert [line["loss"] for line in read_lines(tmp_path / "log.jsonl")] == [1.0, 2.0, 3.0, 40.0]


def test_a_run_without_a_log_has_no_lines(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "log.jsonl") == []


def test_a_log_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(UserError, match="cannot read"):
        read_lines(tmp_path / "log.jsonl")
