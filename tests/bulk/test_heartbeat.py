"""A lease lives while its heart beats, and a worker that lost it ends at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bulk.heartbeat import Heartbeat
from bulk.leases import Holder, Lease, is_taken
from bulk.orders import WorkLimits
from tests.conftest import ROOT

SLEEPER = """
import sys, time
from pathlib import Path
from bulk.heartbeat import Heartbeat
from bulk.leases import Holder, Lease
from bulk.orders import WorkLimits
lease = Lease.take(Path(sys.argv[1]), Holder.here(), 60.0)
with Heartbeat(lease, WorkLimits(beat_seconds=0.05, grace_seconds=0.2)):
    print("beats", flush=True)
    time.sleep(60)
"""


def test_a_lease_stays_alive(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path, Holder.here(), 60.0)
    assert lease is not None
    with Heartbeat(lease, WorkLimits(beat_seconds=0.05)):
        os.utime(tmp_path / "1", (1.0, 1.0))
        until = time.monotonic() + 20
        while (tmp_path / "1").stat().st_mtime == 1.0:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert is_taken(tmp_path, 60.0)


def sleeper(folder: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", SLEEPER, str(folder)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "beats\n"
    return process


def test_a_worker_that_lost_its_lease_ends(tmp_path: Path) -> None:
    with sleeper(tmp_path) as process:
        (tmp_path / "2").touch()
        assert process.wait(20) == -signal.SIGKILL
