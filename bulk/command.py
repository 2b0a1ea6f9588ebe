"""What `dataset_generation.py` does: plan, hand out, report."""

import importlib
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Literal

from bulk.captions import read_captions
from bulk.display import open_display
from bulk.engines import Engine
from bulk.engines.choice import EngineOptions, open_engine
from bulk.estimates import estimate
from bulk.events import EventLog
from bulk.job_options import JobOptions
from bulk.jobs import DatasetName, Job, StageName
from bulk.orders import WorkLimits
from bulk.planning import Selection, check_stages, claim, digest_of, plan
from bulk.report import write_reports
from bulk.retries import RetryOptions
from bulk.scheduler import Request, Scheduler, Tally
from bulk.states import JobState, stage_states
from core.folders import nearest_existing
from core.memory import readable
from core.progress import say

EXIT_SOME_FAILED = 3


@dataclass(frozen=True)
class LimitOptions:
    """When something is given up."""

    stall_minutes: float = 30.0
    """Without progress, after which a worker is ended and its job counts as failed."""
    stage_hours: float = 8.0
    """That a stage of a job may take."""
    min_free_gb: float = 5.0
    """Free space of the disk, below which no stage begins."""
    when_full: Literal["wait", "stop"] = "wait"
    """What to do below it: wait until there is space, or stop."""
    heartbeat_seconds: float = 10.0
    """Between two signs of life of a worker."""
    stale_seconds: float = 120.0
    """Without a sign of life, after which another machine may take a job over."""

    def __post_init__(self) -> None:
        if not 0 < 3 * self.heartbeat_seconds <= self.stale_seconds:
            raise ValueError(
                f"stale_seconds: at least three heartbeats of {self.heartbeat_seconds} s were expected, got "
                f"{self.stale_seconds}"
            )

    def for_workers(self) -> WorkLimits:
        """In the units of `WorkLimits`."""
        return WorkLimits(
            beat_seconds=self.heartbeat_seconds,
            stale_seconds=self.stale_seconds,
            stall_seconds=60 * self.stall_minutes,
            stage_seconds=3600 * self.stage_hours,
            min_free_bytes=round(1e9 * self.min_free_gb),
        )


@dataclass(frozen=True)
class DatasetGeneration:
    """Make a data set of many captures: each is trained, rendered and scored at each split, whatever happens.

    Repeated, the command goes on where it was; started on several machines that share the folders, they share
    the work. The exit code is 0 when all is done and 3 when some jobs have failed.
    """

    dataset: DatasetName
    """Whose rules the scenes follow: dl3dv, mipnerf360, colmap (any COLMAP folders) or video (raw videos)."""
    dataset_root: Path
    """The folder of all captures."""
    output_dir: Path
    """The folder of the data set that is made. The same command goes on with what is there."""
    selection: Selection = Selection()
    """Which scenes, and how their views are divided."""
    stages: tuple[StageName, ...] = ("train", "render", "visibility", "depth", "metrics")
    """What is done to each, in this order."""
    dry_run: bool = False
    """List the jobs and what they will take, and do nothing."""
    engine: EngineOptions = EngineOptions()
    """Where the work is done."""
    limits: LimitOptions = LimitOptions()
    """When something is given up."""
    retries: RetryOptions = RetryOptions()
    """What follows a failure."""
    options: JobOptions = JobOptions()
    """How each job is done."""


def generate(
    command: DatasetGeneration, tell: Callable[[str], object] = say, work: str = "bulk.stages"
) -> int:
    """Run the command.

    Args:
        command: what was asked for.
        tell: takes the lines of a dry run.
        work: the module that has the stages.

    Returns:
        The exit code: 0 when all is done, 3 when some jobs have failed.

    Raises:
        UserError: the command makes no sense, or a disk, a cluster or a state cannot be used.
    """
    check_stages(command.stages, command.options.yes)
    command = _settled(command)
    jobs = plan(command.dataset, command.dataset_root, command.output_dir, command.selection)
    if command.dry_run:
        _tell_plan(jobs, command, tell)
        return 0
    if not jobs:
        say("every job exists already")
        return 0
    root = command.output_dir
    digest = claim(root, command.dataset, command.options, command.selection.images)
    request = Request(
        command.stages,
        command.options,
        digest,
        work,
        command.limits.for_workers(),
        command.retries,
        command.limits.when_full,
    )
    _tell_estimate(jobs, command, digest)
    if command.retries.retry_quarantined or command.stages == ("clean",):
        for job in jobs:
            if (state := JobState.of(job)).quarantine():
                state.forget(failures_only=True)
    with open_engine(command.engine, root) as engine:
        tally = run(jobs, request, engine, root)
    return EXIT_SOME_FAILED if tally.failed else 0


def run(jobs: Sequence[Job], request: Request, engine: Engine, root: Path) -> Tally:
    """Do all jobs, and leave the reports, however it ends.

    Args:
        jobs: which.
        request: what is done to each.
        engine: where; it is stopped at the end.
        root: the folder of the data set.

    Raises:
        UserError: a disk or a state cannot be used.
        KeyboardInterrupt: asked to stop; what was done is kept.
    """
    events = EventLog(root)
    events.add("command", jobs=len(jobs), stages=request.stages)
    with ExitStack() as stack:
        display = stack.enter_context(open_display())
        scheduler = Scheduler(jobs, request, engine, events, display)
        stack.callback(_report, jobs, request, scheduler.tally, root)
        stack.callback(engine.stop)
        with _termination_as_interrupt():
            scheduler.run()
    events.add("end", done=scheduler.tally.done, failed=scheduler.tally.failed)
    return scheduler.tally


def _report(jobs: Sequence[Job], request: Request, tally: Tally, root: Path) -> None:
    done = [job for job in jobs if JobState.of(job).is_done(request.stages, request.digest)]
    importlib.import_module(request.work).finish(root, done)
    report = write_reports(root, jobs, request, tally)
    failed = f", {tally.failed} failed" if tally.failed else ""
    left = f", {tally.left} left: the same command goes on with them" if tally.left else ""
    say(f"{tally.done} of {tally.total} jobs are done{failed}{left}; see {report}")


def _tell_plan(jobs: Sequence[Job], command: DatasetGeneration, tell: Callable[[str], object]) -> None:
    digest, stale = digest_of(command.options), command.limits.stale_seconds
    for job in jobs:
        states = stage_states(job, command.stages, digest, stale)
        told = " ".join(f"{stage}:{state.name}" for stage, state in states.items())
        tell(f"{job.key}\t{told}\t{job.scene.folder} -> {job.folder}")
    _tell_estimate(jobs, command, digest)


def _tell_estimate(jobs: Sequence[Job], command: DatasetGeneration, digest: str) -> None:
    left = [job for job in jobs if not JobState.of(job).is_done(command.stages, digest)]
    expected, root = estimate(left, command.stages, command.options), command.output_dir
    free = shutil.disk_usage(nearest_existing(root)).free
    done = f", and {len(jobs) - len(left)} are done" if len(left) < len(jobs) else ""
    say(
        f"{len(left)} jobs: about {readable(expected.bytes)} in {root}, {readable(free)} are free; "
        f"about {expected.seconds / 3600:.1f} hours of one worker{done}"
    )


def _settled(command: DatasetGeneration) -> DatasetGeneration:
    """The command with paths that workers elsewhere find, too.

    Raises:
        UserError: the captions cannot be read: told here, it costs no training.
    """
    options = command.options
    if options.captions is not None:
        read_captions(options.captions)
        options = replace(options, captions=options.captions.absolute())
    return replace(command, output_dir=command.output_dir.absolute(), options=options)


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the command as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
