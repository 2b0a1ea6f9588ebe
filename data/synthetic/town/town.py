"""A town with its traffic over time, drawn by a seed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from numpy import ndarray

from data.synthetic.town.canvas import CELL_M, Canvas, Levels, blank
from data.synthetic.town.labels import Raw
from data.synthetic.town.lots import build
from data.synthetic.town.paving import pave
from data.synthetic.town.routes import Turn
from data.synthetic.town.sight import seen_from, viewpoints
from data.synthetic.town.streets import make_streets
from data.synthetic.town.traffic import Drives, drive, park
from data.synthetic.town.walkers import walk

TRAFFIC = {"Light": 25, "Medium": 50, "Heavy": 100}
"""People and vehicles of each density in CarlaSC; shares of them walk and drive here, others are parked."""
_DRIVING, _WALKING = 0.31, 1.4
_SEEN_BY = 3


@dataclass(frozen=True)
class Town:
    """What a drive through a town meets.

    Args:
        levels: layers of voxels.
        columns: classes of what rests, of every cell of the map and layer; nothing where no one sees.
        seen: how many viewpoints see each cell.
        posts_xy: places of what is thinner than a voxel, metres.
        posts: what each layer shows of these.
        parked: x, y in metres and yaw in radians of cars that stand.
        drives: vehicles that drive, the recording one first.
        walkers: places of people at each moment.
    """

    levels: Levels
    columns: UInt8[ndarray, "W H Z"]
    seen: UInt8[ndarray, "W H"]
    posts_xy: Float64[ndarray, "P 2"]
    posts: UInt8[ndarray, "P Z"]
    parked: Float64[ndarray, "K 3"]
    drives: Drives
    walkers: Float64[ndarray, "T Q 2"]


def make_town(seed: tuple[int, ...], traffic: str, frames: int, levels: Levels) -> Town:
    """Build a town and let its traffic run.

    Args:
        seed: of everything in it.
        traffic: a key of `TRAFFIC`.
        frames: moments, 0.1 s apart.
        levels: layers of voxels.
    """
    land, movement = (np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(2))
    streets = make_streets(land)
    canvas = blank(streets.extent_m, levels)
    pave(canvas, streets, land)
    build(canvas, streets, land)
    count = TRAFFIC[traffic]
    first = Turn.LEFT if seed[-1] % 2 == 0 else Turn.RIGHT
    parked = park(streets, movement, share=0.03 + count / 3000)
    seen = seen_from(canvas.opaque, viewpoints(streets), _SEEN_BY)
    things = [thing for thing in canvas.things if seen[tuple((thing.xy / CELL_M).astype(int))]]
    return Town(
        levels=levels,
        columns=_columns(canvas, seen),
        seen=seen,
        posts_xy=np.stack([thing.xy for thing in things]),
        posts=np.stack([thing.profile for thing in things]),
        parked=parked,
        drives=drive(streets, round(count * _DRIVING), frames, movement, first),
        walkers=walk(streets, round(count * _WALKING), frames, movement),
    )


def _columns(canvas: Canvas, seen: UInt8[ndarray, "W H"]) -> UInt8[ndarray, "W H Z"]:
    """Ground and what stands on it, where somebody sees it."""
    columns = canvas.standing.copy()
    layers: Int64[ndarray, "W H"] = canvas.levels.of(canvas.ground_m)
    rows, places = np.arange(layers.shape[0])[:, None], np.arange(layers.shape[1])
    columns[rows, places, layers] = np.where(canvas.opaque, Raw.FREE, canvas.ground)
    columns[seen == 0] = Raw.FREE
    return columns
