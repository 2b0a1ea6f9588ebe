"""Stages that take as long as a file of the scene says, and write down how long that was."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bulk.job_options import JobOptions
from bulk.jobs import Job, StageName
from training import train_static as _loaded_as_the_real_stages_do  # noqa: F401

SECONDS = "seconds.json"
_TAKEN = "taken.json"


def _take(job: Job, options: JobOptions) -> Mapping[str, Any]:
    begun = time.perf_counter()
    seconds = json.loads((job.scene.folder / SECONDS).read_text())
    while time.perf_counter() - begun < seconds:
        torch.ones(64, 64) @ torch.ones(64, 64)
    with (job.root / _TAKEN).open("a") as file:
        file.write(f"{time.perf_counter() - begun}\n")
    return {}


STAGE_WORK: Mapping[StageName, Callable[[Job, JobOptions], Mapping[str, Any]]] = {
    "train": _take,
    "render": _take,
    "metrics": _take,
}


def seconds_in_stages(root: Path) -> float:
    """Of the jobs since the last call."""
    taken = root / _TAKEN
    total = sum(float(line) for line in taken.read_text().splitlines())
    taken.unlink()
    return total


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
