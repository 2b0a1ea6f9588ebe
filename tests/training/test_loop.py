"""The loop: counts, resumes, guards, saves, stops."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import UserError
from core.files import read_json
from core.run_folder import RunFolder
from core.scalars import read_lines
from core.serialization import load_state
from tests.training.counting import NOT_A_NUMBER, Counting
from training import loop
from training.loop import FitResult, LoopConfig, fit
from training.pacing import Pacer
from training.task import Stepper, StepReport, Task

CONFIG = LoopConfig(test_iterations=(4,), save_iterations=(6,), log_interval=5)


def run(
    task: Counting, path: Path, config: LoopConfig = CONFIG, pacer: Pacer | None = None
) -> tuple[FitResult, list[int]]:
    saved: list[int] = []

    def save(iteration: int) -> None:
        saved.append(iteration)
        ply = RunFolder(path).point_cloud(iteration)
        ply.parent.mkdir(parents=True, exist_ok=True)
        ply.touch()

    return fit(task, RunFolder(path), config, save=save, pacer=pacer), saved


def test_the_fake_is_a_task() -> None:
    assert isinstance(Counting(1), Task)


def test_a_run_takes_every_step_once(tmp_path: Path) -> None:
    task = Counting(20)
    result, saved = run(task, tmp_path)
    assert task.seen == [10 * step for step in range(1, 21)]
    assert saved == [6, 20]
    assert task.evaluations == 2  # at 4 and at the end
    assert result.iterations == 20
    assert result.stopped_by is None
    assert result.evaluation is not None
    assert result.evaluation.numbers == {"psnr": 12.0}
    assert float(task.value) > 2
    timing = read_json(tmp_path / "timing.json")
    assert timing["iterations"] == 20
    assert 0 < timing["training_seconds"] == pytest.approx(result.seconds)


def test_the_peak_of_memory_is_that_of_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every_step = LoopConfig(test_iterations=(), save_iterations=(), checkpoint_seconds=0.0)
    monkeypatch.setattr(loop, "peak_bytes", lambda: 7_000)
    with pytest.raises(Killed):
        run(Mortal(20, 9), tmp_path, every_step)
    monkeypatch.setattr(loop, "peak_bytes", lambda: 5_000)
    run(Counting(20), tmp_path, every_step)
    assert read_json(tmp_path / "timing.json")["peak_memory_bytes"] == 7_000
    monkeypatch.setattr(loop, "peak_bytes", lambda: None)
    run(Counting(4), tmp_path / "unknown")
    assert read_json(tmp_path / "unknown" / "timing.json")["peak_memory_bytes"] is None


def test_the_log_tells_steps_and_evaluations(tmp_path: Path) -> None:
    run(Counting(12), tmp_path)
    lines = read_lines(tmp_path / "log.jsonl")
    assert [line["step"] for line in lines] == [1, 4, 5, 10, 12]
    assert all({"loss", "seconds", "psnr"} <= line.keys() for line in lines if "test_psnr" not in line)
    assert list((tmp_path / "tensorboard").glob("events*"))


class Killed(BaseException):
    """Stands for kill -9: nothing between the step and the end of the process happens."""


class Mortal(Counting):
    def __init__(self, iterations: int, dies_at: int) -> None:
        super().__init__(iterations)
        self.dies_at = dies_at

    def step(self, step: int, batch: int, stepper: Stepper) -> StepReport:
        if step == self.dies_at:
            raise Killed
        return super().step(step, batch, stepper)


@pytest.mark.parametrize("dies_at", [1, 2, 7, 20])
@pytest.mark.parametrize("checkpoint_seconds", [0.0, 1000.0])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, dies_at: int, checkpoint_seconds: float
) -> None:
    config = LoopConfig(
        test_iterations=(), save_iterations=(), log_interval=5, checkpoint_seconds=checkpoint_seconds
    )
    whole = Counting(20)
    run(whole, tmp_path / "whole", config)
    with pytest.raises(Killed):
        run(Mortal(20, dies_at), tmp_path / "killed", config)
    if checkpoint_seconds == 0:
        assert load_state(tmp_path / "killed" / "checkpoints" / "last.pt")["loop"]["step"] == dies_at - 1
    again = Counting(20)
    run(again, tmp_path / "killed", config)
    assert torch.equal(again.value, whole.value)
    assert again.seen == whole.seen
    steps = [line["step"] for line in read_lines(tmp_path / "killed" / "log.jsonl")]
    assert steps == [line["step"] for line in read_lines(tmp_path / "whole" / "log.jsonl")]


def test_what_a_killed_write_left_is_removed(tmp_path: Path) -> None:
    run(Counting(4), tmp_path)
    left = [
        tmp_path / "checkpoints" / f".last.{os.getpid()}.part.pt",
        RunFolder(tmp_path).point_cloud(4).with_name(f".point_cloud.{os.getpid()}.part.ply"),
    ]
    for part in left:
        part.touch()
    run(Counting(4), tmp_path)
    assert not any(part.exists() for part in left)


def test_a_finished_run_takes_no_step_more(tmp_path: Path) -> None:
    run(Counting(8), tmp_path)
    again = Counting(8)
    result, saved = run(again, tmp_path)
    assert len(again.seen) == 8
    assert saved == []
    assert result.evaluation is not None


class Signalled(Counting):
    def __init__(self, iterations: int, number: signal.Signals) -> None:
        super().__init__(iterations)
        self.number = number

    def step(self, step: int, batch: int, stepper: Stepper) -> StepReport:
        report = super().step(step, batch, stepper)
        if step == 5:
            os.kill(os.getpid(), self.number)
        return report


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step_and_saves(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    result, saved = run(Signalled(20, number), tmp_path)
    assert result.stopped_by == number
    assert result.iterations == 5
    assert result.evaluation is None
    assert saved == []
    assert signal.getsignal(number) == before
    again = Counting(20)
    run(again, tmp_path)
    assert again.seen == [10 * step for step in range(1, 21)]


@pytest.mark.parametrize("bad", [NOT_A_NUMBER, float("inf")])
def test_a_bad_batch_is_skipped_after_going_back(
    tmp_path: Path, bad: float, capsys: pytest.CaptureFixture[str]
) -> None:
    task = Counting(10, {7: bad})
    run(task, tmp_path)
    assert task.seen == [10 * step for step in range(1, 11) if step != 7]
    assert set(task.rates) == {0.5}  # from the start, which is where the last checkpoint was
    assert float(task.value) == float(task.value)
    told = capsys.readouterr().err
    assert "at iteration 7: back to iteration 0" in told
    assert "learning rates are halved" in told


def test_going_back_ends_at_the_last_checkpoint(tmp_path: Path) -> None:
    task = Counting(10, {7: NOT_A_NUMBER})
    run(task, tmp_path, LoopConfig(checkpoint_seconds=0.0))
    assert task.rates == [1.0] * 6 + [0.5] * 3


@pytest.mark.parametrize("checkpoint_seconds", [0.0, 1000.0])
def test_what_was_learned_from_a_failure_survives_a_pause(tmp_path: Path, checkpoint_seconds: float) -> None:
    first = Mortal(10, dies_at=8)
    first.bad_steps = {3: NOT_A_NUMBER}
    with pytest.raises(Killed):
        run(first, tmp_path, LoopConfig(checkpoint_seconds=checkpoint_seconds))
    state = load_state(tmp_path / "checkpoints" / "last.pt")["loop"]
    assert state["skipped"] == [3]
    assert state["failures"] == 1
    assert state["learning_rate_scale"] == 0.5
    again = Counting(10, first.bad_steps)
    run(again, tmp_path)
    assert again.seen == [10 * step for step in range(1, 11) if step != 3]


def test_the_third_failure_ends_the_run_with_a_sentence(tmp_path: Path) -> None:
    task = Counting(20, {3: NOT_A_NUMBER, 8: NOT_A_NUMBER, 12: NOT_A_NUMBER})
    with pytest.raises(UserError, match=r"at iteration 12, for the 3rd time.*lower learning rates"):
        run(task, tmp_path)
    task = Counting(20, {3: NOT_A_NUMBER, 8: NOT_A_NUMBER})
    run(task, tmp_path / "two")
    assert task.rates[-1] == 0.25


def test_a_checkpoint_of_something_else_is_a_sentence(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.checkpoint.parent.mkdir()
    torch.save({"loop": {"step": 1, "unknown": 2}, "task": {}}, folder.checkpoint)
    with pytest.raises(UserError, match="is no checkpoint of this program"):
        run(Counting(5), tmp_path)


def test_a_failing_save_leaves_the_checkpoint(tmp_path: Path) -> None:
    def full(iteration: int) -> None:
        raise UserError("cannot write point_cloud.ply: the disk is full")

    with pytest.raises(UserError, match="disk is full"):
        fit(Counting(5), RunFolder(tmp_path), LoopConfig(checkpoint_seconds=0.0), save=full)
    assert load_state(tmp_path / "checkpoints" / "last.pt")["loop"]["step"] == 4
    again = Counting(5)
    run(again, tmp_path)
    assert again.seen == [10, 20, 30, 40, 50]


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that advances by a tenth of a second whenever it is read."""
    now = [0.0]

    def read() -> float:
        now[0] += 0.1
        return now[0]

    monkeypatch.setattr("training.loop.time.perf_counter", read)
    return now


