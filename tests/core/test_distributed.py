"""Teams of one and of two: sums over processes, and what a wrong environment is told."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.distributed import Team, joined
from core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")

MEMBER = """
import torch
from core.distributed import joined
with joined(torch.device("cpu")) as team:
    assert team.size == 2 and team.leads == (team.rank == 0)
    assert team.sum(torch.tensor([1.0, 10.0 * team.rank])).tolist() == [2.0, 10.0]
    first, second = torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)
    (first * (team.rank + 1)).sum().backward()
    if team.rank:
        (5 * second).sum().backward()
    team.sum_gradients([first, second])
    assert first.grad.tolist() == [3.0, 3.0] and second.grad.tolist() == [5.0]
    team.wait()
"""


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("alone")
def test_alone_nothing_changes() -> None:
    with joined(CPU) as team:
        assert (team.rank, team.size, team.leads) == (0, 1, True)
        value = torch.tensor([1.0, 2.0], requires_grad=True)
        assert team.sum(value).tolist() == [1.0, 2.0]
        assert not team.sum(value).requires_grad
        value.sum().backward()
        unused = torch.ones(1, requires_grad=True)
        team.sum_gradients([value, unused])
        assert value.grad is not None
        assert value.grad.tolist() == [1.0, 1.0]
        assert unused.grad is None
        team.wait()


@pytest.mark.usefixtures("alone")
def test_the_device_is_the_processors_where_there_is_no_other() -> None:
    with joined() as team:
        assert team.device.type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_an_incomplete_environment_is_told(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with (
        pytest.raises(UserError, match=r"RANK, MASTER_ADDR, MASTER_PORT is not set; start with torchrun"),
        joined(CPU),
    ):
        pass


def test_more_processes_than_gpus_are_told(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "64")
    with pytest.raises(UserError, match="nproc-per-node"), joined(torch.device("cuda", 64)):
        pass


def test_sums_leave_their_argument_alone() -> None:
    value = torch.tensor(3.0)
    summed = Team(0, 1, CPU).sum(value)
    summed += 1
    assert float(value) == 3


@pytest.mark.slow
def test_two_processes_sum_values_and_gradients() -> None:
    """In the environment that torchrun makes. A gradient that one process lacks counts as zero."""
    environment = {
        **os.environ,
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        environment["MASTER_PORT"] = str(probe.getsockname()[1])
    members = [
        subprocess.Popen(
            [sys.executable, "-c", MEMBER],
            cwd=ROOT,
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [member.communicate(timeout=100)[1] for member in members]
    assert [member.returncode for member in members] == [0, 0], told
