"""Ways of vehicles through a town: lanes, arcs at crossings, how fast they may be driven, where one waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from data.synthetic.town.streets import LANE_OFFSET_M, Node, Streets

STEP_M = 0.25
"""Between neighbouring points of a route."""
_BRAKING_M_S2 = 2.0
_STOP_LINE_M = 0.5
_STRAIGHT_ON = 0.03


class Turn(IntEnum):
    """What a vehicle does at a crossing."""

    STRAIGHT = 0
    LEFT = 1
    RIGHT = 2


@dataclass(frozen=True)
class Route:
    """A vehicle's way. Distances are counted from its beginning.

    Args:
        points: every 0.25 m, metres.
        limits_m_s: speed at each point from which one still brakes in time for what comes.
        gates_m: stop lines before crossings, ascending.
        exits_m: where each crossing ends.
        nodes: number of each crossing, its place among `Streets.nodes`.
    """

    points: Float64[ndarray, "S 2"]
    limits_m_s: Float64[ndarray, " S"]
    gates_m: Float64[ndarray, " G"]
    exits_m: Float64[ndarray, " G"]
    nodes: Int64[ndarray, " G"]


def make_route(
    streets: Streets,
    start: tuple[Node, Node],
    length_m: float,
    rng: np.random.Generator,
    first: Turn | None = None,
) -> Route:
    """A way that begins in the middle of a street.

    Args:
        streets: the network.
        start: the street's crossings, in driving direction.
        length_m: at least this long.
        rng: draws cruising speed, yaw rate and turns.
        first: LEFT or RIGHT: left and right are taken about equally often, this one first. None: turns are
            drawn.
    """
    numbers = {node: number for number, node in enumerate(streets.nodes)}
    cruise, yaw_rate = rng.uniform(6.5, 8.0), rng.uniform(0.22, 0.36)
    points: list[ndarray] = []
    limits: list[ndarray] = []
    gates: list[tuple[float, float, int]] = []
    taken: list[Turn] = []
    before, node = start
    done = 0.0
    begin = (streets.place(before) + streets.place(node)) / 2
    while done < length_m:
        heading = _unit(streets.place(node) - streets.place(before))
        lane = LANE_OFFSET_M * np.array([heading[1], -heading[0]])
        reach = streets.reach(node)
        straight = _line(begin + lane, streets.place(node) - heading * reach + lane)
        turn, after = _next(streets, before, node, _wish(taken, first, rng), rng)
        taken.append(turn)
        arc, radius = _arc(streets.place(node), heading, reach, turn)
        slow = cruise if radius == 0 else min(yaw_rate * radius, 5.0)
        gate = done + (len(straight)) * STEP_M
        done = gate + len(arc) * STEP_M
        points += [straight, arc]
        limits += [np.full(len(straight), cruise), np.full(len(arc), slow)]
        gates.append((gate - _STOP_LINE_M, done, numbers[node]))
        begin = streets.place(node) + _unit(streets.place(after) - streets.place(node)) * reach
        before, node = node, after
    gate_m, exit_m, crossing = (np.array(column) for column in zip(*gates, strict=True))
    return Route(
        np.concatenate(points), _in_time(np.concatenate(limits)), gate_m, exit_m, crossing.astype(np.int64)
    )


def _wish(taken: Sequence[Turn], first: Turn | None, rng: np.random.Generator) -> Turn:
    if first is None or rng.random() < _STRAIGHT_ON:
        return Turn(int(rng.integers(3))) if first is None else Turn.STRAIGHT
    other = Turn.RIGHT if first == Turn.LEFT else Turn.LEFT
    return first if taken.count(first) <= taken.count(other) else other


def turns(streets: Streets, before: Node, node: Node) -> dict[Turn, Node]:
    """What can be done at a crossing, and the crossing that each turn leads to.

    Args:
        streets: the network.
        before: the crossing one comes from.
        node: the crossing one comes to.
    """
    step = (node[0] - before[0], node[1] - before[1])
    ways = {
        Turn.STRAIGHT: (node[0] + step[0], node[1] + step[1]),
        Turn.LEFT: (node[0] - step[1], node[1] + step[0]),
        Turn.RIGHT: (node[0] + step[1], node[1] - step[0]),
    }
    return {turn: after for turn, after in ways.items() if (node, after) in streets.joined}


def _next(
    streets: Streets, before: Node, node: Node, wish: Turn, rng: np.random.Generator
) -> tuple[Turn, Node]:
    """The turn that is taken and the crossing it leads to."""
    possible = turns(streets, before, node)
    if wish not in possible:
        turning = [turn for turn in possible if turn != Turn.STRAIGHT]
        wish = turning[int(rng.integers(len(turning)))]
    return wish, possible[wish]


def _arc(
    middle: Float64[ndarray, "2"], heading: Float64[ndarray, "2"], reach: float, turn: Turn
) -> tuple[Float64[ndarray, "S 2"], float]:
    """The way across a crossing and its radius, 0 where it is straight."""
    left = np.array([-heading[1], heading[0]])
    begin = middle - heading * reach - left * LANE_OFFSET_M
    if turn == Turn.STRAIGHT:
        return _line(begin, begin + 2 * reach * heading), 0.0
    side = 1 if turn == Turn.LEFT else -1
    radius = reach + side * LANE_OFFSET_M
    count = round(radius * np.pi / 2 / STEP_M)
    angles = (np.pi / 2 * np.arange(count) / count)[:, None]
    return begin + radius * (np.sin(angles) * heading + side * (1 - np.cos(angles)) * left), radius


def _line(begin: Float64[ndarray, "2"], end: Float64[ndarray, "2"]) -> Float64[ndarray, "S 2"]:
    """Points from one place to shortly before another, `STEP_M` apart within rounding."""
    count = max(1, round(float(np.linalg.norm(end - begin)) / STEP_M))
    return begin + (end - begin) * (np.arange(count) / count)[:, None]


def _in_time(limits: Float64[ndarray, " S"]) -> Float64[ndarray, " S"]:
    """Limits lowered so that braking gently meets each that follows: v² grows by 2 a per metre backwards."""
    distance = np.arange(len(limits)) * STEP_M
    energy = limits**2 + 2 * _BRAKING_M_S2 * distance
    return np.sqrt(np.minimum.accumulate(energy[::-1])[::-1] - 2 * _BRAKING_M_S2 * distance)


def _unit(vector: Float64[ndarray, "2"]) -> Float64[ndarray, "2"]:
    return vector / np.linalg.norm(vector)
