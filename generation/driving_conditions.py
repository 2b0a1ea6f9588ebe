"""What a window's poses and neighbours tell the transformer."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from core.errors import UserError
from generation.dit import Conditions, DitConfig
from generation.latents import Latent, LatentSplit
from scene.occupancy.driving import Command, command, thresholds, trajectory


def driving(
    world_from_ego: Float64[Tensor, "T 4 4"], seconds_per_frame: float, legacy: bool
) -> tuple[Float[Tensor, "T 3"], Command]:
    """A window's trajectory and command.

    Args:
        world_from_ego: its poses.
        seconds_per_frame: time between them.
        legacy: as DynamicCity computes both.
    """
    rows = trajectory(world_from_ego, legacy=legacy)
    limits = None if legacy else thresholds(len(rows), seconds_per_frame)
    return rows.float(), command(rows, limits, legacy=legacy)


def check_conditions(config: DitConfig, latents: LatentSplit) -> None:
    """Raise UserError where latents lack what a transformer is conditioned by."""
    if (config.trajectory or config.command) and not latents.has_poses:
        raise UserError(
            f"{latents.folder} has no poses, without which there are no trajectories and commands; leave out "
            "--trajectory and --command, or encode a data set with poses"
        )
    if config.hexplane and all(latents.previous(row) is None for row in range(len(latents))):
        raise UserError(
            f"no window of {latents.folder} begins where another ends, so that --hexplane cannot be learned; "
            "leave it out, or encode with a stride that divides a window's frames"
        )


def conditions_of(
    config: DitConfig,
    windows: Sequence[Latent],
    previous: Float[Tensor, "B C H W"],
    has_previous: Sequence[bool],
    seconds_per_frame: float,
    legacy: bool,
) -> Conditions:
    """The conditions of some windows that a transformer knows.

    Args:
        config: of the transformer.
        windows: with poses, where it knows trajectories or commands.
        previous: rollouts of the windows before, at the scale of the transformer; any values where there is
            none.
        has_previous: whether there is one.
        seconds_per_frame: time between a window's frames.
        legacy: trajectories and commands as DynamicCity computes them.
    """
    kept = torch.ones(len(windows), 4, dtype=torch.bool)
    kept[:, 0] = torch.tensor(has_previous)
    trajectories: list[Tensor] = []
    commands: list[int] = []
    if config.trajectory or config.command:
        for window in windows:
            assert window.world_from_ego is not None  # as check_conditions has seen
            rows, order = driving(window.world_from_ego, seconds_per_frame, legacy)
            trajectories.append(rows)
            commands.append(int(order))
    return Conditions(
        hexplane=previous if config.hexplane else None,
        layout=torch.stack([window.layout for window in windows]) if config.layout else None,
        trajectory=torch.stack(trajectories) if config.trajectory else None,
        command=torch.tensor(commands) if config.command else None,
        kept=kept,
    )