def test_a_time_shortens_the_run(tmp_path: Path, slow_clock: list[float]) -> None:
    task: Any = Counting(10_000)
    result, _ = run(task, tmp_path, pacer=Pacer(seconds=30.0, longest=10_000))
    # A step reads the clock twice or thrice.
    assert 80 < result.iterations < 200
    assert result.seconds == pytest.approx(30, abs=3)


def test_a_time_is_used_though_the_run_goes_back(tmp_path: Path, slow_clock: list[float]) -> None:
    """The time since the last plan is not taken for that of the few steps that are kept."""
    task: Any = Counting(10_000, {600: NOT_A_NUMBER})
    config = LoopConfig(checkpoint_seconds=1000.0, test_iterations=(), save_iterations=())
    result, _ = run(task, tmp_path, config, pacer=Pacer(seconds=300.0, longest=10_000))
    assert result.seconds == pytest.approx(300, abs=20)


def test_the_log_goes_back_too(tmp_path: Path) -> None:
    run(Counting(10, {9: NOT_A_NUMBER}), tmp_path, LoopConfig(log_interval=2))
    steps = [line["step"] for line in read_lines(tmp_path / "log.jsonl") if "loss" in line]
    assert steps == [1, 2, 4, 6, 8, 10]


class Onlooker:
    """Sees every step, and holds the training up after some of them.

    Args:
        waits: how often it says "wait" after a step.
        at_wait: what happens at each of these times.
    """

    def __init__(self, waits: dict[int, int] | None = None, at_wait: Any = lambda: None) -> None:
        self.waits = dict(waits or {})
        self.at_wait = at_wait
        self.seen: list[tuple[int, float]] = []

    def between_steps(self, step: int, task: Task[Any]) -> bool:
        assert isinstance(task, Counting)
        self.seen.append((step, float(task.value)))
        if not self.waits.get(step):
            return False
        self.waits[step] -= 1
        self.at_wait()
        return True


