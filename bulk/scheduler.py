"""Jobs given to an engine until each has come to an end."""

import heapq
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from bulk.engines import Engine
from bulk.events import EventLog
from bulk.job_options import JobOptions
from bulk.jobs import Job, StageName
from bulk.leases import Holder, Lease, is_taken
from bulk.leftovers import remove_leftovers
from bulk.orders import NOT_ITS_FAULT, Outcome, WorkLimits, WorkOrder
from bulk.retries import RetryOptions, decisive, degrade, delay, is_last, next_level
from bulk.states import JobState
from core.errors import UserError
from core.memory import readable
from core.progress import say

_TURN_SECONDS = 0.5
_LOOK_AGAIN_SECONDS = 5.0
"""Before a job is looked at again that another process has."""


@dataclass(frozen=True)
class Request:
    """What is done to every job.

    Args:
        stages: in their order.
        options: of the run.
        digest: of these options.
        work: the module of the stages.
        limits: of the workers.
        retries: what follows a failure.
        when_full: what happens when the disk is full.
    """

    stages: tuple[StageName, ...]
    options: JobOptions
    digest: str
    work: str = "bulk.stages"
    limits: WorkLimits = WorkLimits()
    retries: RetryOptions = RetryOptions()
    when_full: Literal["wait", "stop"] = "wait"


@dataclass
class Tally:
    """Where a run stands.

    Args:
        total: jobs in all.
        done: that are done, whoever did them.
        before: of these, those that were done when the command began.
        failed: that are in quarantine.
        running: orders that the engine has, by the job's key.
        seconds: of the jobs that this command did.
        begun: when the command began, in seconds since 1970.
        remarks: what holds the run up; empty while nothing does.
    """

    total: int
    done: int = 0
    before: int = 0
    failed: int = 0
    running: dict[str, WorkOrder] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    begun: float = field(default_factory=time.time)
    remark: str = ""

    @property
    def left(self) -> int:
        """Jobs that have not come to an end."""
        return self.total - self.done - self.failed

    @property
    def eta_seconds(self) -> float | None:
        """Until all have, at the pace so far; None where nothing was done yet."""
        now_done = self.done - self.before
        return (time.time() - self.begun) / now_done * self.left if now_done else None


@runtime_checkable
class Display(Protocol):
    """Shows how a run goes."""

    def show(self, tally: Tally) -> None:
        """Called about twice a second."""
        ...

    def ended(self, job: Job, outcome: Outcome) -> None:
        """An attempt of this command has ended."""
        ...


