"""Jobs from a capture to what consumers accept, and what is said when they cannot."""

import gc
import json
import os
import shutil
import tarfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import webdataset

from bulk.consumer import MASKS, SceneReader, accept
from bulk.job_options import Gates, JobOptions
from bulk.jobs import STAGES, Job, SceneSource
from bulk.manifest import read_manifest
from bulk.stages import STAGE_WORK, finish, stage_inputs, stage_outputs
from bulk.stages.checking import gate_problems
from bulk.stages.training import video_config
from bulk.states import JobState
from core.errors import UserError
from core.files import read_json, sha256_of, write_json
from core.images import read_gray
from core.run_folder import RunFolder
from tests.bulk.scenes import OPTIONS, VIEWS, do, make_job, make_source
from tests.training.videos import write_predicted
from training.mask_options import MaskOptions
from training.runs import open_run

ALL = ("train", "render", "visibility", "depth", "metrics", "validate", "pack")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("dl3dv") / "0a1b")


@pytest.fixture(scope="module")
def root(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two splits of a scene, done from end to end. Tests do not write into it."""
    root = tmp_path_factory.mktemp("data_set")
    jobs = [make_job(source, root, split) for split in (0.5, 0.3)]
    for job in jobs:
        results = do(job, *ALL)
        assert results["validate"] == {"passed": True, "problems": [], "contract": 0}
    finish(root, jobs)
    return root


@pytest.fixture
def job(root: Path, source: Path) -> Job:
    return make_job(source, root)


def test_the_layout_is_the_published_one(job: Job) -> None:
    published = [
        "point_cloud/iteration_12/point_cloud.ply", "cameras.json", "cfg_args", "input.ply",
        "cam_extrinsics.npy", "cam_intrinsics.npy", "partition.json", "results.json", "manifest.json",
        *(
            f"{views}/ours_12/{kind}/00000.png"
            for views in ("train", "test")
            for kind in ("renders", "gt", MASKS, f"{MASKS}_binary", "depth", "depth_16bit", "depth_alpha")
        ),
    ]  # fmt: skip
    assert job.folder == job.root / "1K" / "0a1b_0.5"
    assert [name for name in published if not (job.folder / name).is_file()] == []
    assert not list(job.folder.rglob(".*")), "nothing temporary is left"
    assert not (job.folder / "checkpoints").exists()


def test_consumers_accept_every_split(root: Path, source: Path) -> None:
    for split in (0.5, 0.3):
        assert accept(make_job(source, root, split).folder) == []


def test_images_are_those_of_their_views(job: Job) -> None:
    reader = SceneReader(job.folder)
    assert len(reader.places) == VIEWS
    for index in reader.places:
        view = reader.view(index)
        difference = np.abs(view.gt.astype(int) - view.render).mean()
        assert difference < 40, "a rendering shows what its photograph does"
        mask = reader.path(index, MASKS).with_name(f"frame_{index + 1:05d}.png")
        assert mask.samefile(reader.path(index, MASKS))
    names = {entry["view"]: entry["image"] for entry in read_manifest(job.folder)["views"]}
    assert names == {view: f"frame_{view + 1:05d}.png" for view in range(VIEWS)}


def test_splits_share_photographs(root: Path, source: Path) -> None:
    one, other = (SceneReader(make_job(source, root, split).folder) for split in (0.5, 0.3))
    for index in range(VIEWS):
        assert one.path(index, "gt").samefile(other.path(index, "gt"))
        assert not one.path(index, "renders").samefile(other.path(index, "renders"))


def test_outputs_are_there_when_a_stage_is_done(job: Job) -> None:
    for stage in ALL:
        outputs = stage_outputs(job, stage, OPTIONS)
        assert outputs
        assert all(path.exists() for path in outputs)


def test_inputs_pass_changes_on(job: Job) -> None:
    def changed(options: JobOptions, split: float = 0.5) -> set[str]:
        other = replace(job, split=split)
        return {s for s in STAGES if stage_inputs(job, s, OPTIONS) != stage_inputs(other, s, options)}

    everything = set(STAGES) - {"clean"}
    assert changed(OPTIONS) == set()
    assert changed(replace(OPTIONS, max_gaussians=99)) == everything
    assert changed(OPTIONS, split=0.7) == set(STAGES)
    masks = replace(OPTIONS, masks=MaskOptions(mask_content="binary"))
    assert changed(masks) == {"visibility", "validate", "pack"}
    assert changed(replace(OPTIONS, gates=Gates(gate_psnr=30.0))) == {"validate"}
    assert json.loads(json.dumps(stage_inputs(job, "validate", OPTIONS))) == stage_inputs(
        job, "validate", OPTIONS
    )


def test_inputs_change_with_the_capture(source: Path, tmp_path: Path) -> None:
    copy = make_source(tmp_path / "scene")
    job = make_job(copy, tmp_path / "out")
    model = job.scene.folder / "colmap" / "sparse" / "0" / "images.bin"
    model.parent.mkdir(parents=True)
    bare = stage_inputs(job, "render", OPTIONS)
    model.touch()
    before = stage_inputs(job, "render", OPTIONS)
    assert before != bare, "a model as DL3DV's downloader leaves it"
    os.utime(copy / "transforms.json", ns=(1, 1))
    assert stage_inputs(job, "render", OPTIONS) != before


def test_shards_are_read_back(job: Job) -> None:
    index = read_json(job.root / "shards" / "1K" / "0a1b_0.5.json")
    files = [job.root / "shards" / "1K" / shard["file"] for shard in index["shards"]]
    assert [sha256_of(file) for file in files] == [shard["sha256"] for shard in index["shards"]]
    reader = SceneReader(job.folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the package leaves closing to the collector
        urls = [str(file) for file in files]
        samples = list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False))
        gc.collect()
    assert len(samples) == VIEWS == index["shards"][0]["samples"]
    for index_, sample in enumerate(samples):
        facts = json.loads(sample["json"])
        assert sample["__key__"] == f"0a1b_0.5/{index_:05d}"
        assert facts["view"] == index_
        assert facts["set"] == reader.places[index_].views
        np.testing.assert_array_equal(facts["c2w"], reader.extrinsics[index_])
        for name, kind in (("gt", "gt"), ("render", "renders"), ("mask", MASKS)):
            assert sample[f"{name}.png"] == reader.path(index_, kind).read_bytes()


def test_shards_repeat_and_are_as_small_as_asked_for(
    root: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk.stages.packing._MB", 10_000)
    place = job.root / "shards" / "1K"
    before = (place / "0a1b_0.5-000000.tar").read_bytes()
    packed = do(job, "pack", options=replace(OPTIONS, shard_mb=1))["pack"]
    assert packed["shards"] > 1
    assert packed["samples"] == VIEWS
    monkeypatch.undo()
    assert do(job, "pack")["pack"]["shards"] == 1
    assert (place / "0a1b_0.5-000000.tar").read_bytes() == before
    assert len(list(place.glob("0a1b_0.5-*.tar"))) == 1, "shards of the earlier size are gone"
    with tarfile.open(place / "0a1b_0.5-000000.tar") as tar:
        assert all(member.mtime == 0 and not member.uname for member in tar)


def test_a_training_is_not_repeated_but_with_other_options(source: Path, tmp_path: Path) -> None:
    job = make_job(source, tmp_path)
    do(job, "train")
    cloud = RunFolder(job.folder).point_cloud(12)
    before = cloud.stat().st_mtime_ns
    (job.folder / "partition.json").unlink()
    assert do(job, "train")["train"]["train_views"] == 10
    assert cloud.stat().st_mtime_ns == before
    degraded = do(job, "train", options=replace(OPTIONS, coarser=1, max_gaussians=15))["train"]
    assert (degraded["width"], degraded["height"]) == (16, 12)
    assert cloud.stat().st_mtime_ns != before


def test_a_folder_of_another_scene_is_not_touched(source: Path, tmp_path: Path) -> None:
    job = make_job(source, tmp_path / "out")
    do(job, "train")
    other = make_job(make_source(tmp_path / "elsewhere" / "0a1b"), tmp_path / "out")
    with pytest.raises(UserError, match="holds a run with another configuration"):
        do(other, "train")
    assert RunFolder(job.folder).point_cloud(12).exists()


def test_a_scene_below_a_gate_is_kept_and_marked(source: Path, tmp_path: Path) -> None:
    job = make_job(source, tmp_path)
    strict = replace(OPTIONS, gates=replace(OPTIONS.gates, gate_psnr=90.0, gate_size=(256, 16)))
    found = do(job, "train", "render", "visibility", "metrics", "validate", options=strict)["validate"]
    assert not found["passed"]
    assert found["contract"] == 0
    assert len(found["problems"]) == 2
    assert found["problems"][1] == "width of the images is 32 px; 256 or more was expected"
    finish(tmp_path, [job])
    (entry,) = read_json(tmp_path / "index.json")["scenes"]
    assert entry["passed"] is False
    assert entry["problems"] == found["problems"]


def test_numbers_that_are_not_finite_are_below_every_gate() -> None:
    stages = {"metrics": {"psnr": float("nan")}, "visibility": {"unsupported_test": float("nan")}}
    assert len(gate_problems(stages, Gates())) == 2
    assert gate_problems({}, Gates()) == []


def test_a_partition_is_mended(source: Path, tmp_path: Path) -> None:
    job = make_job(source, tmp_path)
    do(job, "train", "render")
    path = job.folder / "partition.json"
    right = read_json(path)
    assert do(job, "partition_fix")["partition_fix"]["state"] == "fine"
    for wrong in ({"train": [0, 0], "test": [1]}, {"train": right["test"], "test": right["train"][::-1]}, []):
        write_json(path, wrong)
        fixed = do(job, "partition_fix")["partition_fix"]
        assert (fixed["state"], fixed["images_fit"]) == ("rewritten", True)
        assert read_json(path) == right


def test_what_cannot_be_mended_is_deleted_only_with_yes(tmp_path: Path) -> None:
    source = make_source(tmp_path / "in" / "scene")
    job = make_job(source, tmp_path / "out")
    do(job, "train", "render")
    (source / "transforms.json").unlink()
    (job.folder / "partition.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="with --yes --retry-quarantined it is deleted"):
        do(job, "partition_fix")
    assert job.folder.exists()
    fixed = do(job, "partition_fix", options=replace(OPTIONS, yes=True))
    assert fixed["partition_fix"]["state"] == "deleted"
    assert not job.folder.exists()


def test_clean_removes_a_job_and_what_only_it_needed(source: Path, tmp_path: Path) -> None:
    jobs = [make_job(source, tmp_path, split) for split in (0.5, 0.3)]
    for job in jobs:
        do(job, "train", "render")
    with pytest.raises(UserError, match="add --yes"):
        do(jobs[0], "clean")
    do(jobs[0], "clean", options=replace(OPTIONS, yes=True))
    assert not jobs[0].folder.exists()
    photograph = SceneReader(jobs[1].folder).path(3, "gt")
    assert photograph.stat().st_nlink == 2, "the other split still has its photographs"
    do(jobs[1], "clean", options=replace(OPTIONS, yes=True))
    assert not list((tmp_path / "1K").iterdir())


def test_a_job_that_is_being_deleted_does_not_count_as_done(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is killed in it leaves nothing that bears the job's name, and the next one all gone."""
    job, yes = make_job(source, tmp_path), replace(OPTIONS, yes=True)
    do(job, "train")
    done = JobState.of(job).done_file
    write_json(done, {"request": "digest", "stages": {"train": {}}})

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            do(job, "clean", options=yes)
    assert not done.exists()
    assert not job.folder.exists()
    do(job, "clean", options=yes)
    assert not list((tmp_path / "1K").glob(f"*{job.name}*"))


def test_cameras_are_filled_in(source: Path, tmp_path: Path) -> None:
    job = make_job(source, tmp_path)
    do(job, "train")
    before = (job.folder / "cam_extrinsics.npy").read_bytes()
    (job.folder / "cam_extrinsics.npy").unlink()
    assert do(job, "postprocess")["postprocess"] == {"train_views": 10, "test_views": 10}
    assert (job.folder / "cam_extrinsics.npy").read_bytes() == before
    coarse = make_job(source, tmp_path, 0.3)
    do(coarse, "train", options=replace(OPTIONS, coarser=1))
    intrinsics = (coarse.folder / "cam_intrinsics.npy").read_bytes()
    assert do(coarse, "postprocess")["postprocess"]["train_views"] == 6
    assert (coarse.folder / "cam_intrinsics.npy").read_bytes() == intrinsics, "those of the images as trained"


def test_every_stage_has_its_work() -> None:
    assert set(STAGE_WORK) == set(STAGES)


def test_half_drawn_images_are_not_seen(root: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = sorted(path for path in job.folder.rglob("*"))
    monkeypatch.setattr("bulk.stages.rendering.share_photographs", stop)
    with pytest.raises(KeyboardInterrupt):
        do(job, "render")
    assert sorted(path for path in job.folder.rglob("*")) == before


def test_masks_are_black_where_training_views_look(job: Job) -> None:
    reader = SceneReader(job.folder)
    means = {
        views: np.mean([read_gray(reader.path(i, MASKS)).mean() for i in reader.partition[views]])
        for views in ("train", "test")
    }
    assert means["train"] <= means["test"] + 1


def test_a_video_becomes_a_scene_like_any_other(tmp_path: Path) -> None:
    """From what is predicted of it, which the predictor's own tests make of real films."""
    film = write_predicted(tmp_path / "in" / "walk")
    job = Job(SceneSource("walk", "", film, "images", "video"), 0.5, tmp_path / "out")
    results = do(job, *ALL)
    assert results["validate"]["problems"] == ["number of held-out views is 4; 8 or more was expected"]
    assert job.folder == tmp_path / "out" / "walk_0.5"
    poses = SceneReader(job.folder).extrinsics
    np.testing.assert_allclose(poses, open_run(job.folder).capture.cameras.c2w, atol=1e-6)
    (job.folder / "partition.json").unlink()
    assert do(job, "postprocess")["postprocess"] == {"train_views": 4, "test_views": 4}
    assert do(job, "train", options=replace(OPTIONS, max_gaussians=60))["train"]["gaussians"] <= 60
    assert not (job.folder / "test").exists(), "images of the larger scene are gone"


def test_a_film_is_trained_on_its_share_of_frames(tmp_path: Path) -> None:
    film = SceneSource("a", "", tmp_path / "a.mp4", "", "video")
    method = video_config(Job(film, 0.3, tmp_path / "out"), replace(OPTIONS, seed=7))
    assert (method.split.split, method.seed) == (0.3, 7)
