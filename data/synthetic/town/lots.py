"""What stands beside the streets: buildings, walls, fences, hedges, trees, lamps, signs, parked cars."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from data.synthetic.town.canvas import CELL_M, Canvas
from data.synthetic.town.labels import Raw
from data.synthetic.town.streets import SIDEWALK_M, Node, Streets

THICKNESS_M = 0.6
"""Of walls: what is thinner would show holes when a turned grid of 0.4 m samples it."""
_CEILING_M = 20.0


@dataclass(frozen=True)
class Side:
    """One side of a street: where it begins, which way it runs, which way the lots are.

    Args:
        start: of the kerb, metres.
        along: unit vector along the street.
        outward: unit vector from the street to the lots.
        length_m: of the side between the crossings.
    """

    start: Float64[ndarray, "2"]
    along: Float64[ndarray, "2"]
    outward: Float64[ndarray, "2"]
    length_m: float

    def at(self, along_m: float, outward_m: float) -> Float64[ndarray, "2"]:
        """A place, metres from the side's beginning and from the kerb."""
        return self.start + self.along * along_m + self.outward * outward_m


def sides_of(streets: Streets) -> list[Side]:
    """Both sides of all streets."""
    return [side for start, end in streets.sections() for side in _sides(streets, start, end)]


def _sides(streets: Streets, start: Node, end: Node) -> list[Side]:
    first, last = streets.place(start), streets.place(end)
    span = float(np.linalg.norm(last - first))
    along = (last - first) / span
    half = streets.half_width(start, end)
    trim = [float(streets.half_x[node[0]] if along[0] else streets.half_y[node[1]]) for node in (start, end)]
    left = np.array([-along[1], along[0]])
    return [
        Side(first + along * trim[0] + outward * half, along, outward, span - sum(trim))
        for outward in (left, -left)
    ]


def build(canvas: Canvas, streets: Streets, rng: np.random.Generator) -> None:
    """Fill the lots of a town.

    Args:
        canvas: the map, paved.
        streets: along which lots lie.
        rng: draws what stands where.
    """
    for side in sides_of(streets):
        _row_of_lots(canvas, side, rng)
        _furniture(canvas, side, rng)
    for node in streets.nodes:
        if rng.random() < 0.5:
            _traffic_lights(canvas, streets, node)
    _trees(canvas, rng)


def _row_of_lots(canvas: Canvas, side: Side, rng: np.random.Generator) -> None:
    """Lots from one crossing to the next: a building, or land behind a wall, a fence or a hedge."""
    at = SIDEWALK_M + 1
    while at < side.length_m - SIDEWALK_M - 5:
        width = min(rng.uniform(8, 20), side.length_m - SIDEWALK_M - at)
        kind = rng.random()
        front = SIDEWALK_M + (rng.uniform(1.5, 4) if rng.random() < 0.7 else 0.2)
        if kind < 0.72:
            gap = 0.0 if rng.random() < 0.4 else rng.uniform(0.5, 4)
            built = _building(canvas, side, (at, at + width - gap), (front, front + rng.uniform(9, 17)))
            bounded = not built or (front > SIDEWALK_M + 1 and rng.random() < 0.9)
        else:
            bounded = kind < 0.98
        if bounded:
            _boundary(canvas, side, (at, at + width), rng)
        at += width


def _building(
    canvas: Canvas, side: Side, along_m: tuple[float, float], outward_m: tuple[float, float]
) -> bool:
    """Put a building where the land is free; whether it was."""
    low, high = side.at(along_m[0], outward_m[0]), side.at(along_m[1], outward_m[1])
    cells = canvas.box(low, high)
    if not canvas.open[cells].all() or canvas.open[cells].size == 0:
        return False
    canvas.fill(cells, 0.0, _CEILING_M, Raw.BUILDING)
    canvas.opaque[cells] = True
    canvas.open[cells] = False
    return True


