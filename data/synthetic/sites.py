"""Where a video is taken: eight straight stretches of open ground about the market square's middle."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Site:
    """A stretch of open ground, 11 m long and 2.7 m wide, that a camera at its start looks along.

    Args:
        name: the side of the square, and from where it is looked at.
        start: x and y of the camera's end in metres.
        heading_deg: direction from there, counter-clockwise from east.
    """

    name: str
    start: tuple[float, float]
    heading_deg: float

    def at(self, ahead_m: float, left_m: float) -> tuple[float, float]:
        """X and y of a place on it."""
        turn = np.radians(self.heading_deg)
        x = self.start[0] + ahead_m * np.cos(turn) - left_m * np.sin(turn)
        y = self.start[1] + ahead_m * np.sin(turn) + left_m * np.cos(turn)
        return float(x), float(y)


SITES = (
    Site("south side from the west", (-9.0, -6.9), 0.0),
    Site("east side from the north", (9.0, 6.2), -90.0),
    Site("north side from the west", (-8.3, 8.0), 0.0),
    Site("west side from the north", (-9.05, 6.6), -90.0),
    Site("south side from the east", (8.0, -6.9), 180.0),
    Site("east side from the south", (9.0, -5.4), 90.0),
    Site("north side from the east", (7.2, 8.0), 180.0),
    Site("west side from the south", (-9.05, -5.6), 90.0),
)


def site_of(seed: int) -> Site:
    """Where the video of a seed is taken: neighbours among seeds go to different places."""
    return SITES[seed % len(SITES)]