def watched(task: Counting, path: Path, spectator: Onlooker) -> FitResult:
    return fit(task, RunFolder(path), CONFIG, save=lambda _: None, spectator=spectator)


def test_a_spectator_sees_the_start_and_every_step(tmp_path: Path) -> None:
    spectator, task = Onlooker({3: 2}), Counting(6)
    watched(task, tmp_path, spectator)
    assert [step for step, _ in spectator.seen] == [0, 1, 2, 3, 3, 3, 4, 5, 6]
    assert spectator.seen[0][1] == 0
    assert spectator.seen[-1][1] == float(task.value)
    assert len({value for step, value in spectator.seen if step == 3}) == 1


def test_waiting_is_no_time_of_training(tmp_path: Path) -> None:
    spectator = Onlooker({3: 1}, at_wait=lambda: time.sleep(1.0))
    started = time.perf_counter()
    result = watched(Counting(6), tmp_path, spectator)
    assert time.perf_counter() - started > 1.0
    assert result.seconds < time.perf_counter() - started - 1.0
    assert read_json(tmp_path / "timing.json")["training_seconds"] == pytest.approx(result.seconds)


def test_who_leaves_before_the_first_step_takes_none(tmp_path: Path) -> None:
    spectator = Onlooker({0: 1_000_000}, at_wait=lambda: os.kill(os.getpid(), signal.SIGINT))
    task = Counting(20)
    result = fit(task, RunFolder(tmp_path), CONFIG, save=lambda _: None, spectator=spectator)
    assert (result.iterations, result.stopped_by, task.seen) == (0, signal.SIGINT, [])


def test_a_signal_ends_a_run_that_waits(tmp_path: Path) -> None:
    spectator = Onlooker({3: 1_000_000}, at_wait=lambda: os.kill(os.getpid(), signal.SIGINT))
    result = watched(Counting(6), tmp_path, spectator)
    assert result.stopped_by == signal.SIGINT
    assert result.iterations == 3
    again = Counting(6)
    watched(again, tmp_path, Onlooker())
    assert again.seen == [10, 20, 30, 40, 50, 60]