class Scheduler:
    """One command's share in the work; others may do theirs at the same time, on the same jobs.

    Args:
        jobs: in the order in which they are begun.
        request: what is done to each.
        engine: where.
        events: told what happens.
        display: shown how it goes.
    """

    def __init__(
        self, jobs: Sequence[Job], request: Request, engine: Engine, events: EventLog, display: Display
    ) -> None:
        self.tally = Tally(len(jobs))
        self._jobs = {job.key: job for job in jobs}
        self._request = request
        self._engine = engine
        self._events = events
        self._display = display
        self._waiting = [(0.0, place, job.key) for place, job in enumerate(jobs)]  # sorted: a heap
        self._place = {job.key: place for place, job in enumerate(jobs)}
        self._blocked_until = 0.0

    def run(self) -> Tally:
        """Until every job is done or in quarantine.

        Raises:
            UserError: the disk is full and the request says to stop then, or a state cannot be written.
        """
        self._count_what_is_done()
        while self._waiting or self.tally.running:
            self._hand_out()
            for order, outcome in self._engine.wait(self._patience()):
                self._take_back(order, outcome)
            self._display.show(self.tally)
        return self.tally

    def _count_what_is_done(self) -> None:
        rest = [entry for entry in self._waiting if not self._has_ended(self._jobs[entry[2]])]
        self.tally.before = self.tally.done
        self._waiting = rest

    def _has_ended(self, job: Job) -> bool:
        """Whether a job needs no attempt; it is counted then."""
        state = JobState.of(job)
        if state.is_done(self._request.stages, self._request.digest):
            self.tally.done += 1
            return True
        if state.quarantine():
            self.tally.failed += 1
            return True
        return False

    def _patience(self) -> float:
        """Seconds to wait for the engine: no longer than until the next job may begin."""
        if self.tally.running or not self._waiting:
            return _TURN_SECONDS
        return min(_TURN_SECONDS, max(0.01, self._waiting[0][0] - time.time()))

    def _hand_out(self) -> None:
        slots, now = self._engine.slots, time.time()
        while self._waiting and self._waiting[0][0] <= now and len(self.tally.running) < slots:
            if self._is_disk_full():
                return
            _, _, key = heapq.heappop(self._waiting)
            job = self._jobs[key]
            if self._has_ended(job):
                continue
            state = JobState.of(job)
            if is_taken(state.lease, self._request.limits.stale_seconds):
                self._put_back(key, _LOOK_AGAIN_SECONDS)
                continue
            self._begin(job, self._level(state))

    def _level(self, state: JobState) -> int:
        """How much less is demanded; that of the training where there is none to make less demanding."""
        trained: int = state.done().get("level", 0)
        return max(next_level(state.failures()), trained) if "train" in self._request.stages else trained

    def _begin(self, job: Job, level: int) -> None:
        request = self._request
        order = WorkOrder(
            job,
            request.stages,
            degrade(request.options, level),
            request.digest,
            level=level,
            limits=request.limits,
            work=request.work,
        )
        self.tally.running[job.key] = order
        self._engine.submit(order)
        self._events.add("begun", job=job.key, level=level)

    def _take_back(self, order: WorkOrder, outcome: Outcome) -> None:
        job = order.job
        del self.tally.running[job.key]
        if outcome.ending == "busy":
            self._put_back(job.key, _LOOK_AGAIN_SECONDS)
            return
        facts = {"stage": outcome.stage, "reason": outcome.reason, "seconds": round(outcome.seconds, 2)}
        self._events.add(outcome.ending, job=job.key, pid=outcome.pid, level=order.level, **facts)
        self._display.ended(job, outcome)
        if outcome.ending == "done":
            self.tally.done += 1
            self.tally.seconds.append(outcome.seconds)
        elif outcome.ending in NOT_ITS_FAULT:
            if outcome.ending == "disk":
                self._hold_up(outcome.reason)
            self._put_back(job.key, self._request.retries.backoff_seconds)
        else:
            self._count_failure(order, outcome)

    def _count_failure(self, order: WorkOrder, outcome: Outcome) -> None:
        state, retries = JobState.of(order.job), self._request.retries
        state.add_failure(outcome, order.level)
        failures = state.failures()
        if is_last(failures, retries):
            state.put_into_quarantine(decisive(failures))
            self._tidy(order.job)
            self.tally.failed += 1
            self._events.add("quarantined", job=order.job.key, failures=len(failures))
        else:
            self._put_back(order.job.key, delay(len(failures), retries))

    def _tidy(self, job: Job) -> None:
        """No other worker will come and remove what the last one was writing when it was ended."""
        lease = Lease.take(JobState.of(job).lease, Holder.here(), self._request.limits.stale_seconds)
        if lease is not None:  # else somebody is at it, and has done so
            try:
                remove_leftovers(job.folder)
                JobState.of(job).tidy()
            finally:
                lease.give_back()

    def _put_back(self, key: str, seconds: float) -> None:
        heapq.heappush(self._waiting, (time.time() + seconds, self._place[key], key))

    def _is_disk_full(self) -> bool:
        """Whether nothing may begin now.

        Raises:
            UserError: it is, and we are not to wait.
        """
        if time.time() < self._blocked_until:
            return True
        root, least = next(iter(self._jobs.values())).root, self._request.limits.min_free_bytes
        free = shutil.disk_usage(root).free
        if free >= least:
            self.tally.remark = ""
            return False
        self._hold_up(
            f"{readable(free)} are free in {root} and {readable(least)} shall stay so; free some space, or "
            "lower --min-free-gb"
        )
        return True

    def _hold_up(self, reason: str) -> None:
        if self._request.when_full == "stop":
            raise UserError(f"{reason}; {self.tally.left} jobs are left, the same command goes on with them")
        if not self.tally.remark:
            say(f"waiting: {reason}")
            self._events.add("waiting", reason=reason)
        self.tally.remark = reason
        self._blocked_until = time.time() + min(_LOOK_AGAIN_SECONDS, self._request.retries.backoff_seconds)
