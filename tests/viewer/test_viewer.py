import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from scene.occupancy.files import write_occupancy
from tests.architecture.source_tree import ROOT
from tests.scene.occupancy.streets import street
from viewer.__main__ import main


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    write_occupancy(tmp_path / "a.npz", street())
    command = [sys.executable, "-m", "viewer", "-m", str(tmp_path / "a.npz"), "--port", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address, line
        with urllib.request.urlopen(address[0], timeout=20) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stderr.read() == "interrupted\n"
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def test_a_path_without_scenes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", str(tmp_path)]) == 2
    assert "holds no scenes" in capsys.readouterr().err
