"""Things with a box about them: where they are, and whether two of them would meet."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.poses import inverse, pose
from data.synthetic.world import World

_MARGIN_M = 0.04  # a labeller's box is not tight
_SPEED_STEP_S = 1e-3

Build = Callable[[World], int]
"""Adds a thing that is built facing -y to a world and returns its body."""


@dataclass(frozen=True)
class Actor:
    """A labelled thing.

    Args:
        name: its track.
        label: "vehicle" or "person".
        body: index in the world.
        body_from_box: x of the box points ahead, z up; its origin is its centre.
        size_m: length, width, height.
    """

    name: str
    label: str
    body: int
    body_from_box: Float64[ndarray, "4 4"]
    size_m: tuple[float, float, float]

    def boxes(self, world: World, times_s: Sequence[float]) -> Float64[ndarray, "T 4 4"]:
        """World-from-box at some moments."""
        return np.stack([world.pose_of(self.body, time) for time in times_s]) @ self.body_from_box

    def velocity(self, world: World, time_s: float) -> Float64[ndarray, "3"]:
        """Of its box's centre, metres per second in world axes."""
        before, after = self.boxes(world, (time_s - _SPEED_STEP_S, time_s + _SPEED_STEP_S))
        return (after[:3, 3] - before[:3, 3]) / (2 * _SPEED_STEP_S)


@dataclass(frozen=True)
class Footprint:
    """A rectangle on the ground at T moments, or one that stays.

    Args:
        centers: x and y in metres.
        headings: radians, counter-clockwise from east.
        half_m: half its length and width.
    """

    centers: Float64[ndarray, "T 2"]
    headings: Float64[ndarray, " T"]
    half_m: tuple[float, float]

    def meets(self, other: "Footprint", gap_m: float = 0.0) -> bool:
        """Whether they come nearer to each other than a gap at some moment: no side of either parts them."""
        offset = other.centers - self.centers
        apart = np.hypot(*offset.T) > math.hypot(*self.half_m) + math.hypot(*other.half_m) + gap_m
        if apart.all():
            return False
        for turn in (self.headings, self.headings + np.pi / 2, other.headings, other.headings + np.pi / 2):
            axis = np.stack([np.cos(turn), np.sin(turn)], axis=1)
            apart |= np.abs((offset * axis).sum(1)) > self._reach(turn) + other._reach(turn) + gap_m
        return bool((~apart).any())

    def _reach(self, turn: Float64[ndarray, " A"]) -> Float64[ndarray, " B"]:
        """Half its extent along directions."""
        away = turn - self.headings
        return self.half_m[0] * np.abs(np.cos(away)) + self.half_m[1] * np.abs(np.sin(away))


def make_actor(name: str, label: str, world: World, body: int, times_s: Sequence[float] = (0.0,)) -> Actor:
    """An actor whose box holds all its parts at the given moments.

    Args:
        name: its track.
        label: "vehicle" or "person".
        world: where its parts are.
        body: that they hang on; it faces -y.
        times_s: for limbs that swing; for wheels one will do, as turning does not change what they fill.
    """
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for time in times_s:
        snapshot = world.at(time)
        own = snapshot.only(world.roots()[snapshot.bodies] == body)
        body_from_world = inverse(world.pose_of(body, time))
        corners = own.corners().reshape(-1, 3) @ body_from_world[:3, :3].T + body_from_world[:3, 3]
        low, high = np.minimum(low, corners.min(0)), np.maximum(high, corners.max(0))
    x, y, z = ((low + high) / 2).tolist()
    width, length, height = (high - low + 2 * _MARGIN_M).tolist()
    return Actor(name, label, body, pose((x, y, z), yaw=-90), (length, width, height))


def footprint(boxes: Float64[ndarray, "T 4 4"], size_m: tuple[float, float, float]) -> Footprint:
    """What boxes stand on."""
    headings = np.arctan2(boxes[:, 1, 0], boxes[:, 0, 0])
    return Footprint(boxes[:, :2, 3], headings, (size_m[0] / 2, size_m[1] / 2))
