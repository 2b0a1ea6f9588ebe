"""What a trainer reads: clips that hold both kinds of views, and all ways in which a folder may be broken."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk import consumer
from bulk.consumer import LENGTH, MASKS, SceneReader, accept, partition_problems
from core.files import read_json, write_json
from core.images import read_image, write_png
from tests.bulk.scenes import do, make_job, make_source

RENDERS = "ours_12/renders"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("consumer")
    job = make_job(make_source(base / "in" / "scene"), base / "out")
    do(job, "train", "render", "visibility")
    return job.folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy to be broken."""
    return shutil.copytree(finished, tmp_path / "scene_0.5")


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def smaller(path: Path) -> None:
    write_png(path, read_image(path)[:-1])


def rewrite(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    np.save(path, change(np.load(path)))


def swap(path: Path) -> None:
    partition = read_json(path)
    write_json(path, {**partition, "train": partition["train"][::-1]})


def interleave(path: Path) -> None:
    views = range(20)
    write_json(path, {"train": list(views[::2]), "test": list(views[1::2])})


BREAKS: list[tuple[str, Callable[[Path], object], str]] = [
    ("train/" + RENDERS + "/00003.png", cut_off, "does not decode"),
    ("test/ours_12/gt/00000.png", Path.unlink, "does not exist"),
    ("test/ours_12/gt/00001.png", smaller, "several sizes"),
    (f"test/ours_12/{MASKS}/00002.png", Path.unlink, "does not exist"),
    (f"train/ours_12/{MASKS}", shutil.rmtree, "does not exist"),
    ("cam_extrinsics.npy", Path.unlink, "does not exist"),
    ("cam_extrinsics.npy", lambda path: rewrite(path, lambda a: a[:-1]), "each of 0 to 18"),
    ("cam_extrinsics.npy", lambda path: rewrite(path, lambda a: a * np.nan), "not finite"),
    ("cam_extrinsics.npy", lambda path: rewrite(path, lambda a: 2 * a), "rotations that are none"),
    ("cam_extrinsics.npy", lambda path: rewrite(path, lambda a: a[:, :3]), "[20, 4, 4] was expected"),
    ("cam_intrinsics.npy", lambda path: rewrite(path, lambda a: -a), "not positive"),
    ("partition.json", lambda path: write_json(path, {"train": [0, 1, 1], "test": [2]}), "expected once"),
    ("partition.json", lambda path: write_json(path, {"train": ["a"], "test": [2]}), "numbers of views"),
    ("partition.json", swap, "not ascending"),
    ("partition.json", interleave, "no run of neighbours"),
    ("point_cloud", shutil.rmtree, "point_cloud.ply is missing"),
    ("train", shutil.rmtree, "nothing has been rendered"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "break_it", "told"), BREAKS, ids=[f"{b[0]}-{b[2]}" for b in BREAKS])
def test_what_is_broken_is_told(
    folder: Path, name: str, break_it: Callable[[Path], object], told: str
) -> None:
    assert accept(folder) == []
    break_it(folder / name)
    problems = accept(folder)
    assert any(told in problem for problem in problems), problems


def test_images_of_another_split_are_strays(folder: Path) -> None:
    shutil.copy(folder / "train" / RENDERS / "00000.png", folder / "train" / RENDERS / "00099.png")
    assert accept(folder) == ["train/renders has 11 images; the partition lists 10"]


def test_the_name_by_frame_is_needed_too(folder: Path) -> None:
    name = SceneReader(folder).partition["test"][0] + 1
    (folder / "test" / "ours_12" / MASKS / f"frame_{name:05d}.png").unlink()
    assert accept(folder) == [f"test/ours_12/{MASKS}/frame_{name:05d}.png is missing"]


def test_the_command_line_tells_and_counts(
    finished: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert consumer.main([str(finished)]) == 0
    assert capsys.readouterr().out == f"{finished}: accepted\n"
    (folder / "cfg_args").unlink()
    assert consumer.main([str(finished), str(folder)]) == 3
    assert capsys.readouterr().out.endswith(f"{folder}: cfg_args is missing\n")


@given(st.integers(10, 60), st.floats(0.05, 0.95), st.floats(0, 1), st.integers(0, 2**32))
def test_clips_mix_both_kinds_wherever_the_chunk_lies(count: int, share: float, at: float, seed: int) -> None:
    size = min(max(2, round(share * count)), count - 1)
    first = int(at * (count - size))
    train = list(range(first, first + size))
    test = [view for view in range(count) if view not in train]
    reader = object.__new__(SceneReader)
    reader.partition = {"train": train, "test": test}
    assert partition_problems(reader.partition, count) == []
    clip = reader.clip(random.Random(seed))
    assert len(clip) == LENGTH
    assert clip == sorted(clip)
    assert len(set(clip) & set(train)) >= 1
    assert len(set(clip) & set(test)) >= 1
