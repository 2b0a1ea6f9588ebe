"""People who walk to and fro on sidewalks, and rest at times."""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.town.lots import sides_of
from data.synthetic.town.streets import SIDEWALK_M, Streets
from data.synthetic.town.traffic import DT_S


def walk(streets: Streets, people: int, frames: int, rng: np.random.Generator) -> Float64[ndarray, "T P 2"]:
    """Places of people at each moment, metres.

    Args:
        streets: along whose sidewalks they walk.
        people: how many.
        frames: moments, 0.1 s apart.
        rng: draws where they walk and how fast.
    """
    sides = sides_of(streets)
    times = np.arange(frames) * DT_S
    tracks = np.empty((frames, people, 2))
    for person in range(people):
        side = sides[int(rng.integers(len(sides)))]
        across = rng.uniform(0.9, SIDEWALK_M - 0.5)
        low, high = np.sort(rng.uniform(0, side.length_m, 2))
        high = max(high, min(low + 12, side.length_m))
        walked = _walked(times, rng)
        span = max(high - low, 1e-3)
        # A wave of triangles: to the far end, and back.
        along = low + span - np.abs((walked + rng.uniform(0, 2 * span)) % (2 * span) - span)
        tracks[:, person] = side.start + along[:, None] * side.along + across * side.outward
    return tracks


def _walked(times: Float64[ndarray, " T"], rng: np.random.Generator) -> Float64[ndarray, " T"]:
    """Metres walked until each moment, with rests."""
    period, rest = rng.uniform(8, 20), rng.uniform(0, 3)
    moving = (times + rng.uniform(0, period)) % period >= rest
    return np.cumsum(moving) * rng.uniform(0.8, 1.7) * DT_S
