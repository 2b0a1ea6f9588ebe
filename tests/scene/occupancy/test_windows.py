"""Windows cover scenes as they should, and augmented ones are still true recordings of one world."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from scene.occupancy.driving import Command, command, trajectory
from scene.occupancy.sequence import Grid, Occupancy
from scene.occupancy.windows import Windows, augment, draw_augmentation
from tests.scene.occupancy.recordings import frame_of, poses_on_arc, scene


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 3), st.integers(1, 4))
def test_windows_are_all_that_fit(frames: int, length: int, skip: int, stride: int) -> None:
    expected = [
        first
        for first in range(0, frames, stride)
        if all(first + row * (skip + 1) < frames for row in range(length))
    ]
    if not expected:
        with pytest.raises(UserError, match="choose shorter windows"):
            Windows([scene(frames=frames)], length, skip, stride)
        return
    windows = Windows([scene(frames=frames)], length, skip, stride)
    assert [windows.place(index)[1] for index in range(len(windows))] == expected
    last = windows[len(windows) - 1]
    assert len(last) == length
    assert last.classes[-1].equal(frame_of(expected[-1] + (length - 1) * (skip + 1)))


def test_the_published_numbers() -> None:
    """1785 windows of 16 in a scene of 1800 frames."""
    assert len(Windows([scene(frames=1800)], 16)) == 1785


def test_windows_do_not_cross_scenes() -> None:
    windows = Windows([scene("a", 5), scene("b", 2), scene("c", 4)], 3)
    assert [(each.name, first) for each, first in map(windows.place, range(len(windows)))] == [
        ("a", 0), ("a", 1), ("a", 2), ("c", 0), ("c", 1),
    ]  # fmt: skip


def test_order_is_a_function_of_seed_and_epoch() -> None:
    windows = Windows([scene(frames=60)], 2)
    assert windows.order(1, 2).equal(windows.order(1, 2))
    assert sorted(windows.order(1, 2).tolist()) == list(range(len(windows)))
    assert not windows.order(1, 2).equal(windows.order(1, 3))
    assert not windows.order(1, 2).equal(windows.order(2, 2))


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="are the least"):
        Windows([scene()], 0)


def occupied_in_world(window: Occupancy) -> torch.Tensor:
    """Middles of the occupied voxels of each frame in the world, with their classes."""
    points = []
    assert window.world_from_ego is not None
    for classes, pose in zip(window.classes, window.world_from_ego, strict=True):
        index = classes.nonzero()
        local = (index + 0.5) * torch.tensor(window.grid.voxel_m) + torch.tensor(window.grid.origin_m)
        world = local.double() @ pose[:3, :3].T + pose[:3, 3]
        points.append(torch.cat([world, classes[tuple(index.T)][:, None].double()], dim=1))
    return torch.cat(points)


def as_set(points: torch.Tensor) -> list[tuple[float, ...]]:
    return sorted(tuple(round(value, 4) + 0.0 for value in point) for point in points.tolist())


@pytest.mark.parametrize("bits", range(8))
def test_an_augmented_window_shows_the_mirrored_world(bits: int) -> None:
    """Voxels and poses together: the world's points are those of the original, mirrored."""
    window = Windows([scene()], 4)[2]
    changed = augment(window, bits)
    mirror = torch.tensor([-1.0 if bits & 1 else 1.0, -1.0 if bits & 2 else 1.0, 1, 1], dtype=torch.float64)
    assert as_set(occupied_in_world(changed)) == as_set(occupied_in_world(window) * mirror)
    assert changed.world_from_ego is not None
    assert torch.linalg.det(changed.world_from_ego).allclose(torch.ones(4, dtype=torch.float64))
    assert changed.frame_names == (window.frame_names[::-1] if bits & 4 else window.frame_names)
    assert changed.invalid is not None
    assert changed.invalid.equal(changed.classes == 3)
    again = augment(changed, bits)
    assert again.classes.equal(window.classes)
    assert again.world_from_ego is not None
    assert window.world_from_ego is not None
    assert again.world_from_ego.equal(window.world_from_ego)


def test_a_mirrored_left_turn_is_a_right_turn() -> None:
    window = replace(Windows([scene()], 9)[0], world_from_ego=poses_on_arc(9, 0.06))
    commands = []
    for bits in (0, 2, 5):
        poses = augment(window, bits).world_from_ego
        assert poses is not None
        rows = trajectory(poses)
        commands.append(command(rows))
        assert rows[-1, 0] > 0, "these drive ahead"
    assert commands == [Command.LEFT, Command.RIGHT, Command.LEFT]


def test_a_grid_that_is_not_around_the_vehicle_is_not_mirrored() -> None:
    window = replace(Windows([scene()], 2)[0], grid=Grid((6, 4, 2), (0.0, -0.8, -2.0), (0.4, 0.4, 0.375)))
    assert augment(window, 2).classes.equal(window.classes.flip(2))
    with pytest.raises(ValueError, match=r"middle is 1\.2 m off"):
        augment(window, 1)


def test_drawn_augmentations() -> None:
    source = torch.Generator().manual_seed(0)
    drawn = [draw_augmentation(source, 0.5) for _ in range(2000)]
    assert set(drawn) == set(range(8))
    # 1/2 + 1/16 are left as they are; three standard deviations are 0.034.
    assert math.isclose(drawn.count(0) / 2000, 0.5625, abs_tol=0.034)
    assert {draw_augmentation(source, 0.0) for _ in range(50)} == {0}
