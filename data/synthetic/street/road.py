"""A road of constant curvature, and places on it: metres along its middle, metres to the left of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.motions import Loop, there_and_back
from data.synthetic.poses import Number, pose

LANE_M = 1.75  # the middles of both lanes, left and right of the road's
PARKED_M = 4.75  # where vehicles stand at the kerb
KERB_M = 5.85
FRONT_M = 9.5  # where the houses begin
ROAD_Z_M = -0.12  # pavements lie at 0
_RAMP_M = 0.3  # who steps over the kerb does so within this
_STEP_M = 0.25


@dataclass(frozen=True)
class Road:
    """A road that begins in the west; it passes through the origin eastward.

    Args:
        curvature_per_m: positive where it bends to the left, never 0.
        start_m: where it begins, along.
        stop_m: where it ends.
    """

    curvature_per_m: float
    start_m: float
    stop_m: float

    def at(self, along_m: Number, left_m: Number) -> tuple[float, float, float]:
        """x, y and the road's heading there in degrees, counter-clockwise from east."""
        turn, radius = along_m * self.curvature_per_m, 1 / self.curvature_per_m
        x, y = (radius - left_m) * np.sin(turn), radius - (radius - left_m) * np.cos(turn)
        return float(x), float(y), float(np.degrees(turn))

    def pose(
        self, along_m: Number, left_m: Number, z: Number = 0, turn_deg: Number = 0
    ) -> Float64[ndarray, "4 4"]:
        """World-from-thing of something that looks along the road (+x), turned from there."""
        x, y, heading = self.at(along_m, left_m)
        return pose((x, y, z), yaw=heading + turn_deg)

    def left_of(self, x: float, y: float) -> float:
        """How far to the left of the road's middle a place is, in metres."""
        radius = 1 / self.curvature_per_m
        return float(radius - np.sign(radius) * np.hypot(x, y - radius))

    def ground(self, x: float, y: float) -> float:
        """The height of what one walks on: the road between the kerbs, the pavements beyond."""
        beyond = np.clip((abs(self.left_of(x, y)) - KERB_M) / _RAMP_M + 0.5, 0, 1)
        return float(ROAD_Z_M * (1 - beyond))

    def lane(self, left_m: float, *, backward: bool = False) -> Loop:
        """The way along the road at a distance from its middle, from end to end."""
        stops = np.arange(self.start_m, self.stop_m + _STEP_M, _STEP_M)
        points = np.array([self.at(stop, left_m)[:2] for stop in stops.tolist()])
        return there_and_back(points[::-1] if backward else points)

    def crossing(self, along_m: float, reach_m: float, *, backward: bool = False) -> Loop:
        """The way straight across the road from left to right (`backward`: from right to left)."""
        sides = np.arange(reach_m, -reach_m - _STEP_M, -_STEP_M)
        points = np.array([self.at(along_m, side)[:2] for side in sides.tolist()])
        return there_and_back(points[::-1] if backward else points)
