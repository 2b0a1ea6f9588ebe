"""One attempt at one job, in a process of its own: lease, check, stages, answer.

`python -m bulk.worker` reads an order (bulk/orders.py) from stdin and writes the outcome to stdout; a run
starts workers through bulk/supervision.py.
"""

import ctypes
import importlib
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, cast, runtime_checkable

from bulk.heartbeat import Heartbeat
from bulk.jobs import Job, StageName
from bulk.leases import Holder, Lease
from bulk.leftovers import remove_leftovers
from bulk.orders import Outcome, WorkOrder
from bulk.readiness import check_ready
from bulk.states import JobState, read_object
from core.errors import UserError
from core.files import write_json
from core.folders import remove
from core.memory import readable
from core.progress import say
from core.stages import Stage, run_stage

CHECK = "check"
"""What a job does first: look whether its scene can be used at all."""

_EVERY_TIME: tuple[StageName, ...] = ("partition_fix", "clean")
"""Stages that are never done once and for all: they look at what is there."""

_PR_SET_PDEATHSIG = 1


@runtime_checkable
class StageSet(Protocol):
    """What a module of stages has."""

    STAGE_WORK: Mapping[StageName, Callable[[Job, Any], Mapping[str, Any]]]

    def stage_inputs(self, job: Job, stage: StageName, options: Any) -> Mapping[str, Any]:
        """All that a stage's result depends on."""
        ...

    def stage_outputs(self, job: Job, stage: StageName, options: Any) -> tuple[Path, ...]:
        """What must be there when a stage is done."""
        ...

    def stage_traces(self, job: Job, stage: StageName, options: Any) -> tuple[Path, ...]:
        """What is removed before a stage is done from other inputs."""
        ...

    def describe(self, job: Job, options: Any) -> None:
        """Write down what is said of the scene, for which no stage has to be done anew."""
        ...


class DiskFullError(UserError):
    """Too little of the disk is free for a stage to begin."""


def work_on(order: WorkOrder) -> Outcome:
    """Do what an order says, unless another process does it.

    Args:
        order: the order; its device is taken as the one that this process is on.

    Returns:
        How it ended. What is wrong with the job is no exception here.
    """
    state, begun = JobState.of(order.job), time.perf_counter()
    try:
        lease = Lease.take(state.lease, Holder.here(order.device.label), order.limits.stale_seconds)
    except UserError as error:
        return Outcome("disk", reason=str(error), pid=os.getpid())
    if lease is None:
        return Outcome("busy", pid=os.getpid())
    attempt = _Attempt(order, state, lease)
    try:
        with Heartbeat(lease, order.limits):
            ending, reason = attempt.run()
    finally:
        lease.give_back()
    return Outcome(ending, attempt.stage, reason, time.perf_counter() - begun, os.getpid())


