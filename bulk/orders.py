"""What is asked of a worker, and what it answers: plain values that pass between processes and machines."""

import json
from dataclasses import dataclass
from typing import Literal, TypeVar

from bulk.job_options import JobOptions
from bulk.jobs import Job, StageName
from core.serialization import config_from_json, config_to_json

_MessageT = TypeVar("_MessageT")

Ending = Literal[
    "done", "busy", "input", "memory", "error", "killed", "stalled", "timeout", "disk", "stopped", "lost"
]
"""How an attempt ended.

`done`: every stage is. `busy`: another process has the job. `input`: the scene cannot be used as it is.
`memory`: it did not suffice. `error`: any other exception. `killed`: ended by force from outside.
`stalled`: no progress for too long. `timeout`: a stage took too long. `disk`: too little is free. `stopped`:
we were asked to. `lost`: the machine was.
"""

NOT_ITS_FAULT: frozenset[Ending] = frozenset({"busy", "disk", "stopped", "lost"})
"""Endings that say nothing about the job: it is given out again, however often."""


@dataclass(frozen=True)
class Device:
    """Where a job computes.

    Args:
        gpu: UUID of a GPU, or several with commas between; empty = none; None = as the process finds it.
        cores: numbers of the processor's cores to stay on; empty = any.
        threads: of torch and of the kernels; 0 = as they choose.
    """

    gpu: str | None = None
    cores: tuple[int, ...] = ()
    threads: int = 0

    @property
    def label(self) -> str:
        """For people."""
        if self.gpu:
            return self.gpu[:12]
        if not self.cores:
            return "any core"
        first, last = self.cores[0], self.cores[-1]
        return f"core {first}" if first == last else f"cores {first}-{last}"


@dataclass(frozen=True)
class WorkLimits:
    """When something is given up, in seconds and bytes.

    Args:
        beat_seconds: between two signs of life of a worker.
        stale_seconds: without a sign of life, after which others may take its job.
        stall_seconds: without progress, after which a worker is ended.
        stage_seconds: that a stage may take.
        grace_seconds: between the request to end and the end by force.
        min_free_bytes: of the disk, below which no stage begins.
    """

    beat_seconds: float = 10.0
    stale_seconds: float = 120.0
    stall_seconds: float = 1800.0
    stage_seconds: float = 8 * 3600.0
    grace_seconds: float = 20.0
    min_free_bytes: int = 0


class _Message:
    """A dataclass that passes between processes as text."""

    def to_json(self) -> str:
        """As text."""
        return json.dumps(config_to_json(self))

    @classmethod
    def from_json(cls: type[_MessageT], text: str) -> _MessageT:
        """What `to_json` wrote.

        Raises:
            UserError: it did not.
        """
        return config_from_json(cls, json.loads(text))


@dataclass(frozen=True)
class WorkOrder(_Message):
    """One attempt at one job.

    Args:
        job: which.
        stages: to be done, in this order.
        options: how; those of the run, made less demanding by `level`.
        request: digest of the run's own options.
        level: how much less is demanded than was asked for; see `bulk.retries.degrade`.
        limits: when to give up.
        device: where it computes.
        work: the module that has what `bulk.worker.StageSet` names.
    """

    job: Job
    stages: tuple[StageName, ...]
    options: JobOptions
    request: str
    level: int = 0
    limits: WorkLimits = WorkLimits()
    device: Device = Device()
    work: str = "bulk.stages"


@dataclass(frozen=True)
class Outcome(_Message):
    """How an attempt ended.

    Args:
        ending: in a word.
        stage: that it ended in; empty where that is before or after them all.
        reason: in a sentence; empty where all went well.
        seconds: it took.
        pid: of the worker; 0 where none was begun.
    """

    ending: Ending
    stage: str = ""
    reason: str = ""
    seconds: float = 0.0
    pid: int = 0
