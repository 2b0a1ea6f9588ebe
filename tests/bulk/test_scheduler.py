"""Every job comes to one end, whatever the engine answers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bulk.events import EventLog, read_events
from bulk.jobs import Job
from bulk.leases import Holder, Lease
from bulk.orders import Outcome, WorkLimits, WorkOrder
from bulk.retries import RetryOptions
from bulk.scheduler import Request, Scheduler, Tally
from bulk.states import JobState
from core.errors import UserError
from core.files import write_json
from tests.bulk.orders import OPTIONS, job

RETRIES = RetryOptions(attempts=2, backoff_seconds=0.01)
REQUEST = Request(("train",), OPTIONS, "digest", limits=WorkLimits(stale_seconds=60.0), retries=RETRIES)


class ScriptedEngine:
    """Answers each job's attempts with the endings of a script, at once; the last one again and again."""

    slots = 2

    def __init__(self, script: dict[str, list[str]]) -> None:
        self.script = script
        self.given: list[WorkOrder] = []
        self._ended: list[tuple[WorkOrder, Outcome]] = []

    def submit(self, order: WorkOrder) -> None:
        self.given.append(order)
        endings = self.script.get(order.job.scene.name, ["done"])
        ending = endings.pop(0) if len(endings) > 1 else endings[0]
        if ending == "done":
            stages = {stage: {} for stage in order.stages}
            order.job.folder.mkdir(parents=True, exist_ok=True)
            write_json(JobState.of(order.job).done_file, {"request": order.request, "stages": stages})
        self._ended.append((order, Outcome(ending, "train", "because")))  # pyright: ignore[reportArgumentType]

    def wait(self, seconds: float) -> Sequence[tuple[WorkOrder, Outcome]]:
        assert len(self._ended) <= self.slots
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> None:
        """Nothing is under way."""


class Silent:
    def show(self, tally: Tally) -> None:
        """To nobody."""

    def ended(self, job: Job, outcome: Outcome) -> None:
        """For nobody."""


def schedule(
    jobs: Sequence[Job], root: Path, request: Request = REQUEST, **script: list[str]
) -> tuple[Tally, ScriptedEngine]:
    engine = ScriptedEngine(script)
    return Scheduler(jobs, request, engine, EventLog(root), Silent()).run(), engine


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    return [job(tmp_path, tmp_path, name) for name in "abcde"]


def test_all_are_done_and_not_again(jobs: list[Job], tmp_path: Path) -> None:
    tally, engine = schedule(jobs, tmp_path)
    assert (tally.done, tally.failed, tally.left) == (5, 0, 0)
    assert [order.job for order in engine.given] == jobs
    tally, engine = schedule(jobs, tmp_path)
    assert (tally.done, tally.before, engine.given) == (5, 5, [])
    jobs[1].folder.rmdir()
    tally, engine = schedule(jobs, tmp_path)
    assert (tally.done, [order.job for order in engine.given]) == (5, [jobs[1]]), "what is gone is not done"


def test_failures_are_tried_again_and_then_no_more(jobs: list[Job], tmp_path: Path) -> None:
    tally, engine = schedule(jobs, tmp_path, a=["error", "done"], b=["error"], c=["input"])
    assert (tally.done, tally.failed) == (3, 2)
    attempts = [order.job.scene.name for order in engine.given]
    assert [attempts.count(name) for name in "abc"] == [2, 2, 1]
    assert JobState.of(jobs[1]).quarantine()["reason"] == "because"
    events = [event["event"] for event in read_events(tmp_path)]
    assert events.count("quarantined") == 2
    _, engine = schedule(jobs, tmp_path, b=["done"])
    assert engine.given == [], "quarantine outlives the command"


def test_the_last_worker_of_a_job_leaves_nothing_half_written(jobs: list[Job], tmp_path: Path) -> None:
    state = JobState.of(jobs[0])
    files = [state.folder / ".status.7.part.json", jobs[0].folder / "depth" / ".00000.7.part.png"]
    for file in files:
        file.parent.mkdir(parents=True)
        file.touch()
    schedule(jobs, tmp_path, a=["input"])
    assert not [file for file in files if file.exists()]


@pytest.mark.parametrize("ending", ["lost", "stopped", "disk"])
def test_what_is_not_the_jobs_fault_is_not_counted(ending: str, jobs: list[Job], tmp_path: Path) -> None:
    tally, engine = schedule(jobs[:1], tmp_path, a=[*[ending] * 4, "done"])
    assert (tally.done, tally.failed, len(engine.given)) == (1, 0, 5)
    assert JobState.of(jobs[0]).failures() == []


def test_less_is_demanded_when_memory_did_not_suffice(jobs: list[Job], tmp_path: Path) -> None:
    _, engine = schedule(jobs[:1], tmp_path, a=["memory", "done"])
    assert [(order.level, order.options.max_gaussians) for order in engine.given] == [
        (0, None),
        (1, 1_000_000),
    ]


def test_less_is_demanded_of_trainings_only(jobs: list[Job], tmp_path: Path) -> None:
    """Other stages take the training as it is: another level would tell the next command to train anew."""
    request = replace(REQUEST, stages=("metrics",))
    write_json(JobState.of(jobs[1]).done_file, {"request": "other", "level": 2, "stages": {"train": {}}})
    tally, engine = schedule(jobs[:2], tmp_path, request, a=["memory", "done"], b=["memory", "done"])
    assert tally.done == 2
    levels = {(order.job.scene.name, order.level) for order in engine.given}
    assert levels == {("a", 0), ("b", 2)}


def test_what_another_process_does_counts_as_done(
    jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk.scheduler._LOOK_AGAIN_SECONDS", 0.05)
    state = JobState.of(jobs[0])
    lease = Lease.take(state.lease, Holder.here(), 60.0)
    assert lease is not None
    engine = ScriptedEngine({})
    scheduler = Scheduler(jobs[:2], REQUEST, engine, EventLog(tmp_path), Silent())
    done = {"request": "digest", "stages": {"train": {}}}

    class Other(Silent):
        def show(self, tally: Tally) -> None:
            if tally.done == 1:
                jobs[0].folder.mkdir(parents=True, exist_ok=True)
                write_json(state.done_file, done)

    scheduler._display = Other()  # pyright: ignore[reportPrivateUsage]
    tally = scheduler.run()
    assert (tally.done, [order.job for order in engine.given]) == (2, [jobs[1]])
    lease.give_back()


def test_a_full_disk_stops_the_command_if_so_wished(jobs: list[Job], tmp_path: Path) -> None:
    full = Request(("train",), OPTIONS, "digest", limits=WorkLimits(min_free_bytes=10**16), when_full="stop")
    with pytest.raises(UserError, match="5 jobs are left, the same command goes on"):
        schedule(jobs, tmp_path, full)
