"""The stages of every job, each with an audit.

The module has what `bulk.stages` has, and a run takes it by its name. Its disk is full while a file FULL lies
in the folder of the data set, as a test cannot fill the disk that it shares.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bulk import stages
from bulk.job_options import JobOptions
from bulk.jobs import Job, StageName
from bulk.stages import describe, stage_inputs, stage_outputs, stage_traces
from bulk.states import JobState
from core.stages import Stage

__all__ = ["STAGE_WORK", "describe", "finish", "stage_inputs", "stage_outputs", "stage_traces"]

FULL = "FULL"
AUDIT = "audit.jsonl"


def _audited(stage: StageName, work: Callable[[Job, JobOptions], Mapping[str, Any]]) -> Any:
    def audited(job: Job, options: JobOptions) -> Mapping[str, Any]:
        marker = Stage(
            JobState.of(job).folder,
            stage,
            stage_inputs(job, stage, options),
            stage_outputs(job, stage, options),
        )
        _note(job, stage, "again" if marker.is_done() else "begin")
        result = work(job, options)
        _note(job, stage, "end")
        return result

    return audited


def _note(job: Job, stage: str, event: str) -> None:
    line = {"time": time.monotonic(), "job": job.key, "stage": stage, "event": event, "pid": os.getpid()}
    with (job.root / AUDIT).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


STAGE_WORK: Mapping[StageName, Callable[[Job, JobOptions], Mapping[str, Any]]] = {
    stage: _audited(stage, work) for stage, work in stages.STAGE_WORK.items()
}


def finish(root: Path, jobs: Sequence[Job]) -> None:
    stages.finish(root, jobs)


_disk_usage = shutil.disk_usage


def _small_disk(path: Path) -> Any:
    usage = _disk_usage(path)
    return usage._replace(free=0) if (Path(path) / FULL).exists() else usage


shutil.disk_usage = _small_disk
