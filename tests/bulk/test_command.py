"""The command from its words to its exit code."""

import json
import re
import tarfile
from functools import partial
from pathlib import Path

import pytest

import dataset_generation
from bulk.catalogue import INDEX
from bulk.command import EXIT_SOME_FAILED, DatasetGeneration, LimitOptions, generate
from core import cli
from core.files import read_json
from tests.bulk import audited_stages
from tests.bulk.scenes import LENIENT_FLAGS, write_root


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_root(tmp_path_factory.mktemp("captures"), ("a", "bare"))
    (root / "1K" / "bare" / "transforms.json").unlink()
    return root


def words(captures: Path, out: Path, *more: str) -> list[str]:
    places = ["--dataset", "dl3dv", "--dataset-root", str(captures), "--output-dir", str(out)]
    return [*places, "--subset", "1K", "--split-ratio", "0.5", "--iterations", "20", *more]


def run(captures: Path, out: Path, *more: str) -> int:
    command = partial(generate, tell=print, work=audited_stages.__name__)
    stages = (
        "--stages",
        "train",
        "render",
        "metrics",
        "--max-workers",
        "1",
        "--min-free-gb",
        "0",
        *LENIENT_FLAGS,
    )
    return cli.run(command, DatasetGeneration, args=words(captures, out, *stages, *more), prog="generate")


def test_some_fail_and_all_is_told(
    captures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(captures, tmp_path / "out") == EXIT_SOME_FAILED
    told = capsys.readouterr().err
    assert "2 jobs: about" in told
    assert "1K/bare_0.5: input in check" in told
    assert "1 of 2 jobs are done, 1 failed" in told
    assert read_json(tmp_path / "out" / "report.json")["counts"]["done"] == 1
    index = read_json(tmp_path / "out" / INDEX)
    assert [entry["folder"] for entry in index["scenes"]] == ["1K/a_0.5"]
    assert run(captures, tmp_path / "out", "--cut-end", "1") == 0
    assert run(captures, tmp_path / "out", "--iterations", "21") == cli.EXIT_USER_ERROR
    assert "was begun with iterations 20, and now it is 21" in capsys.readouterr().err


def test_captions_that_come_later_need_no_training(captures: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "out", tmp_path / "captions.json"
    words = ("--cut-end", "1", "--stages", "train", "render", "visibility", "pack")
    seen: list[tuple[str, str]] = []
    for texts in (None, {"a": "A fox."}, {"a": "Two foxes."}):
        said = ()
        if texts:
            file.write_text(json.dumps(texts), encoding="utf-8")
            said = ("--captions", str(file), "--licence", "CC0")
        assert run(captures, out, *words, *said) == 0
        manifest = read_json(out / "1K" / "a_0.5" / "manifest.json")
        with tarfile.open(out / "shards" / "1K" / "a_0.5-000000.tar") as tar:
            member = tar.extractfile("a_0.5/00000.json")
            assert member is not None
            seen.append((manifest["caption"], json.load(member)["caption"]))
        assert read_json(out / "1K" / "captions.json")["captions"][0]["caption"] == manifest["caption"]
    assert seen == [("", ""), ("A fox.",) * 2, ("Two foxes.",) * 2]
    assert manifest["licence"] == "CC0"
    begun = [json.loads(line) for line in (out / audited_stages.AUDIT).read_text().splitlines()]
    stages = [line["stage"] for line in begun if line["event"] == "begin"]
    assert stages == ["train", "render", "visibility", "pack", "pack", "pack"]


def test_quarantine_ends_when_the_user_says_so(
    captures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only_bare = ("--cut-start", "1")
    assert run(captures, tmp_path / "out", *only_bare) == EXIT_SOME_FAILED
    capsys.readouterr()
    assert run(captures, tmp_path / "out", *only_bare) == EXIT_SOME_FAILED
    assert "input in check" not in capsys.readouterr().err
    assert run(captures, tmp_path / "out", *only_bare, "--retry-quarantined") == EXIT_SOME_FAILED
    assert "input in check" in capsys.readouterr().err


def test_a_dry_run_lists_and_does_nothing(
    captures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dataset_generation.main(words(captures, tmp_path / "out", "--dry-run")) == 0
    told = capsys.readouterr()
    assert [line.split("\t")[0] for line in told.out.splitlines()] == ["1K/a_0.5", "1K/bare_0.5"]
    assert "train:pending" in told.out
    assert re.search(r"2 jobs: about .* are free; about .* hours of one worker", told.err)
    assert not (tmp_path / "out").exists()
    assert run(captures, tmp_path / "out", "--cut-end", "1") == 0
    capsys.readouterr()
    assert run(captures, tmp_path / "out", "--dry-run") == 0
    told = capsys.readouterr()
    assert "1K/a_0.5\ttrain:done render:done metrics:done" in told.out
    assert re.search(r"1 jobs: about .* of one worker, and 1 are done", told.err)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--dataset", "nope"), "invalid choice 'nope'"),
        (("--dataset-root", "nowhere"), "--dataset-root nowhere does not exist"),
        (("--split-ratio", "1.5"), "shares between 0 and 1 were expected"),
        (("--split-ratio", "0.01"), "leaves fewer than 2 views for training"),
        (("--stages", "clean"), "add --yes"),
        (("--stages", "clean", "train", "--yes"), "clean stands alone"),
        (("--captions", "nowhere.json"), "nowhere.json"),
        (
            ("--engine", "ray", "--ray-address", "127.0.0.1:9"),
            "no Ray cluster answers at --ray-address 127.0.0.1:9",
        ),
        (("--engine", "ray", "--ray-address", "nonsense"), "auto, HOST:PORT or ray://HOST:PORT was expected"),
        (("--engine", "slurm"), "--engine slurm"),
        (("-r", "0"), "-r 0 was given"),
        (("--max-workers", "0"), "max_workers: at least 1"),
        (("--stale-seconds", "1"), "at least three heartbeats"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    more: tuple[str, ...], sentence: str, captures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dataset_generation.main(words(captures, tmp_path / "out", *more)) == cli.EXIT_USER_ERROR
    told = capsys.readouterr().err
    assert sentence in told
    assert "Traceback" not in told


def test_an_empty_root_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    places = ["--dataset", "dl3dv", "--dataset-root", str(tmp_path / "empty"), "--output-dir", str(tmp_path)]
    assert dataset_generation.main(places) == cli.EXIT_USER_ERROR
    assert str(tmp_path / "empty") in capsys.readouterr().err


def test_limits_have_the_units_of_workers() -> None:
    limits = LimitOptions(stall_minutes=2.0, stage_hours=0.5, min_free_gb=1.5).for_workers()
    assert (limits.stall_seconds, limits.stage_seconds, limits.min_free_bytes) == (120, 1800, 1_500_000_000)
