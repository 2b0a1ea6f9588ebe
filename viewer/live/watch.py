"""The spectator behind a live page: lets it draw between steps, and holds the training up when told to."""

import math
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from training.task import Task
from viewer.live.gaps import Gaps

ResultT = TypeVar("ResultT")

_TURN_S = 0.05  # how long a training that waits is not asked whether a signal has come


class Watch:
    """Stands between a training and those who look at it.

    Args:
        gaps: the time between steps.
    """

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps
        self._lock = threading.Lock()
        self._steps_allowed = math.inf
        self._step: int | None = None
        self._task: Task[Any] | None = None
        self._version = 0

    @property
    def task(self) -> Task[Any] | None:
        """What is trained, whose parameters may be changing; None before the training has begun."""
        return self._task

    @property
    def step(self) -> int:
        """The last one that was taken; 0 before the first."""
        return self._step or 0

    @property
    def iterations(self) -> int:
        """Steps in all, as planned now; 0 before the training has begun."""
        return 0 if self._task is None else self._task.schedule.iterations

    @property
    def version(self) -> int:
        """Grows with every step, whatever the step's number is."""
        return self._version

    @property
    def is_paused(self) -> bool:
        """Whether the training waits, or will after the step that is being taken."""
        return self._steps_allowed < math.inf

    def pause(self) -> None:
        """Take no further step."""
        with self._lock:
            self._steps_allowed = 0

    def resume(self) -> None:
        """Go on."""
        with self._lock:
            self._steps_allowed = math.inf

    def take_step(self) -> None:
        """Take one step, and wait after it."""
        with self._lock:
            self._steps_allowed = 1

    def look(self, work: Callable[[Task[Any]], ResultT]) -> ResultT:
        """Have something done with the task between two steps, and wait for it; it must not change the task.

        Raises:
            UserError: the training has ended.
        """

        def looked() -> ResultT:
            assert self._task is not None  # gaps are between its steps
            with torch.no_grad():
                return work(self._task)

        return self._gaps.do(looked)

    def between_steps(self, step: int, task: Task[Any]) -> bool:
        """See `training.spectator.Spectator`."""
        if step != self._step or task is not self._task:
            self._notice(step, task)
        if self._steps_allowed <= 0:
            self._gaps.hold_open(_TURN_S)
            return self._steps_allowed <= 0
        self._gaps.open()
        return False

    def _notice(self, step: int, task: Task[Any]) -> None:
        if task is self._task:  # a step has been taken
            with self._lock:
                self._steps_allowed = max(0, self._steps_allowed - 1)
        self._step, self._task = step, task
        self._version += 1

    def close(self) -> None:
        """The training has ended: nobody waits for it any more."""
        self._gaps.close()
