"""Drives that stand for commands."""

from pathlib import Path

import torch

from generation.drives import recorded_trajectories, typical_drives
from generation.latents import LatentSplit
from scene.occupancy.driving import Command, command, trajectory
from tests.generation.stored_latents import FACTS, write_latents


def test_trajectories_are_those_of_the_windows(tmp_path: Path) -> None:
    latents = LatentSplit(write_latents(tmp_path), "train")
    trajectories, commands = recorded_trajectories(latents, legacy=False)
    assert trajectories.shape == (len(latents), FACTS.frames, 3)
    assert set(commands) == {Command.LEFT}  # an arc to the left, over two shards
    for row in (0, 5, 9):
        poses = latents[row].world_from_ego
        assert poses is not None
        torch.testing.assert_close(trajectories[row], trajectory(poses).float())


def test_drives_obey_their_commands() -> None:
    """Some of many, from the whole range; all of a few; none where there are none."""
    metres = torch.linspace(0.5, 2.0, 100)
    rows = torch.stack(
        [
            torch.linspace(0, 1, 4)[:, None] * torch.tensor([x, 0, sign * 0.2])
            for sign in (1, 0)
            for x in metres
        ]
    )
    orders = [command(row) for row in rows]
    drives = typical_drives(rows, orders)
    counts = {each.name: len(drives[each]) for each in Command}
    assert counts == {"STATIC": 0, "FORWARD": 32, "LEFT": 32, "RIGHT": 0}
    for each in Command:
        assert all(command(torch.tensor(drive)) == each for drive in drives[each])
    reached = [drive[-1][0] for drive in drives[Command.LEFT]]
    assert (min(reached), len(set(reached))) == (0.5, 32)
    assert max(reached) > 1.9
    few = typical_drives(rows[:3], orders[:3])[Command.LEFT]
    torch.testing.assert_close(torch.tensor(few), rows[:3], atol=1e-4, rtol=0)
