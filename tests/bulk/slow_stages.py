"""Stages that sleep, die, or say something now and then: `train` does what the scene's name says."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bulk.job_options import JobOptions
from bulk.jobs import Job, StageName
from core.progress import say


def _train(job: Job, options: JobOptions) -> Mapping[str, Any]:
    if job.scene.name == "sleeps":
        time.sleep(60)
    if job.scene.name == "talks":
        for second in range(600):
            say(str(second))
            time.sleep(0.1)
    if job.scene.name == "crashes":
        os.kill(os.getpid(), signal.SIGABRT)
    if job.scene.name == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    return {"device": os.environ.get("CUDA_VISIBLE_DEVICES", "")}


STAGE_WORK: Mapping[StageName, Callable[[Job, JobOptions], Mapping[str, Any]]] = {"train": _train}


def stage_inputs(job: Job, stage: StageName, options: JobOptions) -> Mapping[str, Any]:
    return {"scene": job.scene.name}


def stage_outputs(job: Job, stage: StageName, options: JobOptions) -> tuple[Path, ...]:
    return ()


def stage_traces(job: Job, stage: StageName, options: JobOptions) -> tuple[Path, ...]:
    return ()


def describe(job: Job, options: JobOptions) -> None:
    """There is nothing to say."""


def finish(root: Path, jobs: Sequence[Job]) -> None:
    """There is nothing to write."""
