"""Drives that stand for commands: what "left" may mean, as a transformer's training has seen it.

A command says that the vehicle turns, not how fast or how far, and a transformer that knows trajectories
draws better by one. Where it is told a command alone, one of these is chosen for each scene.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from generation.driving_conditions import driving
from generation.latents import LatentSplit
from scene.occupancy.driving import Command

Drives = tuple[tuple[tuple[tuple[float, float, float], ...], ...], ...]
"""For each command trajectories, whose rows are x, y (metres) and yaw (radians)."""

_OF_A_COMMAND = 32
_DECIMALS = 4


def recorded_trajectories(latents: LatentSplit, legacy: bool) -> tuple[Float[Tensor, "N T 3"], list[Command]]:
    """Trajectories and commands of all windows, which must have poses."""
    rows: list[Tensor] = []
    commands: list[Command] = []
    for poses in latents.poses():
        trajectory, order = driving(poses, latents.facts.seconds_per_frame, legacy)
        rows.append(trajectory)
        commands.append(order)
    return torch.stack(rows), commands


def typical_drives(trajectories: Float[Tensor, "N T 3"], commands: Sequence[Command]) -> Drives:
    """For each command some of its trajectories, evenly spread over the recordings; none where none is."""
    chosen: list[tuple[tuple[tuple[float, float, float], ...], ...]] = []
    for command in Command:
        rows = [row for row, order in enumerate(commands) if order == command]
        count = min(len(rows), _OF_A_COMMAND)
        chosen.append(tuple(_told(trajectories[rows[k * len(rows) // count]]) for k in range(count)))
    return tuple(chosen)


def _told(trajectory: Float[Tensor, "T 3"]) -> tuple[tuple[float, float, float], ...]:
    rows = trajectory.double().tolist()
    return tuple((round(x, _DECIMALS), round(y, _DECIMALS), round(yaw, _DECIMALS)) for x, y, yaw in rows)