class _Attempt:
    """An attempt that has the job's lease.

    Args:
        order: the order.
        state: of the job.
        lease: of the job.
    """

    def __init__(self, order: WorkOrder, state: JobState, lease: Lease) -> None:
        self.order = order
        self.state = state
        self.lease = lease
        self.stage = ""

    def run(self) -> tuple[Any, str]:
        """How it ended, and why, if not well."""
        try:
            self._do_all()
        except DiskFullError as error:
            return "disk", str(error)
        except UserError as error:
            return "input" if self.stage == CHECK else "error", str(error)
        except MemoryError as error:
            return "memory", _told(error)
        except (KeyboardInterrupt, SystemExit):
            return "stopped", "asked to stop"
        except Exception as error:
            traceback.print_exc()
            return "memory" if type(error).__name__ == "OutOfMemoryError" else "error", _told(error)
        return "done", ""

    def _do_all(self) -> None:
        stages = cast(StageSet, importlib.import_module(self.order.work))
        job = self.order.job
        if self.state.is_done(self.order.stages, self.order.request):
            return  # another command was faster
        remove_leftovers(job.folder)
        self.state.tidy()
        facts: Mapping[str, Any] = {}
        if self.order.stages != ("clean",):
            self.stage = CHECK
            self._tell(CHECK)
            facts = vars(check_ready(job, self.order.options.ready))
        done: dict[str, Any] = {}
        for stage in self.order.stages:
            self.stage = stage
            self._check_disk()
            self._tell(stage)
            done[stage] = self._do(stages, stage)
            if not self.lease.is_ours:
                raise KeyboardInterrupt  # the heartbeat is about to end this process
        self.stage = ""
        stages.describe(job, self.order.options)
        self._end({**self._still_done(stages), **done}, facts)

    def _do(self, stages: StageSet, stage: StageName) -> dict[str, Any]:
        """Do a stage unless it is done; returns how long that took, and what it returned."""
        job, options = self.order.job, self.order.options
        outputs = stages.stage_outputs(job, stage, options)
        result_file, begun = self.state.result_file(stage), time.perf_counter()

        def work() -> None:
            result = stages.STAGE_WORK[stage](job, options)
            missing = [path.name for path in outputs if not path.exists()]
            if missing:
                raise RuntimeError(f"{stage} ended without {', '.join(missing)}")
            write_json(result_file, {"result": dict(result), "seconds": time.perf_counter() - begun})

        def clean() -> None:
            for path in stages.stage_traces(job, stage, options):
                remove(path)

        if stage in _EVERY_TIME:
            work()
        else:
            run_stage(self._marked(stages, stage), work, clean)
        return read_object(result_file)

    def _still_done(self, stages: StageSet) -> dict[str, Any]:
        """What earlier orders did, as far as it is made from the same and still there."""
        return {
            stage: told
            for stage, told in self.state.done().get("stages", {}).items()
            if stage in stages.STAGE_WORK and self._marked(stages, stage).is_done()
        }

    def _marked(self, stages: StageSet, stage: StageName) -> Stage:
        """A stage as its completion marker knows it."""
        job, options = self.order.job, self.order.options
        inputs = stages.stage_inputs(job, stage, options)
        return Stage(self.state.folder, stage, inputs, stages.stage_outputs(job, stage, options))

    def _end(self, done: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        if "clean" in self.order.stages:
            self.state.forget()
            return
        order = self.order
        ended = {"request": order.request, "level": order.level, "stages": dict(done), "facts": dict(facts)}
        has_folder = order.job.folder.is_dir()  # not where partition_fix had to delete it
        write_json(self.state.done_file, {**ended, "has_folder": has_folder, "time": time.time()})
        self.state.forget(failures_only=True)

    def _tell(self, stage: str) -> None:
        say(f"[{time.strftime('%Y-%m-%d %H:%M:%S')}] {self.order.job.key}: {stage}")
        where = {"pid": os.getpid(), "device": self.order.device.label}
        write_json(self.state.status_file, {"stage": stage, "since": time.time(), **where})

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.order.job.root).free
        least = self.order.limits.min_free_bytes
        if free < least:
            raise DiskFullError(
                f"{readable(free)} are free in {self.order.job.root} and {readable(least)} shall stay so; "
                "free some space, or lower --min-free-gb"
            )


def settle(order: WorkOrder, log: Path | None = None) -> None:
    """Make this process a worker: its own group, the order's device, the end of its parent noticed.

    Args:
        order: what it is going to do.
        log: file that all output goes to, appended; None = it stays where it is.
    """
    if os.getpgrp() != os.getpid():
        os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, _stop)
    device = order.device
    if device.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device.gpu
    if device.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, device.cores)
    if device.threads:
        os.environ["OMP_NUM_THREADS"] = str(device.threads)  # for the programs that a stage starts
        import torch  # noqa: PLC0415 - a moment where it is loaded already, and else it is needed in any case

        torch.set_num_threads(device.threads)
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab", buffering=0) as file:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
                os.dup2(file.fileno(), stream.fileno())


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _told(error: BaseException) -> str:
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0]}" if first else type(error).__name__


def main() -> int:
    """Read an order, do it, write the outcome; returns the exit code: 0 if it is done."""
    order = WorkOrder.from_json(sys.stdin.read())
    settle(order)
    outcome = work_on(order)
    sys.stdout.write(outcome.to_json() + "\n")
    return 0 if outcome.ending == "done" else 1


if __name__ == "__main__":
    sys.exit(main())
