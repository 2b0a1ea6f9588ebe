"""What other threads want of a training, done between two of its steps and at a bounded share of its time."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from core.errors import UserError

ResultT = TypeVar("ResultT")

SHARE = 0.05
"""Of the time of steps that may be added to them. Pictures cost more than that: they are packed and sent
while the next steps are taken, and drawing keeps all processors busy, which a step does not."""

_MOST_CREDIT_S = 0.2  # so that one who comes after a long time gets an answer at once, but not a film


class Gaps:
    """Work of other threads, which the training does between its steps.

    Gaussians change in place at every step, so that nobody else may look at them while one is taken, and
    copies of them cost time and memory. A picture drawn in a gap is of one step, and what it costs is known,
    so that it can be kept within bounds.

    Args:
        share: of the time of steps that the work may add to it in the long run.
        clock: gives seconds.
    """

    def __init__(self, share: float = SHARE, clock: Callable[[], float] = time.perf_counter) -> None:
        self._share = share
        self._clock = clock
        self._credit_s = 0.0
        self._left_at = clock()
        self._waiting: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._closed = threading.Event()

    def do(self, work: Callable[[], ResultT]) -> ResultT:
        """Have something done in a gap, and wait for it; for all threads but the training's.

        Returns:
            What the work returns; what it raises is raised here.

        Raises:
            UserError: the training has ended.
        """
        future: Future[ResultT] = Future()
        self._waiting.put((work, future))
        if self._closed.is_set():
            self._refuse()
        try:
            return future.result()
        except CancelledError:
            raise UserError("the training has ended") from None

    def open(self) -> None:
        """A gap between two steps: do what the credit allows, the first comer's first."""
        now = self._clock()
        self._credit_s = min(self._credit_s + self._share * (now - self._left_at), _MOST_CREDIT_S)
        while self._credit_s > 0 and not self._waiting.empty():
            self._do_next(0.0)
            now, before = self._clock(), now
            self._credit_s -= now - before
        self._left_at = now

    def hold_open(self, seconds: float) -> None:
        """A gap while the training waits: do whatever comes in that time, without counting it."""
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            self._do_next(left)
        self._left_at = self._clock()

    def close(self) -> None:
        """The training has ended: those who wait, and those who come, are told so."""
        self._closed.set()
        self._refuse()

    def _do_next(self, patience_s: float) -> None:
        try:
            work, future = self._waiting.get(timeout=patience_s)
        except queue.Empty:
            return
        try:
            future.set_result(work())
        except Exception as error:  # concerns the one who asked, not the training
            future.set_exception(error)
        except BaseException:
            future.cancel()
            raise

    def _refuse(self) -> None:
        while True:
            try:
                _, future = self._waiting.get_nowait()
            except queue.Empty:
                return
            future.cancel()
