"""Pause, resume and single steps, in the words of a loop that trains."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import UserError
from core.run_folder import RunFolder
from core.schedules import Schedule
from tests.training.counting import Counting
from training.loop import FitResult, LoopConfig, fit
from viewer.live.gaps import Gaps
from viewer.live.watch import Watch

STEPS = 200_000  # more than are taken before a test has paused


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Training:
    """A loop on a thread of its own, ended with its block."""

    def __init__(self, path: Path) -> None:
        self.task, self.watch = Counting(STEPS), Watch(Gaps())
        self.result: FitResult | None = None
        self._path = path
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Training":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.task.schedule = Schedule(1)
        self.watch.resume()
        self._thread.join(60)

    def stands_still(self) -> bool:
        before = self.watch.step
        time.sleep(0.2)
        return self.watch.step == before == len(self.task.seen)

    def _run(self) -> None:
        config = LoopConfig((), (), log_interval=10_000_000)
        self.result = fit(self.task, RunFolder(self._path), config, save=lambda _: None, spectator=self.watch)


def test_pause_step_step_resume(tmp_path: Path) -> None:
    training = Training(tmp_path)
    watch = training.watch
    watch.pause()
    with training:
        eventually(lambda: watch.task is training.task)
        assert training.stands_still()
        assert watch.step == 0
        for step in (1, 2, 3):
            watch.take_step()
            eventually(lambda step=step: watch.step == step)
            assert training.stands_still()
            assert watch.is_paused
        watch.resume()
        assert not watch.is_paused
        eventually(lambda: watch.step > 5)
        watch.take_step()  # one more, from wherever it is
        eventually(training.stands_still)
        assert watch.look(lambda task: len(task.state_dict()["seen"])) == watch.step
        assert watch.iterations == STEPS
    assert training.result is not None
    assert training.task.seen == [10 * step for step in range(1, training.result.iterations + 1)]


def test_versions_grow_with_steps_alone(tmp_path: Path) -> None:
    watch, task = Watch(Gaps()), Counting(9)
    assert watch.version == watch.step == watch.iterations == 0
    versions = []
    for step in (0, 1, 1, 2):
        watch.between_steps(step, task)
        versions.append(watch.version)
    assert versions == [1, 2, 2, 3]
    watch.between_steps(2, Counting(5))  # the next stage
    assert watch.version == 4
    assert watch.iterations == 5


def test_after_the_end_nobody_waits() -> None:
    watch = Watch(Gaps())
    watch.close()
    with pytest.raises(UserError, match="the training has ended"):
        watch.look(lambda _: None)
    assert watch.task is None
