"""What a transformer is told about a window's drive."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import UserError
from generation.driving_conditions import check_conditions, conditions_of, driving
from generation.latents import LatentSplit
from scene.occupancy.driving import Command, trajectory
from tests.generation.micro import CONDITIONAL, UNCONDITIONAL
from tests.generation.stored_latents import FACTS, write_latents
from tests.scene.occupancy.recordings import poses_on_arc


def test_a_gentle_bend_is_a_turn_for_dynamiccity_only() -> None:
    poses = poses_on_arc(16, yaw_step=0.002)
    rows, order = driving(poses, 0.1, legacy=False)
    assert order == Command.FORWARD
    assert torch.equal(rows[0], torch.zeros(3))
    world, order = driving(poses, 0.1, legacy=True)
    assert order == Command.LEFT
    assert torch.equal(world, trajectory(poses, legacy=True).float())
    assert world[0, 2] == pytest.approx(0.4)  # the yaw of the world


def test_slower_windows_may_turn_further() -> None:
    poses = poses_on_arc(4, yaw_step=0.02)  # 0.06 rad in all
    assert driving(poses, 0.1, legacy=False)[1] == Command.LEFT
    assert driving(poses, 0.5, legacy=False)[1] == Command.FORWARD


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> LatentSplit:
    return LatentSplit(write_latents(tmp_path_factory.mktemp("latents")), "train")


def test_conditions_are_those_that_the_transformer_knows(latents: LatentSplit) -> None:
    windows = [latents[0], latents[4]]
    previous = torch.stack([window.rollout.float() for window in windows])
    told = conditions_of(CONDITIONAL, windows, previous, [False, True], 0.1, legacy=False)
    assert told.hexplane is previous
    assert told.command is not None
    assert told.command.tolist() == [Command.LEFT, Command.LEFT]
    assert told.trajectory is not None
    assert told.trajectory.shape == (2, 4, 3)
    assert told.kept is not None
    assert told.kept[:, 0].tolist() == [False, True]
    assert told.kept[:, 1:].all()
    nothing = conditions_of(UNCONDITIONAL, windows, previous, [False, True], 0.1, legacy=False)
    assert all(
        each is None for each in (nothing.hexplane, nothing.layout, nothing.trajectory, nothing.command)
    )


def test_latents_that_lack_what_is_needed_are_told(tmp_path: Path, latents: LatentSplit) -> None:
    check_conditions(CONDITIONAL, latents)
    without = LatentSplit(write_latents(tmp_path / "no poses", poses=False), "train")
    check_conditions(UNCONDITIONAL, without)
    for name in ("trajectory", "command"):
        with pytest.raises(UserError, match=r"has no poses.*leave out --trajectory and --command"):
            check_conditions(replace(UNCONDITIONAL, **{name: True}), without)
    apart = replace(FACTS, skip=3)  # a window reaches beyond every later one
    alone = LatentSplit(write_latents(tmp_path / "alone", apart), "train")
    check_conditions(UNCONDITIONAL, alone)
    with pytest.raises(UserError, match="so that --hexplane cannot be learned"):
        check_conditions(replace(UNCONDITIONAL, hexplane=True), alone)
