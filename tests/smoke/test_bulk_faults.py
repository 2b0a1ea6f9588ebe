"""Nothing lost, done twice or half-written, though workers are killed, disks full and scenes bad."""

import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli import EXIT_INTERRUPTED
from tests.bulk.fault_run import FaultRun
from tests.conftest import ROOT

SOME_FAILED = 3
PATIENCE_SECONDS = 400


@pytest.fixture
def two_nodes() -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "tests.bulk.two_nodes"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as cluster:
        yield cluster
        assert cluster.stdin is not None
        cluster.stdin.close()
        try:
            cluster.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            cluster.kill()
            raise


def address_of(cluster: subprocess.Popen[str]) -> str:
    """What the cluster prints once it has begun."""
    assert cluster.stdout is not None
    ready, _, _ = select.select([cluster.stdout], [], [], PATIENCE_SECONDS)
    assert ready, "the Ray cluster did not begin"
    address = cluster.stdout.readline().strip()
    assert address, f"the Ray cluster ended with exit code {cluster.wait(PATIENCE_SECONDS)}"
    return address


def under_fire(run: FaultRun, *engine: str, kills: int, seed: int) -> None:
    """Two copies of the command, workers killed, and the disk full for a moment."""
    commands = [run.start(*engine), run.start("--max-workers", "1")]
    run.wait_for_a_worker()
    run.kill_workers(commands, kills // 2, seed)
    run.fill_disk()
    time.sleep(2)
    run.free_disk()
    run.kill_workers(commands, kills - kills // 2, seed + 1)
    codes = [command.wait(PATIENCE_SECONDS) for command in commands]
    assert codes == [SOME_FAILED, SOME_FAILED], run.logs()
    assert len(run.killed) >= kills // 2
    run.check()


@pytest.mark.slow
def test_two_copies_of_a_run_under_fire(tmp_path: Path) -> None:
    with FaultRun(tmp_path, good=2) as run:
        under_fire(run, "--max-workers", "2", kills=4, seed=1)
        done = run.audit()
        assert run.start().wait(PATIENCE_SECONDS) == SOME_FAILED
        assert run.audit() == done, "what was done is done, and what failed stays in quarantine"


@pytest.mark.slow
def test_a_command_that_is_killed_or_interrupted_goes_on(tmp_path: Path) -> None:
    with FaultRun(tmp_path, good=2) as run:
        for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, EXIT_INTERRUPTED)):
            command = run.start("--max-workers", "1")
            run.wait_for_a_worker()
            command.send_signal(number)
            assert command.wait(PATIENCE_SECONDS) == code, run.logs()
            run.wait_for_no_worker()
        assert run.start("--max-workers", "2").wait(PATIENCE_SECONDS) == SOME_FAILED, run.logs()
        run.check()


@pytest.mark.slow
def test_a_ray_cluster_that_loses_a_node(tmp_path: Path, two_nodes: subprocess.Popen[str]) -> None:
    assert two_nodes.stdin is not None
    address = address_of(two_nodes)
    with FaultRun(tmp_path, good=2) as run:
        command = run.start("--engine", "ray", "--ray-address", address, "--cpus-per-job", "1")
        run.wait_for_a_worker()
        two_nodes.stdin.write("lose\n")
        two_nodes.stdin.flush()
        run.kill_workers([command], 2, seed=3)
        assert command.wait(PATIENCE_SECONDS) == SOME_FAILED, run.logs()
        run.check()


@pytest.mark.large
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_twelve_scenes_under_fire(
    engine: str, tmp_path: Path, two_nodes: subprocess.Popen[str], request: pytest.FixtureRequest
) -> None:
    address = address_of(two_nodes)
    words = {
        "local": ("--max-workers", "2"),
        "ray": ("--engine", "ray", "--ray-address", address, "--cpus-per-job", "1"),
    }
    with FaultRun(tmp_path, good=10) as run:
        under_fire(run, *words[engine], kills=16, seed=11)
