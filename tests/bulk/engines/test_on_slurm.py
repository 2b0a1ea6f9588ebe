"""Jobs of Slurm, run by submitit on this machine."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("submitit")

from submitit.core.utils import FailedJobError

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


class Refuses:
    """Of submitit's executor and of a job what the engine uses; both say no."""

    def batch(self) -> AbstractContextManager[None]:
        return nullcontext()

    def submit(self, *_: object) -> None:
        raise FailedJobError("sbatch: error:\ninvalid partition specified: nowhere")

    def result(self) -> str:
        raise FailedJobError("Traceback:\nModuleNotFoundError: bulk")


def test_what_slurm_does_not_take_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = engine(tmp_path)
    monkeypatch.setattr(slurm, "_executor", Refuses())
    slurm.submit(order(job(tmp_path, tmp_path)))
    with pytest.raises(UserError, match=r"did not take 1 jobs .*nowhere.*--slurm-partition"):
        slurm.wait(0.0)
    slurm.stop()


def test_an_exception_in_a_job_is_an_error_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were it `lost`, it would be given out for ever."""
    ended = engine(tmp_path)._outcome(Refuses())  # pyright: ignore[reportPrivateUsage]
    assert (ended.ending, ended.reason) == ("error", "ModuleNotFoundError: bulk")


def test_a_malformed_setting_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--slurm-settings account: NAME=VALUE was expected"):
        engine(tmp_path, SlurmOptions(slurm_local=True, slurm_settings=("account",)))
