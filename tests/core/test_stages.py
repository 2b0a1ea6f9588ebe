"""A stage is done once for the same inputs, and again for others."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import memory
from core.errors import UserError
from core.stages import Stage, content_digest, file_stamps, run_stage, stored_stages


class Killed(BaseException):
    """Stands for kill -9."""


class Work:
    """Counts how often it is done, and writes its output."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.done: list[str] = []

    def __call__(self) -> None:
        self.done.append("work")
        self.output.touch()

    def clean(self) -> None:
        self.done.append("clean")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / "output")


def stage(folder: Path, inputs: Any, name: str = "frames") -> Stage:
    return Stage(folder, name, inputs, (folder / "output",))


def test_a_stage_is_done_once(tmp_path: Path, work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        assert run_stage(stage(tmp_path, {"a": 1}), work, work.clean)
    assert work.done == ["work"]
    assert "frames: done before, from the same inputs" in capsys.readouterr().err
    assert stage(tmp_path, {"a": 1}).is_done()
    assert not stage(tmp_path, {"a": 2}).is_done()
    assert not stage(tmp_path, {"a": 1}, "other").is_done()


def test_other_inputs_do_it_anew_after_the_old_is_removed(
    tmp_path: Path, work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    run_stage(stage(tmp_path, {"a": 1, "b": 1}), work, work.clean)
    run_stage(stage(tmp_path, {"a": 2, "b": 1}), work, work.clean)
    assert work.done == ["work", "clean", "work"]
    assert "frames: done anew, as a changed" in capsys.readouterr().err
    run_stage(stage(tmp_path, {"a": 1, "b": 1}), work, work.clean)
    assert len(work.done) == 5


def test_a_clean_up_that_was_cut_short_is_done_again_whatever_the_inputs_are(
    tmp_path: Path, work: Work
) -> None:
    """Half of what the old inputs made is gone, so that nobody may take the rest for all of it."""
    old, new = (stage(tmp_path, {"a": number}) for number in (1, 2))
    run_stage(old, work, work.clean)

    def killed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stage(new, work, killed)
    assert not old.is_done()
    work.done.clear()
    run_stage(old, work, work.clean)
    assert work.done == ["clean", "work"]


def test_a_missing_output_is_made_again(tmp_path: Path, work: Work) -> None:
    run_stage(stage(tmp_path, {}), work, work.clean)
    work.output.unlink()
    run_stage(stage(tmp_path, {}), work, work.clean)
    assert work.done == ["work", "work"]


def test_a_change_is_passed_on(tmp_path: Path) -> None:
    done = []

    def chain(video: str) -> None:
        first = Stage(tmp_path, "frames", {"video": video})
        second = Stage(tmp_path, "predict", {"frames": first.digest})
        run_stage(first, lambda: done.append(f"frames {video}"))
        run_stage(second, lambda: done.append(f"predict {video}"))

    for video in ("a", "a", "b"):
        chain(video)
    assert done == ["frames a", "predict a", "frames b", "predict b"]


def test_what_was_killed_or_stopped_goes_on_without_cleaning(tmp_path: Path, work: Work) -> None:
    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        run_stage(stage(tmp_path, {"a": 1}), die, work.clean)
    assert not run_stage(stage(tmp_path, {"a": 1}), lambda: False, work.clean)
    assert run_stage(stage(tmp_path, {"a": 1}), work, work.clean)
    assert work.done == ["work"]


def test_what_it_took_is_kept_over_a_stop_and_begins_anew_with_other_inputs(tmp_path: Path) -> None:
    one = stage(tmp_path, {"a": 1})

    def stopped() -> bool:
        time.sleep(0.02)
        return False

    run_stage(one, stopped)
    first = stored_stages(tmp_path)["frames"]
    assert (first["state"], first["seconds"] >= 0.02) == ("begun", True)
    run_stage(one, one.outputs[0].touch)
    second = stored_stages(tmp_path)["frames"]
    assert (second["state"], second["seconds"] > first["seconds"]) == ("done", True)
    assert second["peak_memory_bytes"] is None or second["peak_memory_bytes"] > 2**20
    run_stage(stage(tmp_path, {"a": 2}), one.outputs[0].touch)
    assert stored_stages(tmp_path)["frames"]["seconds"] < 0.02


def test_a_large_child_counts_for_the_stage_that_began_it(tmp_path: Path) -> None:
    if memory.peak_bytes_of_children() is None:
        pytest.skip("this system does not tell")
    child = [sys.executable, "-c", "len(bytearray(b'x') * 1_500_000_000)"]
    run_stage(Stage(tmp_path, "predict", {}), lambda: subprocess.run(child, check=True))
    run_stage(Stage(tmp_path, "train", {}), lambda: None)
    peaks = {name: marker["peak_memory_bytes"] for name, marker in stored_stages(tmp_path).items()}
    assert peaks["predict"] > peaks["train"] + 1_400_000_000


def test_what_was_killed_with_other_inputs_is_removed(tmp_path: Path, work: Work) -> None:
    run_stage(stage(tmp_path, {"a": 1}), lambda: False, work.clean)
    run_stage(stage(tmp_path, {"a": 2}), work, work.clean)
    assert work.done == ["clean", "work"]


def test_a_broken_marker_is_one_sentence(tmp_path: Path, work: Work) -> None:
    marker = stage(tmp_path, {}).marker
    marker.parent.mkdir()
    for content, sentence in (("[]", "does not describe a stage"), ("{", "is not JSON")):
        marker.write_text(content)
        with pytest.raises(UserError, match=sentence):
            run_stage(stage(tmp_path, {}), work)


NAMES = st.text("abc", min_size=1, max_size=3)


@given(st.dictionaries(NAMES, st.binary(max_size=20), max_size=4), st.data())
def test_a_digest_tells_contents_apart_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], data: st.DataObject
) -> None:
    here, there = (tmp_path_factory.mktemp("folder") for _ in range(2))
    for folder in (here, there):
        for name in sorted(files, reverse=folder is there):
            (folder / name).write_bytes(files[name])

    def digest(folder: Path) -> str:
        return content_digest(sorted(folder.iterdir()))

    assert digest(here) == digest(there)
    changed = data.draw(NAMES)
    (there / changed).write_bytes(files.get(changed, b"") + b"+")
    assert digest(here) != digest(there)


def test_a_digest_sees_names_and_borders(tmp_path: Path) -> None:
    for name, content in (("a", "xy"), ("b", "z"), ("c", "x"), ("d", "yz")):
        (tmp_path / name).write_text(content)
    first, second = (content_digest([tmp_path / one, tmp_path / two]) for one, two in ("ab", "cd"))
    assert first != second
    with pytest.raises(UserError, match=r"cannot read .*absent: it does not exist"):
        content_digest([tmp_path / "absent"])


def test_stamps_tell_of_a_change_without_reading(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_text("a")
    os.utime(file, ns=(1, 1))
    before = file_stamps([file])
    assert json.loads(json.dumps(before)) == before == [[str(file), 1, 1]]
    os.utime(file, ns=(1, 2))
    assert file_stamps([file]) != before
    with pytest.raises(UserError, match=r"cannot read .*absent: it does not exist"):
        file_stamps([tmp_path / "absent"])


def test_markers_are_readable(tmp_path: Path, work: Work) -> None:
    run_stage(stage(tmp_path, {"stride": 3}), work)
    stored = json.loads((tmp_path / "stages" / "frames.json").read_text())
    assert stored["state"] == "done"
    assert stored["inputs"] == {"stride": 3}
    assert stored["seconds"] >= 0
