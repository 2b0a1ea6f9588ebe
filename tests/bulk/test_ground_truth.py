"""Photographs of a scene's splits are one file where they can be, and copies where they cannot."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bulk.ground_truth import forget_photographs, share_photographs, store
from bulk.jobs import Job
from core.folders import remove
from scene.splits import Split
from tests.bulk.scenes import make_job
from tests.training.test_mask_files import tiny_run
from training.runs import TrainedRun


def split_of(
    tmp_path: Path, split: float, train: tuple[int, ...], text: str = "photograph"
) -> tuple[Job, TrainedRun]:
    """A job whose photographs are written."""
    job = make_job(tmp_path / "in" / "scene", tmp_path / "out", split)
    run = tiny_run(job.folder, train)
    for views, rows in (("train", run.split.train), ("test", run.split.test)):
        folder = run.folder.images(views, run.iteration, "gt")
        folder.mkdir(parents=True)
        for position, view in enumerate(rows):
            (folder / f"{position:05d}.png").write_text(f"{text} {view}", encoding="utf-8")
    return job, run


def test_the_same_view_is_the_same_file(tmp_path: Path) -> None:
    one, run = split_of(tmp_path, 0.5, (0, 1, 2))
    assert share_photographs(one, run).linked == 6
    two, other = split_of(tmp_path, 0.3, (2, 3))
    sharing = share_photographs(two, other)
    assert (sharing.linked, sharing.copied) == (6, 0)
    assert (
        run.folder.images("train", 60, "gt")
        .joinpath("00002.png")
        .samefile(other.folder.images("train", 60, "gt") / "00000.png")
    )


def test_images_of_another_size_are_not_taken_for_the_same(tmp_path: Path) -> None:
    share_photographs(*split_of(tmp_path, 0.5, (0, 1, 2)))
    job, run = split_of(tmp_path, 0.3, (2, 3), text="smaller")
    assert share_photographs(job, run).copied == 6
    assert run.folder.images("train", 60, "gt").joinpath("00000.png").read_text() == "smaller 2"


def test_without_links_every_split_keeps_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    job, run = split_of(tmp_path, 0.5, (0, 1, 2))
    assert share_photographs(job, run).copied == 6
    assert list(store(job).iterdir()) == []


def test_photographs_are_forgotten_with_their_last_split(tmp_path: Path) -> None:
    jobs = [split_of(tmp_path, split, (0, 1)) for split in (0.5, 0.3)]
    for job, run in jobs:
        share_photographs(job, run)
    remove(jobs[0][0].folder)
    forget_photographs(jobs[0][0])
    assert len(list(store(jobs[0][0]).iterdir())) == 6
    remove(jobs[1][0].folder)
    forget_photographs(jobs[1][0])
    assert not store(jobs[0][0]).parent.exists()


def test_splits_may_be_forgotten_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, run = split_of(tmp_path, 0.5, (0, 1))
    share_photographs(job, run)
    remove(job.folder)
    real = Path.glob

    def after_others(folder: Path, pattern: str) -> list[Path]:
        """What was listed, and has been removed since."""
        found = list(real(folder, pattern))
        remove(store(job).parent)
        return found

    monkeypatch.setattr(Path, "glob", after_others)
    forget_photographs(job)


def test_splits_of_other_views_are_independent(tmp_path: Path) -> None:
    job, run = split_of(tmp_path, 0.5, (0, 1))
    assert share_photographs(job, replace(run, split=Split((0,), (), "by hand"))).linked == 1
