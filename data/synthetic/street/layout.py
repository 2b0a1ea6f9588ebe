"""What a seed decides about the drive before anything is built: how fast, how far, how the road bends."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.poses import pose
from data.synthetic.street.road import LANE_M, ROAD_Z_M, Road

_BEHIND_M, _AHEAD_M = 32.0, 92.0  # of the drive's ends: how far houses line the road
_BEYOND_M = 70.0  # the road itself goes on, for traffic that comes or goes
_SAGITTA_M = 20.0
_SHIFT_M = 0.5 * (_AHEAD_M - _BEHIND_M)


@dataclass(frozen=True)
class Layout:
    """The drive and the street about it. The origin is the middle of what is built up.

    Args:
        road: the road.
        speed_m_s: of the ego vehicle, about.
        begin_m: where along the road its rear axle is at time 0.
        length_m: how far it gets.
        duration_s: until the last frame.
        phases: of the small swings of its speed and of its body on the springs.
        junction_m: where along the road a side street crosses.
        zebra_m: where the zebra crossing is.
    """

    road: Road
    speed_m_s: float
    begin_m: float
    length_m: float
    duration_s: float
    phases: tuple[float, float, float, float]
    junction_m: float
    zebra_m: float

    @property
    def built_m(self) -> tuple[float, float]:
        """From where to where houses line the road."""
        return self.begin_m - _BEHIND_M, self.begin_m + self.length_m + _AHEAD_M

    def along(self, time_s: float) -> float:
        """Where along the road the ego vehicle is: its speed swings by a tenth."""
        swing = 0.1 * (np.sin(time_s + self.phases[0]) - np.sin(self.phases[0]))
        return float(self.begin_m + self.speed_m_s * (time_s + swing))

    def ego(self, time_s: float) -> Float64[ndarray, "4 4"]:
        """World-from-ego: the middle of the rear axle on the ground, x ahead, z up."""
        sway = [
            np.sin(2 * np.pi * rate * time_s + phase)
            for rate, phase in zip(_SWAYS_HZ, self.phases, strict=True)
        ]
        along = self.along(time_s)
        on_road = self.road.pose(along, -LANE_M + 0.12 * sway[0], ROAD_Z_M, turn_deg=0.4 * sway[3])
        return on_road @ pose((0, 0, 0.012 * sway[2]), pitch=0.35 * sway[1], roll=0.25 * sway[2])


_SWAYS_HZ = (0.11, 0.73, 1.07, 0.17)


def lay_out(seed: int, duration_s: float) -> Layout:
    """The drive of a seed.

    Args:
        seed: of the street.
        duration_s: until the last frame.
    """
    rng = np.random.default_rng((seed, 20))
    speed = float(rng.uniform(5.5, 10.5))
    length = speed * duration_s
    half = 0.5 * (length + _AHEAD_M + _BEHIND_M)
    # However long the street, its ends are not far to the side of its middle.
    radius = max(float(rng.uniform(220, 420)), half**2 / (2 * _SAGITTA_M))
    curvature = float(rng.choice([-1, 1])) / radius
    begin = -0.5 * length - _SHIFT_M
    phase_1, phase_2, phase_3, phase_4 = rng.uniform(0, 2 * np.pi, 4).tolist()
    reach = half + _BEYOND_M
    end = begin + length
    return Layout(
        road=Road(curvature, -reach, reach),
        speed_m_s=speed,
        begin_m=begin,
        length_m=length,
        duration_s=duration_s,
        phases=(phase_1, phase_2, phase_3, phase_4),
        junction_m=end + float(rng.uniform(27, 33)),
        zebra_m=end + float(rng.uniform(13, 17)),
    )
