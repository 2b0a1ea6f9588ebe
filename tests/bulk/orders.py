"""Orders for tests: audited stages on tiny captures."""

from dataclasses import replace
from pathlib import Path

from bulk.job_options import JobOptions
from bulk.jobs import Job, SceneSource, StageName
from bulk.orders import WorkLimits, WorkOrder
from tests.bulk import audited_stages
from tests.bulk.scenes import IMAGES, LENIENT

ITERATIONS = 20
STAGES: tuple[StageName, ...] = ("train", "render", "metrics")
LIMITS = WorkLimits(beat_seconds=0.2, stale_seconds=3.0, grace_seconds=10.0)
OPTIONS = JobOptions(iterations=ITERATIONS, ready=LENIENT)


def job(captures: Path, out: Path, name: str = "a", split: float = 0.5) -> Job:
    """A job on a capture that `write_root` wrote, or on none."""
    return Job(SceneSource(name, "1K", captures / "1K" / name, IMAGES, "dl3dv"), split, out)


def order(what: Job, stages: tuple[StageName, ...] = STAGES, **limits: float) -> WorkOrder:
    """An order with patience for little."""
    return WorkOrder(
        what, stages, OPTIONS, "digest", limits=replace(LIMITS, **limits), work=audited_stages.__name__
    )
