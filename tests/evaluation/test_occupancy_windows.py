"""Files cut into sequences of one length, with the commands that their facts name."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import UserError
from evaluation.occupancy_windows import (
    Window,
    check_alike,
    cut,
    evenly,
    fingerprint,
    read_reference,
    read_windows,
    shortest,
)
from scene.occupancy.classes import CARLASC, OCC3D_WAYMO
from scene.occupancy.driving import Command
from scene.occupancy.files import write_occupancy
from scene.occupancy.sequence import Grid, Occupancy
from tests.scene.occupancy.recordings import write_carlasc

GRID = Grid((4, 4, 2), (0.0, 0.0, 0.0), (0.4, 0.4, 0.4))


def occupancy(frames: int, seed: int = 0) -> Occupancy:
    drawn = torch.Generator().manual_seed(seed)
    return Occupancy(
        torch.randint(0, 11, (frames, 4, 4, 2), generator=drawn, dtype=torch.uint8), CARLASC, GRID
    )


def test_windows_do_not_overlap() -> None:
    whole = occupancy(7)
    found = cut([Window("a", whole, Command.LEFT), Window("b", occupancy(2), None)], frames=3, most=9)
    assert [each.name for each in found] == ["a:0", "a:3"]
    assert torch.equal(torch.cat([each.occupancy.classes for each in found]), whole.classes[:6])
    assert {each.command for each in found} == {Command.LEFT}


def test_recorded_windows_may_leave_out_frames(tmp_path: Path) -> None:
    for split in ("Train", "Test"):
        write_carlasc(tmp_path / "Cartesian" / split / "Town01_Light", frames=9)
    (every,) = read_reference(tmp_path, frames=9, most=9)
    found = read_reference(tmp_path, frames=2, most=9, skip=1)
    assert [each.name for each in found] == ["Town01_Light:0", "Town01_Light:4"]
    expected = every.occupancy.classes[[0, 2, 4, 6]]
    assert torch.equal(torch.cat([each.occupancy.classes for each in found]), expected)


def test_evenly() -> None:
    assert evenly(list(range(10)), 5) == [0, 2, 4, 6, 8]
    assert evenly(list(range(3)), 5) == [0, 1, 2]


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("LEFT", "LEFT"),
        ("right", "RIGHT"),
        (1, "FORWARD"),
        (0, "STATIC"),
        (7, None),
        (True, None),
        ("up", None),
        (None, None),
    ],
)
def test_commands_in_files(tmp_path: Path, said: object, command: str | None) -> None:
    write_occupancy(tmp_path / "a.npz", occupancy(2), {} if said is None else {"command": said})
    (window,) = read_windows(tmp_path, most=9)
    assert (None if window.command is None else window.command.name) == command
    assert shortest([window]) == 2


def test_fingerprint_is_of_the_voxels() -> None:
    first, same, other = (
        Window(name, occupancy(2, seed), None) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert fingerprint([first]) == fingerprint([same]) != fingerprint([other])


def test_only_like_compares() -> None:
    base = occupancy(2)
    check_alike([Window("a", base, None), Window("b", occupancy(5), None)])
    for other, told in (
        (replace(base, class_set=OCC3D_WAYMO), "classes"),
        (replace(base, grid=Grid(GRID.size, GRID.origin_m, (0.8, 0.4, 0.4))), "voxel edges"),
        (replace(base, seconds_per_frame=0.5), "each 0.5 s"),
        (
            replace(
                base.frames(slice(0, 1)),
                classes=base.classes[:, :2],
                grid=Grid((2, 4, 2), GRID.origin_m, GRID.voxel_m),
            ),
            "voxels",
        ),
    ):
        with pytest.raises(UserError, match=told):
            check_alike([Window("a", base, None), Window("b", other, None)])


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=str(tmp_path)):
        read_windows(tmp_path, most=9)