def _boundary(canvas: Canvas, side: Side, along_m: tuple[float, float], rng: np.random.Generator) -> None:
    """A wall, a fence, a guard rail or a hedge along the sidewalk, with a gate."""
    kinds = ((Raw.WALL, 1.9), (Raw.FENCE, 1.5), (Raw.GUARD_RAIL, 0.8), (Raw.VEGETATION, 1.2))
    label, height_m = kinds[rng.choice(4, p=(0.78, 0.13, 0.04, 0.05))]
    gate_m = 2.5 if rng.random() < 0.2 else 0.0
    gate = rng.uniform(along_m[0], along_m[1] - gate_m)
    for first, last in ((along_m[0], gate), (gate + gate_m, along_m[1])):
        low, high = side.at(first, SIDEWALK_M), side.at(last, SIDEWALK_M + THICKNESS_M)
        cells = canvas.box(low, high)
        canvas.fill(cells, 0.0, height_m * rng.uniform(0.85, 1.2), label)
        canvas.opaque[cells] |= label in (Raw.WALL, Raw.VEGETATION)
        canvas.open[cells] = False


def _furniture(canvas: Canvas, side: Side, rng: np.random.Generator) -> None:
    """Lamps, signs, bins and shelters on the sidewalk."""
    for at in np.arange(rng.uniform(2, 26), side.length_m - 1, 32.0):
        canvas.post(side.at(float(at), 0.5), [(0.0, _CEILING_M, Raw.POLE)])
    if rng.random() < 0.5:
        at = rng.uniform(1, side.length_m - 1)
        canvas.post(side.at(at, 0.5), [(0.0, 2.0, Raw.POLE), (2.0, 2.8, Raw.TRAFFIC_SIGN)])
    for _ in range(rng.poisson(0.5)):
        at = rng.uniform(2, side.length_m - 5)
        deep, long, high = rng.choice([(0.8, 0.8, 1.2), (1.4, 3.2, 2.4), (0.8, 2.0, 1.0)])
        cells = canvas.box(side.at(at, SIDEWALK_M - deep), side.at(at + long, SIDEWALK_M))
        canvas.fill(cells, 0.0, high, Raw.STATIC if rng.random() < 0.7 else Raw.OTHER)


def _traffic_lights(canvas: Canvas, streets: Streets, node: Node) -> None:
    """One where each street meets the crossing, at the right of those who arrive."""
    middle = streets.place(node)
    for other in streets.neighbours(node):
        towards = streets.place(other) - middle
        towards = towards / np.linalg.norm(towards)
        left = np.array([-towards[1], towards[0]])
        half = streets.half_width(node, other) + 0.6
        place = middle + towards * (streets.reach(node) + 0.5) + left * half
        canvas.post(place, [(0.0, 2.1, Raw.POLE), (2.1, 2.8, Raw.TRAFFIC_LIGHT)])


def _trees(canvas: Canvas, rng: np.random.Generator) -> None:
    """Trees and bushes on land that is still open, and some trees along the sidewalks."""
    open_cells = np.argwhere(canvas.open)
    area_m2 = len(open_cells) * CELL_M**2
    for place in rng.choice(len(open_cells), int(area_m2 / 90), replace=False):
        xy = (open_cells[place] + 0.5) * CELL_M
        if rng.random() < 0.6:
            _tree(canvas, xy, rng)
        else:
            _ball(canvas, xy, rng.uniform(0.5, 1.1), 0.0, rng.uniform(0.7, 1.5))


def _tree(canvas: Canvas, xy: Float64[ndarray, "2"], rng: np.random.Generator) -> None:
    clear = rng.uniform(1.4, 2.2)
    canvas.post(xy, [(0.0, clear, Raw.VEGETATION)])
    _ball(canvas, xy, rng.uniform(0.9, 2.0), clear, _CEILING_M)


def _ball(canvas: Canvas, xy: Float64[ndarray, "2"], radius_m: float, low_m: float, high_m: float) -> None:
    """Leaves, where nothing else stands."""
    cells = canvas.box(xy - radius_m, xy + radius_m)
    rows, columns = np.ogrid[cells]
    round_ = np.hypot((rows + 0.5) * CELL_M - xy[0], (columns + 0.5) * CELL_M - xy[1]) <= radius_m
    layers = canvas.levels.between(low_m, high_m)
    here = canvas.standing[cells]
    free = (round_ & ~canvas.opaque[cells])[..., None] & layers & (here == 0)
    here[free] = Raw.VEGETATION
