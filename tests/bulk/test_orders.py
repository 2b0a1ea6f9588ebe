"""Orders and outcomes survive the way to another machine."""

from pathlib import Path

import pytest

from bulk.orders import Device, Outcome, WorkOrder
from core.errors import UserError
from tests.bulk.orders import job, order


def test_what_is_written_is_read() -> None:
    sent = order(job(Path("in"), Path("out")))
    assert WorkOrder.from_json(sent.to_json()) == sent
    outcome = Outcome("killed", "train", "ended by SIGKILL", 1.5, 7)
    assert Outcome.from_json(outcome.to_json()) == outcome


def test_what_is_no_order_is_refused() -> None:
    with pytest.raises(UserError, match="missing"):
        WorkOrder.from_json("{}")


def test_devices_have_names_for_people() -> None:
    labels = [Device().label, Device(cores=(3,)).label, Device(cores=(2, 3)).label, Device(gpu="GPU-1").label]
    assert labels == ["any core", "core 3", "cores 2-3", "GPU-1"]
