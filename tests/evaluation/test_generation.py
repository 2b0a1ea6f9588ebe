"""The command from folders to a table and JSON, and what it says about folders that will not do."""

import json
from pathlib import Path

import pytest
import torch

from evaluation.generation import main
from scene.occupancy.classes import CARLASC
from scene.occupancy.files import write_occupancy
from scene.occupancy.sequence import Grid, Occupancy
from tests.evaluation.voxel_worlds import random_world, seen, way

GRID = Grid((24, 24, 4), (-4.8, -4.8, -2.0), (0.4, 0.4, 0.75))
TRAINING = ("--train-features", "--steps", "2", "--channels", "8")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A reference, and sequences that were told to stand and do."""
    root = tmp_path_factory.mktemp("sets")
    world = random_world(0)
    for i in range(5):
        occupancy = seen(world, way(3, 2.0 + i, 0.1 * i), grid=GRID)
        write_occupancy(root / "reference" / f"{i}.npz", occupancy)
        still = Occupancy(occupancy.classes[:1].expand(3, -1, -1, -1).contiguous(), CARLASC, GRID)
        write_occupancy(root / "generated" / f"{i}.npz", still, {"command": "STATIC" if i else "FORWARD"})
    return root / "reference", root / "generated"


def test_report_and_table(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference, generated = map(str, folders)
    network, out = str(tmp_path / "net.safetensors"), tmp_path / "report.json"
    assert main([reference, generated, "-o", str(out), "--network", network, *TRAINING]) == 0
    table, numbers = capsys.readouterr().out, json.loads(out.read_text())
    assert numbers["commands"]["STATIC"] == {"sequences": 4, "obeyed": 1.0, "done": {"STATIC": 4}}
    assert numbers["commands"]["FORWARD"]["obeyed"] == 0
    assert numbers["network"]["fingerprint"] in table
    assert numbers["scores"]["network"]["fid"] > 0
    assert numbers["generated"]["sequences"] == 5
    again = tmp_path / "again.json"
    assert main([reference, reference, "-o", str(again), "--network", network]) == 0
    same = json.loads(again.read_text())
    assert same["scores"]["network"]["fid"] == pytest.approx(0, abs=1e-6)
    assert same["scores"]["counted"]["precision"] == 1
    assert same["scores"]["counted"]["copied_share"] == 1
    assert same["network"]["fingerprint"] == numbers["network"]["fingerprint"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "--train-features"),
        (("--frames", "9"), "0 sequences of 9 frames"),
        (("--frames", "0"), "--frames 0"),
        (("--most", "2"), "--most 2"),
        (("--pictures", "absent.pt"), "absent.pt does not exist"),
    ],
)
def test_one_sentence(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], told: str
) -> None:
    assert main([*map(str, folders), *flags]) == 2
    message = capsys.readouterr().err
    assert told in message
    assert message.count("\n") == 1


def test_sets_of_different_kinds(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = Grid((4, 4, 4), (0.0, 0.0, 0.0), (0.4, 0.4, 0.75))
    for i in range(4):
        empty = Occupancy(torch.zeros(3, 4, 4, 4, dtype=torch.uint8), CARLASC, grid)
        write_occupancy(tmp_path / f"{i}.npz", empty)
    assert main([str(folders[0]), str(tmp_path)]) == 2
    assert "voxels (24, 24, 4)" in capsys.readouterr().err
