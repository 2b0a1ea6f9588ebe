"""A run under fire, and what has to be true afterwards."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bulk.catalogue import INDEX
from bulk.consumer import accept
from bulk.leases import holder_of
from bulk.leftovers import leftovers
from bulk.states import HOME
from core.files import read_json
from core.ply import read_splats_ply
from core.run_folder import RunFolder
from tests.bulk.audited_stages import AUDIT, FULL
from tests.bulk.scenes import IMAGES, LENIENT_FLAGS, VIEWS, write_root
from tests.conftest import ROOT

ITERATIONS = 150
SPLITS = (0.4, 0.6)
STAGES = ("train", "render", "visibility", "depth", "metrics")
STALE_SECONDS = 20.0
"""Heartbeats are a second apart, and twenty in a row are missed by nobody who is alive."""
CORRUPT, INCOMPLETE = "corrupt", "incomplete"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled", "CUDA_VISIBLE_DEVICES": ""}
"""Others may use the GPUs of this machine, so none is seen."""
COMMAND = (sys.executable, "-m", "tests.bulk.audited_command")
"""What is run; the real one is (sys.executable, "dataset_generation.py")."""


@dataclass
class FaultRun:
    """Commands on one set of folders, and what is done to them.

    Args:
        folder: for captures and outputs.
        good: scenes that can be used; two more cannot.
    """

    folder: Path
    good: int
    killed: dict[int, float] = field(default_factory=dict)
    """When which worker was killed."""
    commands: list[subprocess.Popen[str]] = field(default_factory=list)
    """All that were started."""

    def __post_init__(self) -> None:
        self.names = tuple(f"scene{number:02}" for number in range(self.good))
        write_root(self.captures, (*self.names, CORRUPT, INCOMPLETE), views=VIEWS)
        for photograph in (self.captures / "1K" / CORRUPT / IMAGES).iterdir():
            photograph.write_bytes(photograph.read_bytes()[:60])
        (self.captures / "1K" / INCOMPLETE / "transforms.json").unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End what an assertion that failed has left; its workers end with their command."""
        for command in self.commands:
            command.kill()
            command.wait()

    @property
    def captures(self) -> Path:
        return self.folder / "captures"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def jobs(self) -> list[str]:
        """Keys of the jobs that can be done."""
        return [f"1K/{name}_{split:g}" for name in self.names for split in SPLITS]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """One copy of the command."""
        settings = {
            "--dataset": "dl3dv", "--dataset-root": self.captures, "--output-dir": self.out,
            "--iterations": ITERATIONS, "--attempts": 3, "--backoff-seconds": 0.2,
            "--heartbeat-seconds": 1, "--stale-seconds": STALE_SECONDS, "--min-free-gb": 0.01,
        }  # fmt: skip
        told = [str(word) for pair in settings.items() for word in pair]
        told += [*LENIENT_FLAGS, "--split-ratio", *map(str, SPLITS), "--stages", *STAGES]
        log = (self.folder / f"log{time.monotonic_ns()}.txt").open("w", encoding="utf-8")
        with log:
            command = subprocess.Popen(
                [*COMMAND, *told, *words],
                cwd=ROOT,
                stderr=log,
                env={**os.environ, **ENVIRONMENT},
                text=True,
            )
        self.commands.append(command)
        return command

    def workers(self) -> dict[str, int]:
        """Numbers of the processes that have a lease, by the job's key."""
        found: dict[str, int] = {}
        for lease in (self.out / HOME / "jobs").glob("*/*/lease"):
            if holder := holder_of(lease, STALE_SECONDS):
                found[str(lease.parent.relative_to(self.out / HOME / "jobs"))] = holder.pid
        return found

    def wait_for_a_worker(self, seconds: float = 300) -> None:
        """Until some job is at work."""
        until = time.monotonic() + seconds
        while not self.workers():
            assert time.monotonic() < until, self.logs()
            time.sleep(0.05)

    def wait_for_no_worker(self, seconds: float = 60) -> None:
        """Until all workers have ended: by themselves, when their command has."""
        until = time.monotonic() + seconds
        while self.workers():
            assert time.monotonic() < until, "its workers outlived it"
            time.sleep(0.1)

    def kill_workers(self, commands: Sequence[subprocess.Popen[str]], times: int, seed: int) -> None:
        """Kill a random worker at random moments, until so many are killed or all commands have ended."""
        dice = random.Random(seed)
        while times and any(command.poll() is None for command in commands):
            time.sleep(dice.uniform(0.1, 0.8))
            workers = self.workers()
            if workers:
                pid = workers[dice.choice(sorted(workers))]
                self.killed.setdefault(pid, time.monotonic())
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                times -= 1

    def fill_disk(self) -> None:
        self.out.mkdir(exist_ok=True)
        (self.out / FULL).touch()

    def free_disk(self) -> None:
        (self.out / FULL).unlink()

    def logs(self) -> str:
        texts = [path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("log*.txt"))]
        return "\n-----\n".join(texts)

    def audit(self) -> list[dict[str, Any]]:
        """What the stages wrote down, in time."""
        lines = (self.out / AUDIT).read_text(encoding="utf-8").splitlines()
        return sorted((json.loads(line) for line in lines), key=lambda line: line["time"])

    def check(self) -> None:
        """Nothing lost, nothing done twice, nothing half-written, and the report says what is so."""
        self._nothing_lost()
        self._nothing_twice()
        assert leftovers(self.out) == []
        report = read_json(self.out / "report.json")
        failures = {failure["job"]: failure for failure in report["failures"]}
        bad = {f"1K/{name}_{split:g}" for name in (CORRUPT, INCOMPLETE) for split in SPLITS}
        assert set(failures) == bad, self.logs()
        assert all(CORRUPT in failures[job]["reason"] for job in bad if CORRUPT in job)
        assert {done["job"] for done in report["jobs"]} == set(self.jobs)
        page = (self.out / "report.html").read_text(encoding="utf-8")
        assert all(job in page for job in bad)
        indexed = read_json(self.out / INDEX)["scenes"]
        assert {entry["folder"] for entry in indexed} == set(self.jobs)

    def _nothing_lost(self) -> None:
        for job in self.jobs:
            folder = RunFolder(self.out / job)
            problems = accept(folder.path)
            assert not problems, f"{job}: {problems}\n{self.logs()}"
            assert len(read_splats_ply(folder.point_cloud(ITERATIONS)).means)
            assert len(read_json(folder.per_view)) == 1

    def _nothing_twice(self) -> None:
        """No stage began that was done, and no two processes were at the same job at a time."""
        at_work: dict[str, int] = {}
        for line in self.audit():
            assert line["event"] != "again", line
            job, pid = line["job"], line["pid"]
            before = at_work.get(job, pid)
            if before != pid:
                assert self.killed.get(before, self._last_sign(job, before)) <= line["time"], line
            at_work[job] = pid
        ended = {(line["job"], line["stage"]) for line in self.audit() if line["event"] == "end"}
        assert {(job, stage) for job in self.jobs for stage in STAGES} <= ended

    def _last_sign(self, job: str, pid: int) -> float:
        """When a process that was not killed by us last wrote something about a job."""
        return max(line["time"] for line in self.audit() if line["job"] == job and line["pid"] == pid)
