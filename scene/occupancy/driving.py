"""How the vehicle drives through a window: its trajectory, and the one command that sums it up."""

import math
from dataclasses import dataclass
from enum import IntEnum

import torch
from jaxtyping import Float, Float64
from torch import Tensor


class Command(IntEnum):
    """What a window's vehicle does."""

    STATIC = 0
    FORWARD = 1
    LEFT = 2
    RIGHT = 3


@dataclass(frozen=True)
class Thresholds:
    """Beyond what a vehicle counts as turning or moving.

    Args:
        turn_rad: change of heading against the first frame, radians.
        forward_m: distance from the first frame's place, metres.
    """

    turn_rad: float
    forward_m: float


LEGACY_THRESHOLDS = Thresholds(turn_rad=0.0025, forward_m=0.03)
"""DynamicCity's. Its names say that they are meant per frame, but they are compared with whole windows, so
that a breath of yaw makes a turn of nearly every moving window."""

_TURN_RAD_S, _FORWARD_M_S = 0.075, 0.3


def thresholds(frames: int, seconds_per_frame: float = 0.1) -> Thresholds:
    """Thresholds that grow with a window: 0.075 rad/s and 0.3 m/s over its duration.

    A turn at a crossing runs at 0.2 to 0.6 rad/s, keeping a lane at a tenth of that; 0.3 m/s is a vehicle
    that comes to rest. Sixteen frames at 10 Hz make 0.11 rad and 0.45 m.

    Args:
        frames: of the window, two or more.
        seconds_per_frame: time between them.
    """
    seconds = (frames - 1) * seconds_per_frame
    return Thresholds(_TURN_RAD_S * seconds, _FORWARD_M_S * seconds)


def trajectory(world_from_ego: Float64[Tensor, "T 4 4"], *, legacy: bool = False) -> Float64[Tensor, "T 3"]:
    """Rows of x, y (metres) and yaw (radians, left is positive, -π to π).

    Args:
        world_from_ego: poses of the window.
        legacy: as DynamicCity's networks were trained: counted from the first place, but in world axes and
            with the world's yaw. Else seen from the first frame: x ahead, y left; the first row is 0.
    """
    moved = world_from_ego[:, :2, 3] - world_from_ego[0, :2, 3]
    yaw = torch.atan2(world_from_ego[:, 1, 0], world_from_ego[:, 0, 0])
    if legacy:
        return torch.cat([moved, yaw[:, None]], dim=1)
    cosine, sine = torch.cos(yaw[0]), torch.sin(yaw[0])
    ahead, left = cosine * moved[:, 0] + sine * moved[:, 1], cosine * moved[:, 1] - sine * moved[:, 0]
    return torch.stack([ahead, left, _wrapped(yaw - yaw[0])], dim=1)


def command(rows: Float[Tensor, "T 3"], limits: Thresholds | None = None, *, legacy: bool = False) -> Command:
    """The command that a trajectory follows.

    Args:
        rows: a trajectory in either form: only differences from its first row count.
        limits: beyond what it turns and moves; by default `thresholds` of its length at 10 Hz, or those of
            DynamicCity.
        legacy: decide as DynamicCity does, where any moment left of the threshold makes a left turn, whatever
            else happens. Else the greatest change of heading decides between left and right.
    """
    limits = limits or (LEGACY_THRESHOLDS if legacy else thresholds(len(rows)))
    change = _wrapped(rows[:, 2] - rows[0, 2])
    left, right = float(change.max()), -float(change.min())
    if max(left, right) > limits.turn_rad:
        is_left = left > limits.turn_rad if legacy else left >= right
        return Command.LEFT if is_left else Command.RIGHT
    distance = torch.linalg.vector_norm(rows[:, :2] - rows[0, :2], dim=1)
    return Command.FORWARD if float(distance.max()) > limits.forward_m else Command.STATIC


def _wrapped(angle: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Angles from -π (included) to π."""
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi
