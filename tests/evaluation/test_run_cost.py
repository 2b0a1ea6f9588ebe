"""Costs are sums over stages and the largest of peaks, and unknown where nobody wrote them down."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.files import write_json
from core.run_folder import RunFolder
from evaluation.run_cost import RunCost, read_cost


def write_stages(folder: RunFolder, **seconds: float) -> None:
    for row, (name, value) in enumerate(seconds.items(), 1):
        marker = {"state": "done", "seconds": value, "peak_memory_bytes": 100 * row}
        write_json(folder.path / "stages" / f"{name}.json", marker)


def test_nothing_is_known_of_an_empty_folder(tmp_path: Path) -> None:
    assert read_cost(RunFolder(tmp_path)) == RunCost()


def test_a_run_on_a_video(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_stages(folder, frames=1.0, predict=20.0, train=50.0, outputs=5.0)
    write_json(folder.timing, {"training_seconds": 45.0, "peak_memory_bytes": 1_000})
    assert read_cost(folder) == RunCost(21.0, 45.0, 76.0, 1_000)
    write_json(folder.timing, {"training_seconds": 60.0})
    assert read_cost(folder) == RunCost(21.0, 60.0, 86.0, 400), "a process before was killed"


def test_a_given_prediction_took_no_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_stages(folder, train=50.0, outputs=5.0)
    assert read_cost(folder) == RunCost(None, None, 55.0, 200)


def test_a_training_without_stages(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_json(folder.timing, {"training_seconds": 45.0, "peak_memory_bytes": None})
    assert read_cost(folder) == RunCost(training_seconds=45.0)


def test_broken_files_are_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_json(folder.timing, [])
    with pytest.raises(UserError, match=r"timing\.json: an object was expected"):
        read_cost(folder)
