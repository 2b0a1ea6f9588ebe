"""What bulk runs cost beside their stages: planning many jobs, and a worker's time outside its stages.

python -m benchmarks.bench_bulk
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import write_result
from bulk.jobs import Job, SceneSource
from bulk.orders import WorkOrder
from bulk.supervision import supervise
from core import cli
from core.environment import ROOT
from tests.bulk import timed_stages
from tests.bulk.orders import OPTIONS, STAGES
from tests.bulk.scenes import IMAGES, write_root

_PLANNING = """
import sys, dataset_generation
from core.memory import peak_bytes
dataset_generation.main(sys.argv[1:])
print(peak_bytes())
"""


@dataclass(frozen=True)
class BenchBulk:
    """Measure planning and the overhead of a worker."""

    scenes: int = 10_000
    """Of the plan, in 5 splits each."""
    photographs: int = 4
    """Files of each scene; planning looks at no more than their names."""
    job_seconds: float = 60.0
    """That the stages of a job take together."""
    jobs: int = 3
    """Jobs one after another, of which the first also starts the process that workers are forked from."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchBulk) -> None:
    """Print and write seconds and bytes."""
    with tempfile.TemporaryDirectory() as folder:
        plan_seconds, peak = _plan(Path(folder), command)
        jobs = 5 * command.scenes
        overheads = _overheads(Path(folder), command)
        # Before so many files are removed again, which takes longer than all the rest.
        print(f"planning {jobs:,} jobs: {plan_seconds:.2f} s, peak {peak / 2**20:.0f} MiB")
        shares = ", ".join(f"{share:.2%}" for share in overheads)
        print(f"time outside the stages of jobs of {command.job_seconds:g} s: {shares}", flush=True)
    figures = {"jobs": jobs, "plan_seconds": plan_seconds, "peak_bytes": peak, "overhead_shares": overheads}
    write_result(command.out, {**figures, "job_seconds": command.job_seconds})


def _plan(folder: Path, command: BenchBulk) -> tuple[float, int]:
    """Seconds and peak of resident memory of a dry run, libraries included.

    It asks for the state of every job. What the process says of itself holds since it was begun; what others
    are told of it may be the size of the process that began it.
    """
    root = folder / "many"
    for number in range(command.scenes):
        scene = root / "1K" / f"{number:064x}"
        (scene / IMAGES).mkdir(parents=True)
        (scene / "sparse" / "0").mkdir(parents=True)
        (scene / "transforms.json").touch()
        for photograph in range(command.photographs):
            (scene / IMAGES / f"frame_{photograph + 1:05}.png").touch()
    words = ["--dataset", "dl3dv", "--dataset-root", str(root), "--output-dir", str(folder / "out")]
    words += ["--subset", "1K", "--split-ratio", "0.5", "0.6", "0.7", "0.8", "0.9", "--dry-run"]
    begun = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-c", _PLANNING, *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - begun
    *jobs, peak = told.stdout.splitlines()
    assert len(jobs) == 5 * command.scenes, told.stderr
    return seconds, int(peak)


def _overheads(folder: Path, command: BenchBulk) -> list[float]:
    """For each job the share of its wall time that it spent outside its stages."""
    names = tuple(f"scene{number}" for number in range(command.jobs))
    root = write_root(folder / "captures", names)
    shares: list[float] = []
    for name in names:
        scene = SceneSource(name, "1K", root / "1K" / name, IMAGES, "dl3dv")
        (scene.folder / timed_stages.SECONDS).write_text(json.dumps(command.job_seconds / len(STAGES)))
        order = WorkOrder(Job(scene, 0.5, folder / "timed"), STAGES, OPTIONS, "d", work=timed_stages.__name__)
        begun = time.perf_counter()
        outcome = supervise(order, threading.Event())
        wall = time.perf_counter() - begun
        assert outcome.ending == "done", outcome
        inside = timed_stages.seconds_in_stages(folder / "timed")
        shares.append((wall - inside) / inside)
    return shares


if __name__ == "__main__":
    cli.run(bench, BenchBulk)
