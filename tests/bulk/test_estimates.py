"""Gigabytes and hours of jobs: of the size that is published for DL3DV, additive, and from few files."""

from pathlib import Path

import pytest

from bulk.datasets import discover
from bulk.estimates import Estimate, estimate
from bulk.job_options import JobOptions
from bulk.jobs import Job, SceneSource, StageName

STAGES: tuple[StageName, ...] = ("train", "render", "visibility", "depth", "metrics")


def scene(folder: Path, views: int = 4, image_bytes: int = 900_000, points: int = 1000) -> SceneSource:
    """Files of the right names and sizes, and nothing in them."""
    (folder / "images_4").mkdir(parents=True)
    (folder / "sparse" / "0").mkdir(parents=True)
    (folder / "sparse" / "0" / "cameras.bin").touch()
    sized(folder / "sparse" / "0" / "points3D.bin", 110 * points)
    for number in range(views):
        sized(folder / "images_4" / f"frame_{number:05d}.png", image_bytes)
    return SceneSource(folder.name, "1K", folder, "images_4", "dl3dv")


def sized(path: Path, length: int) -> None:
    with path.open("wb") as file:
        file.truncate(length)


def test_no_jobs_take_nothing() -> None:
    assert estimate([], STAGES) == Estimate(0, 0.0, 0, 0)


def test_a_scene_of_dl3dv_takes_what_its_users_report(tmp_path: Path) -> None:
    """300 views at 960x540 in five splits: 4 to 6 GB with ground truth kept once, without depth."""
    source = scene(tmp_path / "abc", views=300, points=250_000)
    jobs = [Job(source, split, tmp_path) for split in (0.1, 0.3, 0.5, 0.7, 0.9)]
    told = estimate(jobs, ("train", "render", "visibility"))
    assert 3 < told.gigabytes < 6
    # 30,000 steps at half a megapixel on two cores take more than a quarter of an hour and less than three.
    assert 5 * 0.25 < told.hours < 5 * 3


def test_splits_share_their_ground_truth(tmp_path: Path) -> None:
    source = scene(tmp_path / "abc")
    one, two = (
        estimate([Job(source, split, tmp_path) for split in splits], ("render",)).bytes
        for splits in ((0.5,), (0.5, 0.9))
    )
    assert two == pytest.approx(1.5 * one, abs=2)


def test_jobs_and_stages_add_up(tmp_path: Path) -> None:
    jobs = [Job(scene(tmp_path / str(number), views=2 + number), 0.5, tmp_path) for number in range(3)]
    together = estimate(jobs, STAGES)
    assert together.bytes == pytest.approx(sum(estimate([job], STAGES).bytes for job in jobs), abs=5)
    assert together.seconds == pytest.approx(sum(estimate(jobs, [stage]).seconds for stage in STAGES))
    assert (together.jobs, together.scenes_looked_at) == (3, 3)


def test_fewer_iterations_and_coarser_images_take_less(tmp_path: Path) -> None:
    jobs = [Job(scene(tmp_path / "abc"), 0.5, tmp_path)]
    assert estimate(jobs, STAGES, JobOptions(iterations=100)).seconds < 0.1 * estimate(jobs, STAGES).seconds
    ways = ({}, {"coarser": 1}, {"extra_downscale": 2}, {"resolution": 2}, {"resolution": 480})
    whole, *others = (estimate(jobs, ("render",), JobOptions(**way)).bytes for way in ways)
    assert others == pytest.approx([whole / 4] * 4, rel=0.01)
    assert estimate(jobs, ("render",), JobOptions(resolution=4)).bytes == whole, "images_4 are so already"


def test_of_many_scenes_some_are_looked_at(tmp_path: Path) -> None:
    """Of equal scenes the estimate is as many times that of one."""
    source = scene(tmp_path / "1K" / "abc")
    for number in range(600):
        (tmp_path / "1K" / f"{number:04d}").symlink_to(source.folder)
    jobs = [Job(found, 0.5, tmp_path) for found in discover("dl3dv", tmp_path)]
    told = estimate(jobs, STAGES)
    assert told.jobs == 601
    assert told.scenes_looked_at <= 256
    assert told.bytes == pytest.approx(601 * estimate([Job(source, 0.5, tmp_path)], STAGES).bytes, rel=1e-6)


def test_a_scene_without_images_takes_nothing(tmp_path: Path) -> None:
    source = SceneSource("abc", "1K", tmp_path / "abc", "images_4", "dl3dv")
    assert estimate([Job(source, 0.5, tmp_path)], ("render",)).bytes == 0


def test_films_are_not_opened(tmp_path: Path) -> None:
    film = SceneSource("a", "", tmp_path / "a.mp4", "", "video")
    told = estimate([Job(film, 0.5, tmp_path)], STAGES)
    assert told.gigabytes > 0.1
    assert told.hours > 0.1
