"""Jobs of Slurm, run by submitit on this machine."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("submitit")

from bulk.engines.on_slurm import SlurmEngine, SlurmOptions
from bulk.orders import Outcome, WorkOrder
from core.errors import UserError
from tests.bulk import slow_stages
from tests.bulk.orders import job, order
from tests.bulk.scenes import write_root

HERE = SlurmOptions(slurm_local=True)


def engine(folder: Path, options: SlurmOptions = HERE) -> SlurmEngine:
    return SlurmEngine(folder / "slurm", 2, 0, 1, options)


@pytest.mark.slow
def test_orders_come_back_or_are_lost_with_their_job(tmp_path: Path) -> None:
    captures = write_root(tmp_path / "captures", ("quick", "sleeps"))
    slurm = engine(tmp_path)
    sent = [
        replace(order(job(captures, tmp_path / "out", name), ("train",)), work=slow_stages.__name__)
        for name in ("quick", "sleeps")
    ]
    for what in sent:
        slurm.submit(what)
    ended: list[tuple[WorkOrder, Outcome]] = []
    while not ended:
        ended += slurm.wait(30.0)
    assert [(what.job.scene.name, outcome.ending) for what, outcome in ended] == [("quick", "done")]
    slurm.stop()
    assert list(slurm.wait(0.0)) == []


def test_a_malformed_setting_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--slurm-settings account: NAME=VALUE was expected"):
        engine(tmp_path, SlurmOptions(slurm_local=True, slurm_settings=("account",)))
