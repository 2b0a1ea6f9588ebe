"""What a report says about classes, motion and commands of sequences that are known."""

import math
from dataclasses import replace

import pytest
import torch

from evaluation.ego_motion import EgoMotion
from evaluation.generation_report import against_poses, class_shares, obedience
from evaluation.occupancy_windows import Window
from scene.occupancy.classes import CARLASC
from scene.occupancy.driving import Command, Thresholds
from scene.occupancy.sequence import Grid, Occupancy

LIMITS = Thresholds(turn_rad=0.08, forward_m=0.5)
GRID = Grid((2, 2, 2), (0.0, 0.0, 0.0), (0.4, 0.4, 0.4))


def filled(value: int) -> Occupancy:
    return Occupancy(torch.full((2, 2, 2, 2), value, dtype=torch.uint8), CARLASC, GRID)


def motion(yaw: float, x: float = 5.0) -> EgoMotion:
    return EgoMotion(torch.tensor([[0, 0], [x, 0]]).double(), torch.tensor([0, yaw]).double(), 1.0)


def test_class_shares() -> None:
    windows = [Window(str(value), filled(value), None) for value in (0, 6, 6, 10)]
    shares = class_shares(windows, windows[:1])
    assert shares["road"] == {"reference": 0.5, "generated": 0}
    assert shares["free"] == {"reference": 0.25, "generated": 1}
    assert sum(row["reference"] for row in shares.values()) == pytest.approx(1)


def test_obedience_counts_what_was_done_instead() -> None:
    rows = [
        (Command.LEFT, 0.3),
        (Command.LEFT, 0.2),
        (Command.LEFT, -0.3),
        (Command.RIGHT, -0.2),
        (Command.FORWARD, 0.0),
        (None, 0.3),
    ]
    found = obedience([(Window("a", filled(0), c), motion(yaw)) for c, yaw in rows], LIMITS)
    assert found["LEFT"] == {"sequences": 3, "obeyed": pytest.approx(2 / 3), "done": {"LEFT": 2, "RIGHT": 1}}
    assert (found["RIGHT"]["obeyed"], found["FORWARD"]["obeyed"]) == (1, 1)
    assert set(found) == {"LEFT", "RIGHT", "FORWARD"}


def test_motion_against_poses_whatever_the_world() -> None:
    """Poses of a vehicle that starts anywhere, looking anywhere."""
    start = torch.eye(4).double()
    start[:2, :2] = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    start[:2, 3] = torch.tensor([100.0, -7.0])
    later = torch.eye(4).double()
    later[:2, :2] = torch.tensor([[math.cos(0.3), -math.sin(0.3)], [math.sin(0.3), math.cos(0.3)]])
    later[0, 3] = 5.0
    occupancy = replace(filled(0), world_from_ego=torch.stack([start, start @ later]))
    window = Window("a", occupancy, None)
    found = against_poses([(window, motion(0.3)), (window, motion(-0.1, x=4.0))], LIMITS)
    assert found is not None
    assert found["median_yaw_error_rad"] == pytest.approx(0, abs=1e-6)  # torch takes the lower of two
    assert found["same_turn"] == 0.5
    assert against_poses([(Window("b", filled(0), None), motion(0.3))], LIMITS) is None
