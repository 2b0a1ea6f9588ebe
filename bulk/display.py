"""How a run goes, for the person who waits: a live table in a terminal, else lines."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bulk.jobs import Job
from bulk.orders import Outcome, WorkOrder
from bulk.scheduler import Display, Tally
from bulk.states import JobState
from core.errors import UserError
from core.progress import say
from core.run_folder import RunFolder
from evaluation.report.markup import duration

_LINE_SECONDS = 60.0
_REFRESHES_A_SECOND = 2
_TAIL_BYTES = 4096


@contextmanager
def open_display() -> Iterator[Display]:
    """A table on stderr if that is a terminal, else lines."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    console = Console(stderr=True)
    with Live(console=console, refresh_per_second=_REFRESHES_A_SECOND, transient=True) as live:
        yield LiveTable(live)


class Lines:
    """A line for each attempt that ends, and one a minute that sums up."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def show(self, tally: Tally) -> None:
        """Sum up, once a minute."""
        if time.monotonic() - self._told >= _LINE_SECONDS:
            self._told = time.monotonic()
            say(summary(tally))

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Tell how an attempt ended."""
        say(sentence(job, outcome))


class LiveTable:
    """A row for each worker, and how far all are.

    Args:
        live: draws it.
    """

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, tally: Tally) -> None:
        """Draw it anew."""
        self._live.update(table(tally))

    def ended(self, job: Job, outcome: Outcome) -> None:
        """What went wrong stays above the table."""
        if outcome.ending != "done":
            self._live.console.print(Text(sentence(job, outcome)))


def sentence(job: Job, outcome: Outcome) -> str:
    """How an attempt ended."""
    stage = f" in {outcome.stage}" if outcome.stage else ""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{job.key}: {outcome.ending}{stage} after {duration(outcome.seconds)}{reason}"


def summary(tally: Tally) -> str:
    """How far all jobs are."""
    eta = tally.eta_seconds
    ahead = "" if eta is None or not tally.left else f", about {duration(eta)} to go"
    held = f"; waiting: {tally.remark}" if tally.remark else ""
    counts = f"{tally.done} done, {tally.failed} failed, {tally.left} left ({len(tally.running)} at work)"
    return f"{counts}{ahead}{held}"


def table(tally: Tally) -> Group:
    """All of it, for a terminal."""
    rows = Table(box=None, pad_edge=False, expand=True)
    for column in ("scene", "stage", "iteration", "stage since", "device"):
        rows.add_column(column, overflow="ellipsis", no_wrap=True, ratio=3 if column == "scene" else 1)
    for key, order in sorted(tally.running.items()):
        rows.add_row(key, *glimpse(order))
    bar = ProgressBar(total=max(1, tally.total), completed=tally.done + tally.failed)
    return Group(rows, bar, Text(summary(tally)))


def glimpse(order: WorkOrder) -> tuple[str, str, str, str]:
    """Stage, iteration, time in the stage and device of a job that is at work."""
    status: dict[str, object] = {}
    with suppress(UserError):  # a file that is looked at while its machine is lost
        status = JobState.of(order.job).status()
    if not isinstance(since := status.get("since"), float):
        return "begins", "", "", ""
    stage, device = str(status.get("stage", "")), str(status.get("device", ""))
    spent = max(0.0, time.time() - since)
    step = last_step(RunFolder(order.job.folder).log) if stage == "train" else None
    if step is None:
        return stage, "", duration(spent), device
    total = order.options.iterations
    left = duration(spent / step * (total - step)) if step else "?"
    return stage, f"{step:,} of {total:,}", f"{duration(spent)}, {left} to go", device


def last_step(log: Path) -> int | None:
    """The step of the last whole line of a training's log; None where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        with suppress(ValueError, KeyError, TypeError):  # cut off
            return int(json.loads(line)["step"])
    return None
