"""What each stage does to a job."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bulk.job_options import JobOptions
from bulk.jobs import Job, StageName

STAGE_WORK: Mapping[StageName, Callable[[Job, JobOptions], Mapping[str, Any]]] = {}


def stage_inputs(job: Job, stage: StageName, options: JobOptions) -> Mapping[str, Any]:
    """All that a stage's result depends on."""
    return {}


def stage_outputs(job: Job, stage: StageName, options: JobOptions) -> tuple[Path, ...]:
    """What must be there when a stage is done."""
    return ()


def finish(root: Path, jobs: Sequence[Job]) -> None:
    """Write the files of the whole data set."""
