"""The engine that a command asks for."""

from pathlib import Path

import pytest

from bulk.engines import Engine
from bulk.engines.choice import EngineOptions, open_engine
from bulk.engines.local import LocalEngine


def test_by_default_work_is_done_here(tmp_path: Path) -> None:
    with open_engine(EngineOptions(max_workers=1), tmp_path) as engine:
        assert isinstance(engine, LocalEngine)
        assert isinstance(engine, Engine)
        assert engine.slots == 1


@pytest.mark.parametrize("wrong", [{"jobs_per_gpu": 0}, {"cpus_per_job": 0}, {"max_workers": 0}])
def test_no_worker_is_no_engine(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        EngineOptions(**wrong)  # pyright: ignore[reportArgumentType]
