"""One attempt at one job, in this process."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bulk.leases import Holder, Lease, is_taken
from bulk.manifest import read_manifest
from bulk.orders import Device, Outcome
from bulk.states import JobState
from bulk.worker import work_on
from core.run_folder import RunFolder
from core.stages import Stage
from tests.bulk import audited_stages
from tests.bulk.orders import ITERATIONS, OPTIONS, STAGES, job, order
from tests.bulk.scenes import write_root
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("captures"), ("a", "broken", "bare"))


def audit(out: Path) -> list[str]:
    lines = (out / audited_stages.AUDIT).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if '"begin"' in line]


def test_a_job_is_done_once(captures: Path, tmp_path: Path) -> None:
    what = job(captures, tmp_path)
    state = JobState.of(what)
    outcome = work_on(order(what))
    assert (outcome.ending, outcome.reason, outcome.pid) == ("done", "", os.getpid())
    done = state.done()
    assert set(done["stages"]) == set(STAGES)
    assert done["stages"]["train"]["result"]["iterations"] == ITERATIONS
    assert done["stages"]["metrics"]["result"]["psnr"] > 5
    assert (done["facts"]["train_views"], done["facts"]["test_views"]) == (4, 4)
    assert work_on(order(what)).ending == "done"
    assert len(audit(tmp_path)) == len(STAGES)
    assert not is_taken(state.lease, 60.0)


def test_a_stage_added_later_is_all_that_is_done(captures: Path, tmp_path: Path) -> None:
    what = job(captures, tmp_path)
    assert work_on(order(what, ("train",))).ending == "done"
    assert work_on(order(what, STAGES)).ending == "done"
    assert len(audit(tmp_path)) == len(STAGES)
    assert set(JobState.of(what).done()["stages"]) == set(STAGES)


def test_what_is_said_later_needs_no_stage(captures: Path, tmp_path: Path) -> None:
    what, file = job(captures, tmp_path), tmp_path / "captions.json"
    file.write_text('{"a": "A fox."}', encoding="utf-8")
    assert work_on(order(what)).ending == "done"
    said = replace(OPTIONS, captions=file, licence="CC0")
    for request, options in (("said", said), ("not said again", OPTIONS)):
        assert work_on(replace(order(what), request=request, options=options)).ending == "done"
        manifest = read_manifest(what.folder)
        assert (manifest["caption"], manifest["licence"]) == ("A fox.", "CC0")
    assert len(audit(tmp_path)) == len(STAGES)


def test_a_stage_whose_outputs_are_gone_is_done_again(captures: Path, tmp_path: Path) -> None:
    what = job(captures, tmp_path)
    assert work_on(order(what)).ending == "done"
    (what.folder / "results.json").unlink()
    again = replace(order(what), request="with other options")
    assert work_on(again).ending == "done"
    assert len(audit(tmp_path)) == len(STAGES) + 1


@pytest.mark.parametrize("ended", [True, False])
def test_what_was_trained_is_trained_anew_with_less(captures: Path, tmp_path: Path, ended: bool) -> None:
    """Whether the training had come to its end or a worker was killed in it."""
    what = job(captures, tmp_path)
    assert work_on(order(what)).ending == "done"
    run = RunFolder(what.folder)
    if not ended:
        for path in (run.point_cloud(ITERATIONS), run.partition):
            path.unlink()
    less = replace(OPTIONS, coarser=1, max_gaussians=100)
    outcome = work_on(replace(order(what), options=less, request="less", level=1))
    assert (outcome.ending, outcome.reason) == ("done", "")
    assert len(audit(tmp_path)) == 2 * len(STAGES)
    assert JobState.of(what).done()["stages"]["train"]["result"]["width"] == 16


def test_a_capture_that_changed_is_trained_anew(tmp_path: Path) -> None:
    captures = write_root(tmp_path / "captures", ("a",))
    what = job(captures, tmp_path / "out")
    assert work_on(order(what, ("train",))).ending == "done"
    cloud = RunFolder(what.folder).point_cloud(ITERATIONS)
    before = cloud.stat().st_mtime_ns
    transforms = captures / "1K" / "a" / "transforms.json"
    transforms.write_text(transforms.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    outcome = work_on(replace(order(what, ("train",)), request="anew"))
    assert (outcome.ending, outcome.reason) == ("done", "")
    assert cloud.stat().st_mtime_ns > before
    assert len(audit(tmp_path / "out")) == 2


def test_what_a_later_training_made_void_is_not_done_any_more(captures: Path, tmp_path: Path) -> None:
    what = job(captures, tmp_path)
    assert work_on(order(what)).ending == "done"
    less = replace(OPTIONS, coarser=1)
    with_less = replace(order(what, ("train",)), options=less, request="less", level=1)
    assert work_on(with_less).ending == "done"
    assert set(JobState.of(what).done()["stages"]) == {"train"}
    assert not JobState.of(what).is_done(STAGES, "less")
    assert "metrics" not in read_manifest(what.folder)["stages"]
    assert work_on(replace(with_less, stages=("metrics",))).ending == "error", "nothing is rendered"


def test_nothing_of_another_scene_is_removed(captures: Path, tmp_path: Path) -> None:
    """As where captures are reached by another path: the training refuses, and all is still there."""
    moved = write_root(tmp_path / "moved", ("a",))
    what, other = (job(root, tmp_path / "out") for root in (captures, moved))
    assert work_on(order(what)).ending == "done"
    before = sorted(what.folder.rglob("*"))
    outcome = work_on(replace(order(other), request="moved"))
    assert (outcome.ending, outcome.stage) == ("error", "train")
    assert "holds a run with another configuration" in outcome.reason
    assert sorted(what.folder.rglob("*")) == before


def test_a_job_that_another_process_has_is_left_alone(captures: Path, tmp_path: Path) -> None:
    what = job(captures, tmp_path)
    lease = Lease.take(JobState.of(what).lease, Holder.here(), 60.0)
    assert lease is not None
    assert work_on(order(what)).ending == "busy"
    assert not what.folder.exists()
    lease.give_back()


def test_a_scene_that_is_not_ready_is_the_users_to_mend(captures: Path, tmp_path: Path) -> None:
    (captures / "1K" / "bare" / "transforms.json").unlink(missing_ok=True)
    outcome = work_on(order(job(captures, tmp_path, "bare")))
    assert (outcome.ending, outcome.stage) == ("input", "check")
    assert "transforms.json" in outcome.reason


def test_an_error_in_a_stage_is_told(captures: Path, tmp_path: Path) -> None:
    what = job(captures, tmp_path)
    what.folder.mkdir(parents=True)
    (what.folder / "notes.txt").write_text("of somebody else", encoding="utf-8")
    outcome = work_on(order(what))
    assert (outcome.ending, outcome.stage) == ("error", "train")
    assert "is not empty (notes.txt)" in outcome.reason


@pytest.mark.parametrize(
    ("error", "ending"),
    [(MemoryError("no"), "memory"), (RuntimeError("no"), "error"), (KeyboardInterrupt(), "stopped")],
)
def test_whatever_a_stage_raises_is_an_answer(
    error: BaseException, ending: str, captures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(audited_stages, "STAGE_WORK", {"train": fail})
    outcome = work_on(order(job(captures, tmp_path), ("train",)))
    assert (outcome.ending, outcome.stage) == (ending, "train")
    assert not is_taken(JobState.of(job(captures, tmp_path)).lease, 60.0)


def test_a_stage_without_its_outputs_is_not_done(
    captures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audited_stages, "STAGE_WORK", {"train": lambda *_: {}})
    what = job(captures, tmp_path)
    outcome = work_on(order(what, ("train",)))
    assert outcome.ending == "error"
    assert "point_cloud.ply" in outcome.reason
    inputs = audited_stages.stage_inputs(what, "train", OPTIONS)
    assert not Stage(JobState.of(what).folder, "train", inputs).is_done()


def test_nothing_begins_on_a_full_disk(captures: Path, tmp_path: Path) -> None:
    outcome = work_on(order(job(captures, tmp_path), min_free_bytes=10**15))
    assert outcome.ending == "disk"
    assert "--min-free-gb" in outcome.reason


def test_leftovers_of_a_killed_worker_are_removed(captures: Path, tmp_path: Path) -> None:
    what = job(captures, tmp_path)
    assert work_on(order(what, ("train",))).ending == "done"
    state = JobState.of(what)
    folder = what.folder / "test" / ".renders.part"
    files = [state.folder / ".status.7.part.json", state.folder / "results" / ".render.7.part.json"]
    of_a_command = state.folder / "failures" / ".1.7.part.json"
    for parent in (folder, of_a_command.parent):
        parent.mkdir(parents=True)
    for file in (*files, of_a_command):
        file.touch()
    assert work_on(order(what, min_free_bytes=10**15)).ending == "disk"
    assert not [path for path in (folder, *files) if path.exists()]
    assert of_a_command.exists(), "a command may be writing it at this moment"


def test_by_hand_an_order_comes_from_stdin(captures: Path, tmp_path: Path) -> None:
    device = Device(threads=1)
    finished = subprocess.run(
        [sys.executable, "-m", "bulk.worker"],
        cwd=ROOT,
        input=replace(order(job(captures, tmp_path), ("train",)), device=device).to_json(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert Outcome.from_json(finished.stdout).ending == "done"
