"""Two processes that share a training, as `torchrun` starts them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_pair(code: str, *words: str | Path) -> list[str]:
    """Run a program twice at once, as two members of a team; both must end well. What each said on stderr."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    members = [
        subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            cwd=ROOT,
            env={**shared, "WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        told = [member.communicate(timeout=300)[1] for member in members]
    finally:
        for member in members:
            member.kill()
            member.communicate()
    assert [member.returncode for member in members] == [0, 0], told
    return told
