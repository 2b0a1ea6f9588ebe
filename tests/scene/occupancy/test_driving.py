"""Trajectories do not depend on where the world's origin is; commands say what the vehicle does."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scene.occupancy.driving import LEGACY_THRESHOLDS, Command, Thresholds, command, thresholds, trajectory
from tests.scene.occupancy.recordings import poses_on_arc

ANGLES = st.floats(-math.pi, math.pi)


def turned(yaw: float, x: float, y: float) -> torch.Tensor:
    pose = torch.eye(4, dtype=torch.float64)
    pose[:2, :2] = torch.tensor([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    pose[:2, 3] = torch.tensor([x, y])
    return pose


@given(ANGLES, st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(-0.1, 0.1))
def test_a_trajectory_is_the_same_from_everywhere(yaw: float, x: float, y: float, step: float) -> None:
    poses = poses_on_arc(16, step)
    moved = trajectory(turned(yaw, x, y) @ poses)
    torch.testing.assert_close(moved, trajectory(poses), atol=1e-5, rtol=0)
    assert moved[0].tolist() == [0, 0, 0]


def test_it_is_seen_from_the_first_frame() -> None:
    """Against the inverse of the first pose, which the closed form does not use."""
    poses = poses_on_arc(16, 0.1)
    relative = torch.linalg.inv(poses[0]) @ poses
    rows = trajectory(poses)
    torch.testing.assert_close(rows[:, :2], relative[:, :2, 3])
    torch.testing.assert_close(rows[:, 2], 0.1 * torch.arange(16, dtype=torch.float64))


@pytest.fixture
def example() -> torch.Tensor:
    """16 poses, yaw from 0 to 0.3 rad, x = 3 + 0.5 i, y = -2 + 0.1 i."""
    return torch.stack([turned(0.02 * i, 3 + 0.5 * i, -2 + 0.1 * i) for i in range(16)])


def test_the_legacy_form(example: torch.Tensor) -> None:
    rows = trajectory(example, legacy=True)
    # From the original modules: translation is not rotated, yaw is the world's.
    assert rows[15].tolist() == pytest.approx([7.5, 1.5, 0.3])
    shifted = trajectory(turned(0.5, 0, 0) @ example, legacy=True)
    assert float(shifted[0, 2]) == pytest.approx(0.5)


@pytest.mark.parametrize("legacy", [False, True])
def test_the_commands_of_the_original(example: torch.Tensor, legacy: bool) -> None:
    def told(poses: torch.Tensor) -> Command:
        return command(trajectory(poses, legacy=legacy), legacy=legacy)

    assert told(example) == Command.LEFT
    assert told(example[:1].repeat(16, 1, 1)) == Command.STATIC
    mirror = torch.tensor([1.0, -1.0, 1.0, 1.0], dtype=torch.float64)
    assert told(mirror[:, None] * example * mirror) == Command.RIGHT
    assert told(poses_on_arc(16, 0.0)) == Command.FORWARD


def test_legacy_takes_any_breath_of_yaw_for_a_turn() -> None:
    rows = torch.zeros(16, 3)
    rows[:, 0] = torch.arange(16)
    rows[4, 2], rows[9:, 2] = 0.003, -0.4
    assert command(rows, legacy=True) == Command.LEFT
    assert command(rows) == Command.RIGHT
    rows[9:, 2] = 0
    assert command(rows, legacy=True) == Command.LEFT
    assert command(rows) == Command.FORWARD


@given(ANGLES, st.floats(-1.5, 1.5))
def test_headings_across_the_cut_are_near_each_other(start: float, change: float) -> None:
    rows = torch.zeros(16, 3, dtype=torch.float64)
    rows[:, 2] = start + torch.linspace(0, change, 16, dtype=torch.float64)
    rows[:, 2] = torch.atan2(rows[:, 2].sin(), rows[:, 2].cos())
    if abs(abs(change) - thresholds(16).turn_rad) < 1e-6:
        return
    turns = abs(change) > thresholds(16).turn_rad
    expected = (Command.LEFT if change > 0 else Command.RIGHT) if turns else Command.STATIC
    assert command(rows) == expected


@pytest.mark.parametrize("frames", [4, 8, 16, 32])
def test_the_default_means_the_same_at_every_length(frames: int) -> None:
    """A turn at 0.2 rad/s and a crawl of 0.4 m/s are what they are in short and long windows."""
    assert command(trajectory(poses_on_arc(frames, 0.02))) == Command.LEFT
    assert command(trajectory(poses_on_arc(frames, -0.02))) == Command.RIGHT
    assert command(trajectory(poses_on_arc(frames, 0.002, 0.04))) == Command.FORWARD
    assert command(trajectory(poses_on_arc(frames, 0.0, 0.02))) == Command.STATIC


def test_thresholds_can_be_chosen() -> None:
    rows = trajectory(poses_on_arc(16, 0.02))
    assert command(rows, Thresholds(turn_rad=1.0, forward_m=1.0)) == Command.FORWARD
    assert command(rows, Thresholds(turn_rad=1.0, forward_m=100.0)) == Command.STATIC
    assert Thresholds(0.0025, 0.03) == LEGACY_THRESHOLDS
    assert thresholds(16).turn_rad == pytest.approx(0.1125)
    assert thresholds(16).forward_m == pytest.approx(0.45)
