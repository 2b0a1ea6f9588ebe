"""Networks of streets are connected, and routes stay on their lanes."""

import numpy as np
import pytest

from data.synthetic.town.routes import STEP_M, Turn, make_route
from data.synthetic.town.streets import LANE_OFFSET_M, Streets, make_streets


@pytest.fixture(params=range(4))
def streets(request: pytest.FixtureRequest) -> Streets:
    return make_streets(np.random.default_rng(request.param))


def test_every_crossing_is_reached_from_every_other(streets: Streets) -> None:
    reached, waiting = set(), [streets.nodes[0]]
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting += streets.neighbours(node)
    assert reached == set(streets.nodes)


def test_streets_go_both_ways_and_have_no_dead_ends(streets: Streets) -> None:
    assert all((end, start) in streets.joined for start, end in streets.joined)
    assert len(streets.sections()) * 2 == len(streets.joined)
    ways = [len(streets.neighbours(node)) for node in streets.nodes]
    assert min(ways) >= 2
    assert 3 in ways
    assert 4 in ways


@pytest.mark.parametrize("first", [None, Turn.LEFT, Turn.RIGHT])
def test_a_route_is_smooth_and_keeps_right(streets: Streets, first: Turn | None) -> None:
    rng = np.random.default_rng(7)
    route = make_route(streets, sorted(streets.joined)[3], 400.0, rng, first)
    assert len(route.points) * STEP_M >= 400
    steps = np.diff(route.points, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    # A straight's length is no multiple of the step.
    assert np.all(np.abs(lengths - STEP_M) < 0.03 * STEP_M)
    heading = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    assert np.abs(np.diff(heading)).max() < 0.06
    for gate, end in zip(route.gates_m, route.exits_m, strict=True):
        before = route.points[int(gate / STEP_M) - 4]
        left = np.array([-np.sin(h := heading[int(gate / STEP_M) - 4]), np.cos(h)])
        middle = [np.array([streets.xs, streets.ys][axis]) for axis in (0, 1)]
        # The lane is to the right of the nearest street that runs this way.
        axis = int(np.argmax(np.abs(left)))
        offsets = (before[axis] - middle[axis]) * left[axis]
        assert np.abs(offsets + LANE_OFFSET_M).min() < 1e-6
        assert end > gate


def test_one_can_brake_in_time(streets: Streets) -> None:
    route = make_route(streets, sorted(streets.joined)[0], 300.0, np.random.default_rng(1))
    braking = -np.diff(route.limits_m_s**2) / (2 * STEP_M)
    assert braking.max() < 2.0 + 1e-6
    assert 1 < route.limits_m_s.min() < route.limits_m_s.max() <= 8


def test_left_and_right_are_balanced(streets: Streets) -> None:
    route = make_route(streets, sorted(streets.joined)[5], 1500.0, np.random.default_rng(2), Turn.LEFT)
    heading = np.diff(np.unwrap(np.arctan2(*np.diff(route.points, axis=0).T[::-1])))
    left, right = heading[heading > 0].sum(), -heading[heading < 0].sum()
    assert 0.6 < left / right < 1.7
