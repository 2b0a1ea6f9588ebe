"""The files of the whole data set: of all scenes, whoever made them, and made again without change."""

from dataclasses import replace
from pathlib import Path

import pytest

from bulk.catalogue import finish
from bulk.jobs import Job
from bulk.manifest import update_manifest
from core.files import read_json
from tests.bulk.scenes import OPTIONS, make_job


def finished_job(root: Path, name: str, subset: str, psnr: float, passed: bool = True) -> Job:
    """A job of which there is a manifest alone."""
    job = make_job(root.parent / "in" / name, root, 0.5, subset)
    job.folder.mkdir(parents=True)
    update_manifest(job, OPTIONS, "metrics", {"psnr": psnr, "ssim": 0.9, "lpips": None})
    problems = [] if passed else ["it is dark"]
    update_manifest(job, OPTIONS, "validate", {"passed": passed, "problems": problems, "contract": 0})
    return job


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "out"
    finished_job(root, "b", "1K", 20.0)
    finished_job(root, "a", "1K", 30.0, passed=False)
    finished_job(root, "garden", "", 25.0)
    return root


def test_the_index_has_all_jobs_in_the_root(root: Path) -> None:
    finish(root, [])
    entries = read_json(root / "index.json")["scenes"]
    assert [(e["subset"], e["scene_id"], e["passed"]) for e in entries] == [
        ("1K", "a_0.5", False), ("1K", "b_0.5", True), ("", "garden_0.5", True)
    ]  # fmt: skip
    assert entries[0]["folder"] == "1K/a_0.5"
    assert entries[0]["problems"] == ["it is dark"]


def test_captions_have_a_subset_where_there_is_one(root: Path) -> None:
    finish(root, [])
    assert read_json(root / "1K" / "captions.json")["captions"][1] == {
        "scene_id": "b_0.5", "subset": "1K", "caption": ""
    }  # fmt: skip
    assert read_json(root / "captions.json") == {"captions": [{"scene_id": "garden_0.5", "caption": ""}]}


def test_the_card_says_what_there_is(root: Path) -> None:
    finish(root, [])
    card = (root / "README.md").read_text(encoding="utf-8")
    assert "| 1K | 0.5 | 2 | 25.00 |" in card
    assert "| - | 0.5 | 1 | 25.00 |" in card
    assert "1 of 3 are below a gate" in card
    assert "- DL3DV-10K: the terms" in card


def test_again_changes_nothing(root: Path) -> None:
    finish(root, [])
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    finish(root, [replace(make_job(root / "x", root), split=0.9)])
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_card_of_somebody_else_stays(root: Path) -> None:
    (root / "README.md").write_text("My notes.", encoding="utf-8")
    finish(root, [])
    assert (root / "README.md").read_text(encoding="utf-8") == "My notes."
