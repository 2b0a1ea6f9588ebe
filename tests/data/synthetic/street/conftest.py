"""The log of a drive, made once by the command line as coarsely as will do."""

from pathlib import Path

import pytest

from data.synthetic.__main__ import main

FLAGS = ["--frames", "2", "--width", "72", "--height", "48", "--samples", "1", "--texture-px", "16"]
FLAGS += ["--shadow-px", "128", "--sun-directions", "1", "--voxel-m", "1", "--workers", "1", "--seed", "3"]
FLAGS += ["--cars", "3", "--walkers", "1", "--lidar-columns", "120", "--lidar-noise-m", "0"]


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("street") / "log"
    assert main(["street", "--out", str(out), *FLAGS]) == 0
    return out
