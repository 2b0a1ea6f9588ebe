"""What is written down about a job is read back, by any process."""

from pathlib import Path

import pytest

from bulk.leases import Holder, Lease
from bulk.orders import Outcome
from bulk.states import HOME, JobState, stage_states
from core.errors import UserError
from core.files import write_json
from tests.bulk.orders import STAGES, job

STALE = 60.0


@pytest.fixture
def state(tmp_path: Path) -> JobState:
    return JobState.of(job(tmp_path, tmp_path))


def names(tmp_path: Path) -> list[str]:
    return [each.name for each in stage_states(job(tmp_path, tmp_path), STAGES, "digest", STALE).values()]


def test_states_lie_apart_from_outputs(tmp_path: Path) -> None:
    what = job(tmp_path, tmp_path)
    assert JobState.of(what).folder == tmp_path / HOME / "jobs" / "1K" / "a_0.5"
    assert not list(tmp_path.iterdir())


def test_a_job_goes_through_its_states(tmp_path: Path, state: JobState) -> None:
    assert names(tmp_path) == ["pending"] * 3
    lease = Lease.take(state.lease, Holder.here(), STALE)
    assert lease is not None
    write_json(state.status_file, {"stage": "render"})
    assert names(tmp_path) == ["done", "leased", "pending"]
    lease.give_back()
    state.add_failure(Outcome("error", "render", "no"), 0)
    assert names(tmp_path) == ["done", "failed", "pending"]
    state.put_into_quarantine(state.failures()[0])
    assert names(tmp_path) == ["done", "quarantined", "pending"]
    assert state.quarantine()["failures"] == 1
    state.forget(failures_only=True)
    write_json(state.done_file, {"request": "digest", "stages": dict.fromkeys(STAGES)})
    state.outputs.mkdir(parents=True)
    assert names(tmp_path) == ["done"] * 3


def test_done_means_these_stages_with_these_options(state: JobState) -> None:
    done = {"request": "digest", "stages": {"train": {}, "render": {}}}
    write_json(state.done_file, done)
    assert not state.is_done(("train",), "digest"), "its folder is not there"
    state.outputs.mkdir(parents=True)
    assert state.is_done(("train",), "digest")
    assert not state.is_done(("train", "metrics"), "digest")
    assert not state.is_done(("train",), "another")
    state.outputs.rmdir()
    write_json(state.done_file, {**done, "has_folder": False})
    assert state.is_done(("train",), "digest"), "it left none"


def test_failures_are_kept_in_their_order(state: JobState) -> None:
    for number in range(12):
        state.add_failure(Outcome("killed", "train", str(number)), number)
    assert [(each["reason"], each["level"]) for each in state.failures()] == [
        (str(number), number) for number in range(12)
    ]
    state.forget()
    assert state.failures() == []


def test_a_broken_state_is_named(state: JobState) -> None:
    write_json(state.done_file, [])
    with pytest.raises(UserError, match=r"done\.json"):
        state.done()
