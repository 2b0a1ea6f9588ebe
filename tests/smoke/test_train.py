"""train.py as its user meets it: a process, flags, exit codes, and what survives kill -9."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import train
from core.serialization import load_state
from tests.training.captures import tiny_capture, write_capture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_capture(tmp_path_factory.mktemp("eine aufnahme mit ümlaut") / "blobs", tiny_capture())


def arguments(source: Path, run: Path, *more: str) -> list[str]:
    return ["-s", str(source), "-m", str(run), "--preset", "static-tiny", "--eval", *more]


def start(words: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "train.py", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, step: int) -> None:
    """Until a checkpoint of at least `step` is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and load_state(path)["loop"]["step"] >= step:
            return
        time.sleep(0.02)
    raise AssertionError(f"{path} did not reach step {step}")


def test_the_tiny_preset_end_to_end(source: Path, tmp_path: Path) -> None:
    assert train.main(["static", *arguments(source, tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "point_cloud" / "iteration_60" / "point_cloud.ply").exists()
    lines = (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert '"test_psnr"' in lines[-1]


LONG_ENOUGH_TO_STOP = ("--iterations", "1000", "--checkpoint-seconds", "0.2", "--exposure")


def finish(words: list[str]) -> None:
    process = start(words)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told


@pytest.fixture(scope="module")
def unbroken(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The last state of a run that nothing stopped."""
    run = tmp_path_factory.mktemp("unbroken")
    finish(arguments(source, run, *LONG_ENOUGH_TO_STOP))
    return load_state(run / "checkpoints" / "last.pt")["task"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_goes_on_to_the_same_end(
    source: Path, tmp_path: Path, unbroken: dict[str, Any], number: signal.Signals
) -> None:
    words = arguments(source, tmp_path, *LONG_ENOUGH_TO_STOP)
    process = start(words)
    checkpoint = tmp_path / "checkpoints" / "last.pt"
    wait_for(checkpoint, 20)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    expected = -signal.SIGKILL if number == signal.SIGKILL else 128 + number
    assert process.returncode == expected, told
    assert 20 <= load_state(checkpoint)["loop"]["step"] < 1000
    assert ("the same command continues from there" in told) == (number != signal.SIGKILL)
    finish(words)
    end = load_state(checkpoint)["task"]
    assert end["model"].keys() == unbroken["model"].keys()
    for name, table in end["model"].items():
        assert torch.equal(table, unbroken["model"][name])
    assert torch.equal(end["exposures"]["transforms"], unbroken["exposures"]["transforms"])


def test_mistakes_are_one_sentence_and_exit_code_2(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train.main(arguments(source, run)) == 0
    for words, told in [
        (arguments(source, run, "--iterations", "70"), "schedule.iterations is 60 there and 70 now"),
        (arguments(source, tmp_path / "new", "--bogus"), "--bogus"),
        (arguments(source, tmp_path / "new", "--iterations", "0"), "at least 1"),
        (arguments(source, tmp_path / "new", "--preset", "none-such"), "none-such"),
        (arguments(tmp_path / "absent", tmp_path / "new"), "absent does not exist"),
        (arguments(source, run / "config.json"), "choose another path"),
        (arguments(source, tmp_path / "new", "--test-images", "nobody.png"), "nobody.png"),
        (arguments(source, tmp_path / "new", "--backend", "none-such"), "none-such"),
    ]:
        capsys.readouterr()
        assert train.main(words) == 2, words
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("error: ")
        assert told in last
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("sh-degree", "4"),
        ("sh-degree-interval", "0"),
        ("init-opacity", "2"),
        ("init-scale", "0"),
        ("coarse-to-fine", "-1"),
        ("log-interval", "0"),
        ("checkpoint-seconds", "nan"),
        ("densification-interval", "0"),
        ("reset-opacity", "0"),
        ("min-opacity", "1"),
        ("split-factor", "0"),
        ("refine-interval", "0"),
        ("dead-opacity", "1"),
        ("noise-lr", "-1"),
        ("lambda-dssim", "1.5"),
        ("cache-mb", "-1"),
    ],
)
def test_a_number_out_of_range_is_one_sentence(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, value: str
) -> None:
    assert train.main(arguments(source, tmp_path / "new", f"--{flag}", value)) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert f"{flag.replace('-', '_')}: " in told[0]
    assert "was expected, got " in told[0]
    assert not (tmp_path / "new").exists()


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(source: Path, tmp_path: Path) -> None:
    # No file may grow beyond 9 kB: the configuration fits, the first checkpoint does not.
    limit = "import resource, sys, train; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
    command = f"{limit} sys.exit(train.main({arguments(source, tmp_path / 'run')!r}))"
    process = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
    )
    assert process.returncode == 2, process.stderr
    assert process.stderr.splitlines()[-1].startswith("error: cannot write")
    assert "Traceback" not in process.stderr
    left = {path.name for path in (tmp_path / "run").rglob("*")}
    assert "last.pt" not in left
    assert not any(".part" in name for name in left)
    assert train.main(arguments(source, tmp_path / "run")) == 0


def test_a_folder_that_cannot_be_made_is_one_sentence(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("needs a file system where nobody may make folders")
    assert train.main(arguments(source, Path("/proc/run"))) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: cannot make the folder /proc/run")
