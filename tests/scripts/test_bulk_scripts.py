"""Scripts that make data sets: what they call, with a shell function in place of Python, and refuse."""

import os
import subprocess
from pathlib import Path

import pytest

from bulk.datasets.mipnerf360 import INDOOR, OUTDOOR
from tests.architecture.source_tree import ROOT

STAGES = "--stages train render visibility depth metrics validate"
SPLITS = "--split-ratio 0.1 0.3 0.5 0.7 0.9"


def run(folder: Path, script: str, *words: str) -> "subprocess.CompletedProcess[str]":
    project = folder / "project ü"
    (project / "scripts").mkdir(parents=True)
    (project / "scripts" / script).write_bytes((ROOT / "scripts" / script).read_bytes())
    (project / "scripts" / "setup.sh").write_text("true\n")
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "activate").write_text('python() { echo "$*" >> "$CALLS"; }\n')
    return subprocess.run(
        ["bash", project / "scripts" / script, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "CALLS": str(folder / "calls"), "VIRTUAL_ENV": ""},
    )


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_dl3dv_runs_every_stage(tmp_path: Path) -> None:
    (tmp_path / "data" / "1K").mkdir(parents=True)
    assert run(tmp_path, "dl3dv.sh", "data", "out", "--max-workers", "2").returncode == 0
    assert calls(tmp_path) == [
        f"dataset_generation.py --dataset dl3dv --dataset-root {tmp_path}/data --output-dir {tmp_path}/out "
        f"--subset 1K {SPLITS} {STAGES} --max-workers 2"
    ]


def test_dl3dv_makes_its_scenes_where_there_are_none(tmp_path: Path) -> None:
    assert run(tmp_path, "dl3dv.sh", "data", "out", "--synthetic").returncode == 0
    made, generated = calls(tmp_path)
    assert made == f"-m data.synthetic dl3dv --out {tmp_path}/data --scenes 4 --subset 1K"
    assert generated.endswith(f"--split-ratio 0.1 0.3 0.6 {STAGES} --iterations 300")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "error: usage: bash scripts/dl3dv.sh DATA OUT"),
        (["data", "--synthetic"], "error: usage: bash scripts/dl3dv.sh DATA OUT"),
        (["none", "out"], "none is missing; `python -m data.download_dl3dv --to"),
    ],
)
def test_dl3dv_says_what_is_wrong(tmp_path: Path, words: list[str], expected: str) -> None:
    result = run(tmp_path, "dl3dv.sh", *words)
    assert result.returncode == 2
    assert expected in result.stderr
    assert not (tmp_path / "calls").exists()


def test_mipnerf360_in_bulk(tmp_path: Path) -> None:
    for scene in INDOOR | OUTDOOR:
        (tmp_path / "data" / scene / "sparse").mkdir(parents=True)
    assert run(tmp_path, "mipnerf360.sh", "--bulk", "data", "out", "--dry-run").returncode == 0
    assert calls(tmp_path) == [
        f"dataset_generation.py --dataset mipnerf360 --dataset-root {tmp_path}/data "
        f"--output-dir {tmp_path}/out {SPLITS} {STAGES} --dry-run"
    ]
