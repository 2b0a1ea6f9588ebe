"""How a run goes, in lines and in a table."""

import io
import json
import time
from pathlib import Path

import pytest
from rich.console import Console

from bulk.display import Lines, glimpse, last_step, open_display, sentence, summary, table
from bulk.orders import Outcome
from bulk.scheduler import Tally
from bulk.states import JobState
from core.files import write_json
from tests.bulk.orders import ITERATIONS, job, order


def test_the_last_whole_line_of_a_log_counts(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert last_step(log) is None
    log.write_text("".join(json.dumps({"step": step}) + "\n" for step in range(1000)) + '{"step": 10')
    assert last_step(log) == 999
    log.write_text("")
    assert last_step(log) is None


def test_a_table_has_a_row_for_each_worker(tmp_path: Path) -> None:
    what = order(job(tmp_path, tmp_path))
    assert glimpse(what) == ("begins", "", "", "")
    write_json(
        JobState.of(what.job).status_file, {"stage": "train", "since": time.time() - 30, "device": "core 1"}
    )
    what.job.folder.mkdir(parents=True)
    (what.job.folder / "log.jsonl").write_text('{"step": 10}\n')
    stage, iteration, spent, device = glimpse(what)
    assert (stage, iteration, device) == ("train", f"10 of {ITERATIONS}", "core 1")
    assert spent.endswith("to go")
    tally = Tally(10, done=4, failed=1, running={what.job.key: what}, begun=time.time() - 40)
    shown = io.StringIO()
    Console(file=shown, width=120).print(table(tally))
    for part in ("1K/a_0.5", "train", "10 of 20", "core 1", "4 done, 1 failed, 5 left", "about 50.0 s to go"):
        assert part in shown.getvalue()


def test_a_sum_says_what_holds_the_run_up() -> None:
    assert summary(Tally(2)) == "0 done, 0 failed, 2 left (0 at work)"
    assert summary(Tally(2, remark="no disk")).endswith("; waiting: no disk")


def test_lines_tell_how_attempts_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome("stalled", "render", "no progress", 61.0)
    assert sentence(job(tmp_path, tmp_path), outcome) == (
        "1K/a_0.5: stalled in render after 1 min 1 s: no progress"
    )
    with open_display() as display:
        assert isinstance(display, Lines)
        display.show(Tally(1))
        display.ended(job(tmp_path, tmp_path), outcome)
    assert capsys.readouterr().err.count("\n") == 1
