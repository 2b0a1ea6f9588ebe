"""Stages of a run by what their folders say."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.files import write_json
from core.run_folder import RunFolder
from evaluation.street_pace import StagePace, pace_numbers, stage_folders, stage_paces


def begin(path: Path, timing: object = None) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / "log.jsonl").touch()
    if timing is not None:
        write_json(path / "timing.json", timing)


def test_stages_that_have_ended(tmp_path: Path) -> None:
    assert stage_paces(tmp_path) == []
    assert pace_numbers([]) == {}
    begin(
        tmp_path / "static", {"iterations": 10, "training_seconds": 4.0, "peak_memory_bytes": 2_000_000_000}
    )
    begin(tmp_path)
    assert stage_folders(tmp_path) == {
        "static": RunFolder(tmp_path / "static"),
        "dynamic": RunFolder(tmp_path),
    }
    (only,) = stage_paces(tmp_path)
    assert only == StagePace("static", 10, 4.0, 2_000_000_000)
    assert only.iterations_per_s == 2.5


def test_the_peak_of_a_run_is_known_when_that_of_each_stage_is(tmp_path: Path) -> None:
    static, dynamic = StagePace("static", 10, 4.0, 2_000_000_000), StagePace("dynamic", 30, 6.0, None)
    numbers = pace_numbers([static, dynamic])
    assert numbers["seconds"] == 10
    assert numbers["static_memory_gb"] == 2
    assert not {"dynamic_memory_gb", "memory_gb"} & numbers.keys()
    assert pace_numbers([static])["memory_gb"] == 2


@pytest.mark.parametrize("timing", [{"iterations": 3}, [], {"iterations": None, "training_seconds": 1}])
def test_damage_is_told(tmp_path: Path, timing: object) -> None:
    begin(tmp_path, timing)
    with pytest.raises(UserError, match=r"timing\.json is damaged"):
        stage_paces(tmp_path)
