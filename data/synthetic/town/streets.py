"""Streets of a town: crossings on an uneven lattice, and which neighbours a street joins.

World axes are x east, y north, in metres. Traffic keeps to the right.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

Node = tuple[int, int]
"""A crossing by its column and row in the lattice."""

LANE_OFFSET_M = 1.75
"""From a street's middle to the middle of a lane."""
SIDEWALK_M = 3.2
MARGIN_M = 30.0
"""Of open land around the outermost crossings."""
_WITH_PARKING_M, _WITHOUT_PARKING_M = 5.2, 4.0
_STEPS: tuple[Node, ...] = ((1, 0), (0, 1), (-1, 0), (0, -1))


@dataclass(frozen=True)
class Streets:
    """A network of straight streets.

    Args:
        xs: of the streets from south to north, ascending, metres.
        ys: of the streets from west to east, ascending, metres.
        half_x: half the width of the carriageway of each street in `xs`, metres.
        half_y: the same of those in `ys`.
        joined: pairs of neighbouring crossings between which there is a street, in both orders.
    """

    xs: Float64[ndarray, " I"]
    ys: Float64[ndarray, " J"]
    half_x: Float64[ndarray, " I"]
    half_y: Float64[ndarray, " J"]
    joined: frozenset[tuple[Node, Node]]

    @property
    def nodes(self) -> list[Node]:
        """All crossings."""
        return [(column, row) for column in range(len(self.xs)) for row in range(len(self.ys))]

    @property
    def extent_m(self) -> tuple[float, float]:
        """Size of the world, whose lowest corner is the origin."""
        return float(self.xs[-1]) + MARGIN_M, float(self.ys[-1]) + MARGIN_M

    def place(self, node: Node) -> Float64[ndarray, "2"]:
        """The middle of a crossing, metres."""
        return np.array([self.xs[node[0]], self.ys[node[1]]])

    def neighbours(self, node: Node) -> list[Node]:
        """Crossings to which a street leads from one."""
        steps = [(node[0] + step[0], node[1] + step[1]) for step in _STEPS]
        return [other for other in steps if (node, other) in self.joined]

    def half_width(self, start: Node, end: Node) -> float:
        """Half the width of the carriageway between neighbours, metres."""
        return float(self.half_x[start[0]] if start[0] == end[0] else self.half_y[start[1]])

    def has_parking(self, start: Node, end: Node) -> bool:
        """Whether cars may stand at the sides of the street between neighbours."""
        return self.half_width(start, end) > _WITHOUT_PARKING_M

    def reach(self, node: Node) -> float:
        """How far from its middle a crossing's turns begin and end, metres."""
        return float(max(self.half_x[node[0]], self.half_y[node[1]])) + 4.5

    def sections(self) -> list[tuple[Node, Node]]:
        """Every street between neighbours once, from west or south."""
        return sorted(pair for pair in self.joined if pair[0] < pair[1])


def make_streets(rng: np.random.Generator, columns: int = 6, rows: int = 6) -> Streets:
    """Draw a network. Some streets end at others: three ways meet there, never fewer but at the corners.

    Args:
        rng: draws it.
        columns: streets from south to north.
        rows: streets from west to east.
    """
    joined: set[tuple[Node, Node]] = set()
    for column in range(columns):
        for row in range(rows):
            for other in ((column + 1, row), (column, row + 1)):
                if other[0] < columns and other[1] < rows:
                    joined |= {((column, row), other), (other, (column, row))}
    sections = sorted(pair for pair in joined if pair[0] < pair[1])
    for place in rng.permutation(len(sections))[: len(sections) // 3]:
        start, end = sections[place]
        ways = [sum(pair[0] == node for pair in joined) for node in (start, end)]
        if min(ways) > 3:
            joined -= {(start, end), (end, start)}
    widths = (_WITHOUT_PARKING_M, _WITH_PARKING_M)
    return Streets(
        xs=MARGIN_M + np.concatenate([[0.0], np.cumsum(rng.uniform(31, 42, columns - 1))]),
        ys=MARGIN_M + np.concatenate([[0.0], np.cumsum(rng.uniform(31, 42, rows - 1))]),
        half_x=rng.choice(widths, columns),
        half_y=rng.choice(widths, rows),
        joined=frozenset(joined),
    )
