"""Ends for want of memory are counted where the system counts them."""

from pathlib import Path

from bulk.memory_kills import memory_kills


def test_counters_are_added(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    (tmp_path / "vmstat").write_text("nr_free_pages 1\noom_kill 5\n")
    assert memory_kills((tmp_path / "events", tmp_path / "vmstat")) == 7
    assert memory_kills((tmp_path / "none",)) == 0
    assert memory_kills() >= 0
