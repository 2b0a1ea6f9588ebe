"""From words to jobs, and what is refused before anything is done."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bulk.job_options import JobOptions
from bulk.planning import Selection, check_stages, claim, plan
from core.errors import UserError
from tests.bulk.scenes import IMAGES, write_root

SELECTION = Selection(split_ratio=(0.5, 0.25))


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_root(tmp_path_factory.mktemp("captures"), ("b", "a", "c"))


def keys(captures: Path, selection: Selection = SELECTION, out: Path = Path("out")) -> list[str]:
    return [job.key for job in plan("dl3dv", captures, out, selection)]


def test_jobs_are_scenes_times_splits(captures: Path) -> None:
    every = keys(captures)
    assert every == [f"1K/{scene}_{split}" for scene in "abc" for split in (0.25, 0.5)]
    assert keys(captures, replace(SELECTION, subset=("1K",))) == every
    assert keys(captures, replace(SELECTION, subset=("1K", "1K/"))) == every
    cut = keys(captures, replace(SELECTION, cut_start=1, cut_end=2))
    assert cut == every[2:4]


def test_cuts_share_all_scenes_out(captures: Path) -> None:
    parts = [keys(captures, replace(SELECTION, cut_start=at, cut_end=at + 1)) for at in range(3)]
    assert sorted(sum(parts, [])) == sorted(keys(captures))  # noqa: RUF017 - three lists


def test_jobs_that_exist_are_left_alone_if_asked_for(captures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "1K" / "a_0.5"
    for name in ("point_cloud/iteration_7/point_cloud.ply", "cam_extrinsics.npy", "partition.json"):
        assert "1K/a_0.5" in keys(captures, replace(SELECTION, skip_existing=True), tmp_path)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert "1K/a_0.5" not in keys(captures, replace(SELECTION, skip_existing=True), tmp_path)
    assert "1K/a_0.5" in keys(captures, SELECTION, tmp_path)


def test_workers_elsewhere_find_all_that_a_job_names(captures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(captures.parent)
    (first, *_) = plan("dl3dv", Path(captures.name), Path("out"), SELECTION)
    assert (first.scene.folder, first.root) == (captures / "1K" / "a", captures.parent / "out")


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        (replace(SELECTION, split_ratio=(0.5, 1.0)), "--split-ratio 1: shares between 0 and 1"),
        (replace(SELECTION, split_ratio=(0.0,)), "--split-ratio 0: shares"),
        (replace(SELECTION, split_ratio=(0.5, 0.1)), "--split-ratio 0.1 leaves fewer than 2 views"),
        (replace(SELECTION, cut_start=3), "--cut-start 3 and --cut-end left out leave none of the 3"),
    ],
)
def test_a_mistake_is_one_sentence(selection: Selection, sentence: str, captures: Path) -> None:
    with pytest.raises(UserError, match=sentence.replace(".", r"\.")):
        plan("dl3dv", captures, Path("out"), selection)


def test_a_root_without_scenes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no scene"):
        plan("dl3dv", tmp_path, Path("out"), SELECTION)
    with pytest.raises(UserError, match="does not exist"):
        plan("dl3dv", tmp_path / "none", Path("out"), SELECTION)


def test_what_deletes_needs_an_agreement() -> None:
    check_stages(("train", "render"), yes=False)
    check_stages(("clean",), yes=True)
    with pytest.raises(UserError, match="clean deletes outputs; add --yes"):
        check_stages(("clean",), yes=False)
    check_stages(("partition_fix",), yes=False)
    with pytest.raises(UserError, match="clean stands alone"):
        check_stages(("clean", "train"), yes=True)
    with pytest.raises(UserError, match="none twice"):
        check_stages(("train", "train"), yes=False)
    with pytest.raises(UserError, match="at least one"):
        check_stages((), yes=False)


def test_a_data_set_has_one_config(tmp_path: Path) -> None:
    options = JobOptions()
    digest = claim(tmp_path, "dl3dv", options)
    assert claim(tmp_path, "dl3dv", replace(options, yes=True)) == digest
    with pytest.raises(UserError, match="was begun with iterations 30000, and now it is 7"):
        claim(tmp_path, "dl3dv", replace(options, iterations=7))
    with pytest.raises(UserError, match="was begun with dataset dl3dv"):
        claim(tmp_path, "colmap", options)
    assert claim(tmp_path, "dl3dv", options, "images_4") == digest
    with pytest.raises(UserError, match="was begun with images images_4, and now it is images_8"):
        claim(tmp_path, "dl3dv", options, "images_8")
    assert [path.name for path in (tmp_path / ".bulk").iterdir()] == ["run.json"]


@pytest.mark.parametrize("reason", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_may_have_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(reason, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    digest = claim(tmp_path, "dl3dv", JobOptions())
    assert claim(tmp_path, "dl3dv", JobOptions()) == digest
    assert [path.name for path in (tmp_path / ".bulk").iterdir()] == ["run.json"]


def test_images_may_be_others(tmp_path: Path) -> None:
    write_root(tmp_path, ("a",))
    (tmp_path / "1K" / "a" / IMAGES).rename(tmp_path / "1K" / "a" / "images_8")
    with pytest.raises(UserError, match="no scene has more than 0 images"):
        plan("dl3dv", tmp_path, Path("out"), SELECTION)
    jobs = plan("dl3dv", tmp_path, Path("out"), replace(SELECTION, images="images_8"))
    assert {job.scene.images for job in jobs} == {"images_8"}
