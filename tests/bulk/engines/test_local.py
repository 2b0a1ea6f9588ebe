"""Orders on this machine come back, each from a device of its own."""

from dataclasses import replace
from pathlib import Path

import pytest

from bulk.engines.local import LocalEngine
from bulk.leases import is_taken
from bulk.orders import Device, Outcome, WorkOrder
from bulk.states import JobState
from tests.bulk import slow_stages
from tests.bulk.orders import job, order
from tests.bulk.scenes import write_root


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("captures"), ("quick", "second", "sleeps"))


def slow(captures: Path, out: Path, name: str) -> WorkOrder:
    return replace(order(job(captures, out, name), ("train",)), work=slow_stages.__name__)


def test_orders_come_back_with_their_devices(captures: Path, tmp_path: Path) -> None:
    devices = [Device(threads=1, gpu="one"), Device(threads=1, gpu="two")]
    engine = LocalEngine(devices)
    assert engine.slots == 2
    assert list(engine.wait(0.01)) == []
    ended: list[tuple[WorkOrder, Outcome]] = []
    for name in ("quick", "second"):
        engine.submit(slow(captures, tmp_path, name))
    while len(ended) < 2:
        ended += engine.wait(60.0)
    assert all(outcome.ending == "done" for _, outcome in ended)
    assert {what.device.gpu for what, _ in ended} == {"one", "two"}
    engine.submit(slow(captures, tmp_path, "quick"))
    assert next(iter(engine.wait(60.0)))[1].ending == "done"
    engine.stop()


def test_stopped_it_leaves_no_worker(captures: Path, tmp_path: Path) -> None:
    engine = LocalEngine([Device()])
    what = slow(captures, tmp_path, "sleeps")
    engine.submit(what)
    while JobState.of(what.job).status().get("stage") != "train":
        assert not engine.wait(0.05)
    engine.stop()
    assert [outcome.ending for _, outcome in engine.wait(1.0)] == ["stopped"]
    assert not is_taken(JobState.of(what.job).lease, 60.0)
