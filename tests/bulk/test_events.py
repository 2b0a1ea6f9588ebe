"""The log of what happened."""

from pathlib import Path

from bulk.events import EventLog, read_events


def test_lines_are_read_back_but_for_one_cut_off(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log.add("begun", job="a")
    log.add("done", job="a", seconds=1.5)
    with log.path.open("a") as file:
        file.write('{"time": 1, "eve')
    events = list(read_events(tmp_path))
    assert [event["event"] for event in events] == ["begun", "done"]
    assert events[1]["seconds"] == 1.5
    assert events[0]["time"] <= events[1]["time"]


def test_no_log_is_no_event(tmp_path: Path) -> None:
    assert list(read_events(tmp_path)) == []
