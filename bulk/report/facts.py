"""The numbers of a run, from the states of its jobs."""

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bulk.jobs import Job
from bulk.leases import holder_of
from bulk.scheduler import Request, Tally
from bulk.states import JobState
from core import environment


def gather(jobs: Sequence[Job], request: Request, tally: Tally) -> dict[str, Any]:
    """Everything that a report tells, as JSON values.

    Returns:
        `counts` of jobs, `throughput`, `stage_seconds` (medians), `jobs` that are done with their scores
        (the worst first), `failures` and `at_work`.

    Raises:
        UserError: a state is broken.
    """
    done, failures, at_work = [], [], []
    for job in jobs:
        state = JobState.of(job)
        if state.is_done(request.stages, request.digest):
            done.append(_done(job, state.done()))
        elif quarantine := state.quarantine():
            failures.append(_failure(job, quarantine, "quarantined"))
        elif (holder := holder_of(state.lease, request.limits.stale_seconds)) is not None:
            at_work.append({"job": job.key, "host": holder.host, "pid": holder.pid, "device": holder.device})
        elif failed := state.failures():
            failures.append(_failure(job, {**failed[-1], "failures": len(failed)}, "failed"))
    done.sort(key=_badness)
    return {
        "time": time.strftime("%Y-%m-%d %H:%M:%S"),
        "environment": environment.describe(),
        "stages": list(request.stages),
        "counts": _counts(len(jobs), done, failures, at_work),
        "throughput": _throughput(tally),
        "stage_seconds": _stage_seconds(done),
        "jobs": done,
        "failures": failures,
        "at_work": at_work,
    }


def psnr_of(done: Mapping[str, Any]) -> float | None:
    """The PSNR of a job's held-out views in dB; None where it was not measured."""
    return done["scores"].get("psnr")


def _done(job: Job, ended: Mapping[str, Any]) -> dict[str, Any]:
    stages: Mapping[str, Mapping[str, Any]] = ended["stages"]
    measured = stages.get("metrics", {}).get("result", {})
    scores = {name.lower(): value for name, value in measured.items() if isinstance(value, int | float)}
    verdict = stages.get("validate", {}).get("result", {})
    seconds = {name: stage.get("seconds", 0.0) for name, stage in stages.items()}
    return {
        "job": job.key,
        "scores": scores,
        "validate": dict(verdict),
        "seconds": seconds,
        "level": ended.get("level", 0),
    }


def _failure(job: Job, outcome: Mapping[str, Any], state: str) -> dict[str, Any]:
    told = {name: outcome[name] for name in ("stage", "ending", "reason", "failures")}
    return {"job": job.key, "state": state, **told, "log": str(JobState.of(job).log)}


def _badness(done: Mapping[str, Any]) -> tuple[float, str]:
    psnr = psnr_of(done)
    return (float("inf") if psnr is None else psnr, done["job"])


def _counts(
    total: int, done: Sequence[Mapping[str, Any]], failures: Sequence[object], at_work: Sequence[object]
) -> dict[str, int]:
    ended = len(done) + len(failures)
    degraded = sum(each["level"] > 0 for each in done)
    return {
        "total": total,
        "done": len(done),
        "degraded": degraded,
        "failed": len(failures),
        "left": total - ended,
        "at_work": len(at_work),
    }


def _throughput(tally: Tally) -> dict[str, float | None]:
    """Of the command that writes the report."""
    elapsed, done = time.time() - tally.begun, tally.done - tally.before
    return {
        "elapsed_seconds": elapsed,
        "jobs_per_hour": 3600 * done / elapsed if done else None,
        "seconds_per_job": statistics.mean(tally.seconds) if tally.seconds else None,
        "eta_seconds": tally.eta_seconds if tally.left else 0.0,
    }


def _stage_seconds(done: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for each in done:
        for stage, value in each["seconds"].items():
            seconds[stage].append(value)
    return {stage: statistics.median(values) for stage, values in seconds.items()}
