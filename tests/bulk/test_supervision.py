"""A worker is watched, ended when it hangs, and its end is told for it."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bulk.leases import is_taken
from bulk.orders import Device, WorkOrder
from bulk.states import JobState
from bulk.supervision import supervise
from tests.bulk import slow_stages
from tests.bulk.orders import job, order
from tests.bulk.scenes import write_root

NAMES = ("quick", "sleeps", "talks", "crashes", "deaf")


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a process that has loaded all libraries, so that no test's limits count that."""
    root = write_root(tmp_path_factory.mktemp("captures"), NAMES)
    supervise(slow_order(root, tmp_path_factory.mktemp("first"), "quick"), threading.Event())
    return root


def slow_order(captures: Path, out: Path, name: str, **limits: float) -> WorkOrder:
    what = order(job(captures, out, name), ("train",), **limits)
    return replace(what, work=slow_stages.__name__)


def test_a_worker_says_how_it_ended_and_where_it_was(captures: Path, tmp_path: Path) -> None:
    what = replace(slow_order(captures, tmp_path, "quick"), device=Device(gpu="GPU-7", threads=1))
    outcome = supervise(what, threading.Event())
    assert outcome.ending == "done", outcome
    state = JobState.of(what.job)
    assert state.done()["stages"]["train"]["result"] == {"device": "GPU-7"}
    assert "1K/quick_0.5: train" in state.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "limits", "ending", "reason"),
    [
        ("sleeps", {"stall_seconds": 5.0}, "stalled", "no progress for 5 s"),
        ("talks", {"stall_seconds": 5.0, "stage_seconds": 8.0}, "timeout", "train took more than 8 s"),
        ("crashes", {}, "error", "SIGABRT"),
        ("deaf", {"stall_seconds": 5.0, "grace_seconds": 0.5}, "stalled", "no progress"),
    ],
)
def test_the_end_is_told_for_it(
    name: str, limits: dict[str, float], ending: str, reason: str, captures: Path, tmp_path: Path
) -> None:
    what = slow_order(captures, tmp_path, name, **limits)
    outcome = supervise(what, threading.Event())
    assert (outcome.ending, outcome.stage) == (ending, "train"), outcome
    assert reason in outcome.reason
    assert not is_taken(JobState.of(what.job).lease, 60.0)


def test_a_worker_ends_when_it_is_asked_to(captures: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    what = slow_order(captures, tmp_path, "sleeps")
    timer = threading.Timer(1.0, stop.set)
    timer.start()
    assert supervise(what, stop).ending == "stopped"
    assert not is_taken(JobState.of(what.job).lease, 60.0)
