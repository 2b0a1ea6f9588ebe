"""How far each job is, in files that every machine sees.

    pending -> leased -> done
                      -> failed (n, reason) -> leased ... -> quarantined

All of it lies in `.bulk/` of the data set's folder, so that what users get is free of it:

    run.json                  what the run was asked for; the same for every command that goes on with it
    jobs/KEY/lease/           who works on the job (bulk/leases.py)
    jobs/KEY/status.json      which stage that process is in
    jobs/KEY/stages/STAGE     its completion marker (core/stages.py): what it was made from
    jobs/KEY/results/STAGE    what it returned
    jobs/KEY/failures/        one file for each
    jobs/KEY/done.json        the stages that are done, and how
    jobs/KEY/quarantined.json why it is not tried again
    jobs/KEY/log.txt          all that its workers said
    events/                   one log of JSON lines for each command

Whether a stage is done is said by its completion marker, for which one has to know what the stage is made
from; all else can be read at a glance.
"""

import itertools
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bulk.jobs import Job
from bulk.leases import is_taken
from bulk.leftovers import leftovers
from bulk.orders import Outcome
from core.errors import UserError
from core.files import read_json, write_json
from core.folders import remove
from core.serialization import config_to_json

HOME = ".bulk"
"""The folder of states, in that of the data set."""

StateName = Literal["pending", "leased", "done", "failed", "quarantined"]

_count = itertools.count()


@dataclass(frozen=True)
class JobState:
    """Where the state of a job lies. Making one touches nothing.

    Args:
        folder: of the job's state.
        outputs: folder of what the job makes for users.
    """

    folder: Path
    outputs: Path

    @classmethod
    def of(cls, job: Job) -> "JobState":
        """That of a job."""
        return cls(job.root / HOME / "jobs" / job.key, job.folder)

    @property
    def lease(self) -> Path:
        """The folder that its lease is about."""
        return self.folder / "lease"

    @property
    def log(self) -> Path:
        """All that its workers said."""
        return self.folder / "log.txt"

    @property
    def status_file(self) -> Path:
        """The stage that is being done."""
        return self.folder / "status.json"

    @property
    def quarantine_file(self) -> Path:
        """There while the job is in quarantine."""
        return self.folder / "quarantined.json"

    @property
    def done_file(self) -> Path:
        """There when the job has come to an end."""
        return self.folder / "done.json"

    @property
    def _failures(self) -> Path:
        return self.folder / "failures"

    def result_file(self, stage: str) -> Path:
        """What a stage returned."""
        return self.folder / "results" / f"{stage}.json"

    def status(self) -> dict[str, Any]:
        """What is being done: stage, since when, by whom; empty where nothing was begun.

        Raises:
            UserError: the file is broken.
        """
        return read_object(self.status_file)

    def done(self) -> dict[str, Any]:
        """How the job ended: `request`, `level`, `has_folder`, and `stages`: for each its seconds and result.

        Raises:
            UserError: the file is broken.
        """
        return read_object(self.done_file)

    def is_done(self, stages: Sequence[str], request: str) -> bool:
        """Whether these stages have ended well, asked for by a run with these options.

        A user may have removed the folder since. Of what was in it nothing is looked at: there are ten
        thousands of jobs.

        Raises:
            UserError: the file is broken.
        """
        done = self.done()
        asked_for = done.get("request") == request and set(stages) <= set(done.get("stages", {}))
        return asked_for and (self.outputs.is_dir() or not done.get("has_folder", True))

    def quarantine(self) -> dict[str, Any]:
        """Why the job is not tried again: `stage`, `ending`, `reason`; empty where it is.

        Raises:
            UserError: the file is broken.
        """
        return read_object(self.quarantine_file)

    def put_into_quarantine(self, failure: Mapping[str, Any]) -> None:
        """Do not try it again until a user says so.

        Args:
            failure: the one that says why, as `failures` has it.

        Raises:
            UserError: the file cannot be written.
        """
        write_json(self.quarantine_file, {**failure, "failures": len(self.failures())})

    def tidy(self) -> None:
        """Remove what killed workers were writing here. Only who has the lease may: no worker writes then.

        Commands write without a lease, so what they were writing stays.

        Raises:
            UserError: a file cannot be removed.
        """
        for path in leftovers(self.folder):
            of_a_command = path.parent == self._failures or path.name.startswith(
                f".{self.quarantine_file.stem}."
            )
            if not of_a_command:
                remove(path)

    def failures(self) -> list[dict[str, Any]]:
        """All failed attempts since the job last ended well, the oldest first: outcomes, with `level`.

        Raises:
            UserError: a file is broken.
        """
        return [read_object(path) for path in sorted(self._failures.glob("*.json"))]

    def add_failure(self, outcome: Outcome, level: int) -> None:
        """Remember a failed attempt. Several machines may do so at a time.

        Raises:
            UserError: the file cannot be written.
        """
        name = f"{time.time_ns():020d}-{platform.node()}-{os.getpid()}-{next(_count)}.json"
        record = {**config_to_json(outcome), "level": level, "host": platform.node(), "time": time.time()}
        write_json(self._failures / name, record)

    def forget(self, *, failures_only: bool = False) -> None:
        """Let the job be as new; whoever has its lease keeps it.

        Args:
            failures_only: keep what has been done.

        Raises:
            UserError: a file cannot be removed.
        """
        remove(self._failures)
        remove(self.quarantine_file)  # last: without it, failures that are left would lead there at once
        if not failures_only:
            for path in (self.done_file, self.status_file):
                remove(path)
            for name in ("results", "stages"):
                remove(self.folder / name)


@dataclass(frozen=True)
class StageState:
    """How far a stage of a job is.

    Args:
        name: of the state.
        failures: so far.
        reason: of the last failure, or who has the lease.
    """

    name: StateName
    failures: int = 0
    reason: str = ""


def stage_states(
    job: Job, stages: Sequence[str], request: str, stale_seconds: float
) -> dict[str, StageState]:
    """How far the stages of a job are, by name.

    Args:
        job: which.
        stages: in their order.
        request: digest of the run's options.
        stale_seconds: see `bulk.leases`.

    Raises:
        UserError: a file is broken.
    """
    state = JobState.of(job)
    if state.is_done(stages, request):
        return dict.fromkeys(stages, StageState("done"))
    failures, quarantine = state.failures(), state.quarantine()
    leased = is_taken(state.lease, stale_seconds)
    current = state.status().get("stage", "") if leased else failures[-1]["stage"] if failures else ""
    at = list(stages).index(current) if current in stages else 0
    here = StageState("pending", len(failures), failures[-1]["reason"] if failures else "")
    if leased:
        here = StageState("leased", len(failures))
    elif quarantine:
        here = StageState("quarantined", len(failures), quarantine["reason"])
    elif failures:
        here = StageState("failed", len(failures), here.reason)
    before = {stage: StageState("done") for stage in stages[:at]}
    return {**before, stages[at]: here, **dict.fromkeys(stages[at + 1 :], StageState("pending"))}


def read_object(path: Path) -> dict[str, Any]:
    """What a JSON file holds; empty if there is none.

    Raises:
        UserError: it holds no object.
    """
    if not path.exists():
        return {}
    value = read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path} does not describe a state of a job; remove it to do the job anew")
    return value
