"""Workers watched from outside: begun quickly, ended when they hang, gone when we are.

A worker is forked from a process that has loaded all libraries already (multiprocessing's fork server), as
loading them takes seconds and a job may take no more than a minute. Where the system has no such thing it is
a new Python.
"""

import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from bulk import worker
from bulk.memory_kills import memory_kills
from bulk.orders import Outcome, WorkOrder
from bulk.states import JobState
from core.environment import ROOT
from core.errors import UserError
from core.run_folder import RunFolder

_POLL_SECONDS = 0.2
_LOOK_SECONDS = 1.0
_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP}


def supervise(order: WorkOrder, stop: threading.Event) -> Outcome:
    """Have an order done by a process, and watch it.

    Args:
        order: what to do.
        stop: when set, the worker is asked to end, and ended by force if it takes too long.

    Returns:
        How it ended; what the worker itself did not live to tell is told for it.
    """
    return _Watch(order, stop).run()


def context(work: str) -> BaseContext:
    """How workers are begun.

    Args:
        work: the module that they need beside our own.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(ROOT) not in paths:  # for the fork server, which does not take over what we can import
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, paths)])
    chosen = multiprocessing.get_context("forkserver")
    chosen.set_forkserver_preload(["__main__", "bulk.worker", work])
    return chosen


def run_in_child(text: str, answer: Connection) -> None:
    """What the worker's process runs.

    Args:
        text: the order.
        answer: takes the outcome.
    """
    order = WorkOrder.from_json(text)
    try:
        worker.settle(order, JobState.of(order.job).log)
        outcome = worker.work_on(order)
    except KeyboardInterrupt:
        outcome = Outcome("stopped", reason="asked to stop")
    with suppress(BrokenPipeError):  # nobody listens any more
        answer.send(outcome.to_json())


class _Watch:
    def __init__(self, order: WorkOrder, stop: threading.Event) -> None:
        self.order = order
        self.stop = stop
        self.state = JobState.of(order.job)
        self.begun = self.looked = self.moved = time.monotonic()
        self.seen: Any = None

    def run(self) -> Outcome:
        kills = memory_kills()
        fork = context(self.order.work)
        ours, theirs = fork.Pipe(duplex=False)
        process = fork.Process(  # pyright: ignore[reportAttributeAccessIssue] - every context has one
            target=run_in_child, args=(self.order.to_json(), theirs), name=f"job {self.order.job.key}"
        )
        process.start()
        theirs.close()
        verdict, told = None, None
        try:
            while verdict is None and not wait([process.sentinel, ours], timeout=_POLL_SECONDS):
                verdict = self._verdict()
            told = None if verdict else _received(ours)
        finally:
            self._end(process, self.order.limits.grace_seconds if told is not None else 0.0)
        seconds, pid = time.monotonic() - self.begun, process.pid or 0
        if told is not None:
            stopped = self.stop.is_set() and told.ending not in ("done", "busy")
            return Outcome("stopped", told.stage, told.reason, seconds, pid) if stopped else told
        ending, reason = verdict or _killed(process.exitcode, memory_kills() > kills)
        return Outcome(ending, self._stage(), reason, seconds, pid)

    def _verdict(self) -> tuple[Any, str] | None:
        """Why the worker has to end now; None if it may go on."""
        now = time.monotonic()
        if self.stop.is_set():
            return "stopped", "asked to stop"
        if now - self.looked < _LOOK_SECONDS:
            return None
        self.looked, limits = now, self.order.limits
        signs = self._signs()
        if signs != self.seen:
            self.seen, self.moved = signs, now
        if now - self.moved > limits.stall_seconds:
            return "stalled", f"no progress for {limits.stall_seconds:.0f} s"
        status = self._status()
        since = max(status.get("since", 0.0), time.time() - (now - self.begun))
        if time.time() - since > limits.stage_seconds:
            return "timeout", f"{status.get('stage', 'a stage')} took more than {limits.stage_seconds:.0f} s"
        return None

    def _signs(self) -> tuple[float, ...]:
        """What changes while a job goes on: its stage, what it says, the log of its training."""
        files = (self.state.status_file, self.state.log, RunFolder(self.order.job.folder).log)
        return tuple(value for path in files for value in _size_and_time(path))

    def _status(self) -> dict[str, Any]:
        with suppress(UserError):  # its worker is killed in the middle of other things; there is a next look
            return self.state.status()
        return {}

    def _stage(self) -> str:
        return str(self._status().get("stage", ""))

    def _end(self, process: BaseProcess, patience: float) -> None:
        """End the worker and whatever it started.

        Args:
            process: the worker's.
            patience: seconds in which it may end by itself.
        """
        pid = process.pid
        process.join(patience)
        if process.is_alive() and pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            process.join(self.order.limits.grace_seconds)
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):  # no such group: nothing was started
                os.killpg(pid, signal.SIGKILL)
        process.kill()
        process.join()


def _received(connection: Any) -> Outcome | None:
    """What a worker said; None if it ended without a word."""
    try:
        return Outcome.from_json(connection.recv()) if connection.poll() else None
    except EOFError:
        return None


def _killed(exit_code: int | None, by_memory: bool) -> tuple[Any, str]:
    if by_memory:
        return "memory", "ended by the system, which had no memory left"
    if exit_code is not None and exit_code < 0:
        number = signal.Signals(-exit_code)
        return "killed" if number in _FROM_OUTSIDE else "error", f"ended by {number.name}"
    return "killed", f"ended with exit code {exit_code} and without a word"


def _size_and_time(path: Path) -> tuple[float, float]:
    try:
        found = path.stat()
    except OSError:
        return 0.0, 0.0
    return float(found.st_size), found.st_mtime
