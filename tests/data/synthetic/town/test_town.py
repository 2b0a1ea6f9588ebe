"""Whole drives from the command line: readable, repeatable, and much like CarlaSC in what they hold."""

from pathlib import Path

import numpy as np
import pytest
import torch

from data.download_carlasc import main as check
from data.synthetic.__main__ import main
from scene.datasets.carlasc import merged_counts, open_carlasc
from scene.occupancy.classes import CARLASC
from scene.occupancy.driving import Command, command, trajectory
from scene.occupancy.frequencies import count_classes
from scene.occupancy.sequence import CARLASC_GRID
from scene.occupancy.windows import Windows


def make(folder: Path, *flags: str) -> Path:
    assert main(["town", str(folder), "--workers", "1", *flags]) == 0
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    flags = ("--scenes", "2", "--test-scenes", "1", "--frames", "3", "--grid", "32", "32", "8")
    return make(tmp_path_factory.mktemp("made") / "small", *flags)


def test_the_reader_reads_it(small: Path) -> None:
    data = open_carlasc(small)
    assert [scene.name for scene in data.train] == ["Town01_Light", "Town02_Medium"]
    assert [scene.name for scene in data.test] == ["Town03_Heavy"]
    window = data.train[0].read(range(3))
    assert window.classes.shape == (3, 32, 32, 8)
    assert window.grid.origin_m == (-6.4, -6.4, -2.0)
    assert window.grid.voxel_m == (0.4, 0.4, 0.375)
    assert window.invalid is not None
    assert window.world_from_ego is not None
    assert window.world_from_ego[0].equal(torch.eye(4, dtype=torch.float64))
    assert check(["--check", str(small), "--frames", "3"]) == 0


def test_the_same_seed_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    flags = ("--scenes", "2", "--test-scenes", "1", "--frames", "3", "--grid", "32", "32", "8")
    assert main(["town", "--out", str(tmp_path / "again"), "--workers", "2", *flags]) == 0
    assert contents(tmp_path / "again") == contents(small)
    other = make(tmp_path / "other", *flags, "--seed", "1")
    assert contents(other).keys() == contents(small).keys()
    assert contents(other) != contents(small)


def test_towns_differ(small: Path) -> None:
    data = open_carlasc(small)
    first, second, third = (scene.read([0]).classes for scene in (*data.train, *data.test))
    assert not first.equal(second)
    assert not second.equal(third)


def test_poses_fit_the_voxels(tmp_path: Path) -> None:
    """What rests in the world lies under the same world coordinates in every frame."""
    folder = make(tmp_path / "drive", "--scenes", "1", "--test-scenes", "0", "--frames", "30")
    window = open_carlasc(folder).train[0].read([0, 29])
    assert window.world_from_ego is not None
    assert window.grid == CARLASC_GRID
    moved = torch.linalg.inv(window.world_from_ego[1]) @ window.world_from_ego[0]
    ground = torch.tensor(CARLASC.ground)
    index = torch.isin(window.classes[0], ground).nonzero()
    edges, origin = torch.tensor(window.grid.voxel_m), torch.tensor(window.grid.origin_m)
    local = ((index + 0.5) * edges + origin).double() @ moved[:3, :3].T + moved[:3, 3]
    there = torch.floor((local - origin) / edges).long()
    inside = ((there >= 0) & (there < torch.tensor(window.grid.size))).all(1)
    before = window.classes[0][tuple(index[inside].T)]
    after = window.classes[1][tuple(there[inside].T)]
    # Only voxels at the edges between two classes are rounded to another one.
    assert float((before == after).float().mean()) > 0.9
    assert int(inside.sum()) > 1000


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    flags = ("--scenes", "6", "--test-scenes", "0", "--frames", "40")
    return make(tmp_path_factory.mktemp("made") / "several", *flags)


def test_shares_of_classes_are_carlascs(several: Path) -> None:
    """Each within a factor of two of the published training split."""
    counts = count_classes(open_carlasc(several).train, every=13).double()
    published = merged_counts().double()
    ratio = (counts / counts.sum() / (published / published.sum()))[: len(CARLASC) - 1]
    told = dict(zip(CARLASC.names, ratio.tolist(), strict=False))
    assert all(0.5 < value < 2 for value in told.values()), told
    assert int(counts[CARLASC.names.index("bicycle")]) == 0


def test_other_voxels(tmp_path: Path) -> None:
    flags = ("--scenes", "0", "--test-scenes", "1", "--frames", "2", "--grid", "48", "40", "16")
    scene = open_carlasc(make(tmp_path / "fine", *flags, "--voxel-m", "0.2")).test[0]
    assert scene.grid.voxel_m == (0.2, 0.2, 0.1875)
    assert scene.grid.origin_m == (-4.8, -4.0, -2.0)
    classes = scene.read([0]).classes[0]
    heights = torch.isin(classes, torch.tensor(CARLASC.ground)).any(0).any(0).nonzero()
    assert int(heights.max()) <= 3


def test_commands_can_be_told(small: Path) -> None:
    poses = Windows(open_carlasc(small).test, 3)[0].world_from_ego
    assert poses is not None
    assert command(trajectory(poses)) in set(Command)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--scenes", "0", "--test-scenes", "0"), "at least one was expected"),
        (("--scenes", "99"), "at most 99 towns"),
        (("--frames", "1"), "2 to 100000"),
        (("--seed", "-1"), "neither may be negative"),
        (("--grid", "4", "64", "8"), "8 to 512 voxels"),
        (("--voxel-m", "0.8"), "0.1 to 0.4"),
    ],
)
def test_what_cannot_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], message: str
) -> None:
    assert main(["town", str(tmp_path / "none"), *flags]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(small)
    assert main(["town", str(small), "--scenes", "1"]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert contents(small) == before
    assert np.all([len(value) > 0 for value in before.values()])
