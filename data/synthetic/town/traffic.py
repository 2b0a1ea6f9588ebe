"""Vehicles that drive along their routes, keep their distance and wait at crossings; one of them records."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from data.synthetic.town.routes import STEP_M, Route, Turn, make_route, turns
from data.synthetic.town.streets import LANE_OFFSET_M, Node, Streets

DT_S = 0.1
_WARM_UP_S = 7.0
_ACCELERATION_M_S2, _BRAKING_M_S2, _FIRM_M_S2 = 2.5, 2.5, 4.0
_GAP_M, _HEADWAY_S = 2.0, 1.0
_LOOKED_AT_M = np.arange(1.0, 26.0, 2.0)
_BESIDE_M = 1.9
_STANDS_M, _CREEPS_M_S = 0.6, 0.4
_HALF_WHEELBASE_M = 1.3
_EGO_STOPS = 0.65
_OTHERS_STOP = 0.3
_NOBODY = -1
_LENGTHS_M = {"car": 4.4, "van": 5.2, "truck": 7.6}


@dataclass(frozen=True)
class Drives:
    """Where all vehicles that drive are at each moment.

    Args:
        xy: their middles, metres; the first vehicle is the one that records.
        yaw: their headings, radians from east to north.
        kinds: "car", "van" or "truck" for each.
    """

    xy: Float64[ndarray, "T N 2"]
    yaw: Float64[ndarray, "T N"]
    kinds: tuple[str, ...]


def drive(streets: Streets, vehicles: int, frames: int, rng: np.random.Generator, first: Turn) -> Drives:
    """Let vehicles drive.

    Args:
        streets: the town's network.
        vehicles: how many beside the one that records.
        frames: moments, 0.1 s apart.
        rng: draws ways, kinds and stops.
        first: the first turn of the recording vehicle, LEFT or RIGHT.
    """
    longest_m = (frames * DT_S + _WARM_UP_S) * 8.0 + 60
    own, *others = _starts(streets, vehicles + 1, first, rng)
    routes = [make_route(streets, own, longest_m, rng, first)]
    routes += [make_route(streets, start, longest_m, rng) for start in others]
    kinds = (
        "car",
        *(str(kind) for kind in rng.choice(list(_LENGTHS_M), len(routes) - 1, p=(0.75, 0.15, 0.1))),
    )
    fleet = _Fleet(routes, kinds, len(streets.nodes), rng)
    # Else all records would begin at the same distance from a crossing.
    warm_up = round(rng.uniform(0.2, 1) * _WARM_UP_S / DT_S)
    moments = []
    for step in range(warm_up + frames):
        if step >= warm_up:
            moments.append(fleet.poses())
        fleet.step()
    return Drives(np.stack([xy for xy, _ in moments]), np.stack([yaw for _, yaw in moments]), kinds)


def _starts(streets: Streets, count: int, first: Turn, rng: np.random.Generator) -> list[tuple[Node, Node]]:
    """A lane for each vehicle, no lane twice; from the first of them the first turn can be taken."""
    lanes = sorted(streets.joined)
    lanes = [lanes[place] for place in rng.permutation(len(lanes))]
    own = next(lane for lane in lanes if first in turns(streets, *lane))
    return [own, *(lane for lane in lanes if lane != own)][:count]


class _Fleet:
    """The state of all vehicles; each is a distance on its route and a speed."""

    def __init__(
        self, routes: Sequence[Route], kinds: Sequence[str], crossings: int, rng: np.random.Generator
    ) -> None:
        count = len(routes)
        points, gates = (
            max(len(route.points) for route in routes),
            max(len(route.gates_m) for route in routes),
        )
        self._rows = np.arange(count)
        self._points = np.stack([_lengthened(route.points, points) for route in routes])
        self._limits = np.stack([_lengthened(route.limits_m_s, points) for route in routes])
        self._gates = np.stack([_filled(route.gates_m, gates, np.inf) for route in routes])
        self._exits = np.stack([_filled(route.exits_m, gates, np.inf) for route in routes])
        self._nodes = np.stack([_filled(route.nodes, gates, 0.0).astype(int) for route in routes])
        stops = rng.random((count, gates)) < np.where(self._rows == 0, _EGO_STOPS, _OTHERS_STOP)[:, None]
        self._wait_s = np.where(stops, rng.uniform(2.5, 5.5, (count, gates)), 0.0)
        self._half_m = np.array([_LENGTHS_M[kind] for kind in kinds]) / 2
        self._gate = np.zeros(count, int)
        self._owner = np.full(crossings, _NOBODY)
        self._at_m = rng.uniform(0.2, 1.0, count) * (self._gates[:, 0] - self._half_m - 1)
        self._speed = np.full(count, 3.0)

    def poses(self) -> tuple[Float64[ndarray, "N 2"], Float64[ndarray, " N"]]:
        """Middles and headings: of a chord between two axles that run on the route."""
        front, rear = (
            self._on_route(self._at_m + _HALF_WHEELBASE_M),
            self._on_route(self._at_m - _HALF_WHEELBASE_M),
        )
        ahead = front - rear
        return (front + rear) / 2, np.arctan2(ahead[:, 1], ahead[:, 0])

    def step(self) -> None:
        """A tenth of a second."""
        self._leave_crossings()
        room = self._room_to_gate()
        # Source: M. Treiber et al., "Congested traffic states", Phys. Rev. E 62, 2000 (IDM), leaders at rest.
        speed, gap = self._speed, self._gap_to_others()
        wanted = np.minimum(
            self._limits[self._rows, self._place(self._at_m)], np.sqrt(2 * _BRAKING_M_S2 * room)
        )
        braking = speed**2 / (2 * np.sqrt(_ACCELERATION_M_S2 * _BRAKING_M_S2))
        needed = _GAP_M + speed * _HEADWAY_S + braking
        eager = 1 - (speed / np.maximum(wanted, 0.1)) ** 4 - (needed / (gap + _GAP_M)) ** 2
        change = np.clip(_ACCELERATION_M_S2 * eager, -_FIRM_M_S2, _ACCELERATION_M_S2) * DT_S
        lowest = np.maximum(wanted, speed - _FIRM_M_S2 * DT_S)
        speed = np.minimum(np.maximum(0, speed + change), lowest)
        # Nobody creeps up to a line or a bumper for ever.
        near = np.minimum(room, gap) < _STANDS_M
        self._speed = np.where(near & (speed < _CREEPS_M_S), 0.0, speed)
        self._at_m = self._at_m + self._speed * DT_S

    def _on_route(self, at_m: Float64[ndarray, "*N"]) -> Float64[ndarray, "*N 2"]:
        place = np.clip(at_m / STEP_M, 0, self._points.shape[1] - 1.001)
        low = place.astype(int)
        part = (place - low)[..., None]
        rows = self._rows.reshape(-1, *[1] * (at_m.ndim - 1))
        return self._points[rows, low] * (1 - part) + self._points[rows, low + 1] * part

    def _place(self, at_m: Float64[ndarray, " N"]) -> ndarray:
        return np.clip((at_m / STEP_M).astype(int), 0, self._points.shape[1] - 1)

    def _leave_crossings(self) -> None:
        passed = self._at_m - self._half_m > self._exits[self._rows, self._gate]
        self._owner[np.isin(self._owner, self._rows[passed])] = _NOBODY
        self._gate = np.minimum(self._gate + passed, self._gates.shape[1] - 1)

    def _room_to_gate(self) -> Float64[ndarray, " N"]:
        """Distance to a stop line that is closed; crossings are given to one vehicle at a time."""
        room = np.maximum(0.0, self._gates[self._rows, self._gate] - self._at_m - self._half_m)
        node = self._nodes[self._rows, self._gate]
        braking = self._speed**2 / (2 * _BRAKING_M_S2) + 6
        waiting = self._wait_s[self._rows, self._gate]
        stands = (self._speed < 0.05) & (room < _STANDS_M)
        self._wait_s[self._rows[stands], self._gate[stands]] -= DT_S
        may = (room < braking) & (waiting <= 0)
        for row in self._rows[may]:
            if self._owner[node[row]] == _NOBODY:
                self._owner[node[row]] = row
        return np.where(self._owner[node] == self._rows, np.inf, room)

    def _gap_to_others(self) -> Float64[ndarray, " N"]:
        """Distance to the next vehicle whose middle or end is on the own way."""
        ahead = self._on_route(self._at_m[:, None] + self._half_m[:, None] + _LOOKED_AT_M)
        middles, yaw = self.poses()
        heading = np.stack([np.cos(yaw), np.sin(yaw)], axis=1)
        reach = (self._half_m - 0.9)[:, None] * heading
        taken = np.full(ahead.shape[:2], False)
        for parts in (middles - reach, middles, middles + reach):
            taken |= self._covered(ahead, parts)
        return np.where(taken.any(1), _LOOKED_AT_M[taken.argmax(1)] - 1.0, np.inf)

    def _covered(
        self, ahead: Float64[ndarray, "N L 2"], parts: Float64[ndarray, "N 2"]
    ) -> Bool[ndarray, "N L"]:
        squared = ((ahead[:, :, None] - parts[None, None]) ** 2).sum(-1)
        squared[self._rows, :, self._rows] = np.inf
        return (squared < _BESIDE_M**2).any(-1)


def park(streets: Streets, rng: np.random.Generator, share: float) -> Float64[ndarray, "N 3"]:
    """Cars at the sides of streets that have room: x, y in metres and yaw in radians.

    Args:
        streets: the town's network.
        rng: draws which places are taken.
        share: of the places that are taken.
    """
    cars = []
    for start, end in sorted(streets.joined):
        if not streets.has_parking(start, end):
            continue
        first, last = streets.place(start), streets.place(end)
        length = float(np.linalg.norm(last - first))
        along = (last - first) / length
        right = np.array([along[1], -along[0]])
        for at in np.arange(streets.reach(start) + 3, length - streets.reach(end) - 3, 6.0):
            if rng.random() < share:
                xy = first + along * (at + rng.uniform(-0.4, 0.4)) + right * (LANE_OFFSET_M + 2.35)
                cars.append([*xy, np.arctan2(along[1], along[0]) + rng.normal(0, 0.02)])
    return np.array(cars).reshape(-1, 3)


def _lengthened(values: ndarray, length: int) -> ndarray:
    return np.concatenate([values, np.repeat(values[-1:], length - len(values), axis=0)])


def _filled(values: ndarray, length: int, value: float) -> ndarray:
    return np.concatenate([np.asarray(values, float), np.full(length - len(values), value)])
