"""Every cast has the hard cases, in sight; nobody runs into anybody; whoever stops goes on."""

import numpy as np
import pytest

from data.synthetic.casting import cast
from data.synthetic.flow import Seen
from data.synthetic.paths import along_a_site
from data.synthetic.views import Pinhole, pinhole_matrix
from data.synthetic.world import Snapshot, World
from tests.data.synthetic.squares import square

TIMES = np.array([0.0, 0.5, 1.0, 1.5])
SEEDS = range(4)
WIDTH, HEIGHT = 128, 72


def movers_of(world: World) -> dict[str, int]:
    """Roots of what moves, by name."""
    roots = np.unique(world.roots()[world.moving_bodies()])
    return {world.bodies[root].name: int(root) for root in roots}


def shares(seed: int) -> dict[str, np.ndarray]:
    """Which part of the picture each thing that moves takes at the four times."""
    world = square(seed, traffic=True)
    found = {name: np.zeros(len(TIMES)) for name in movers_of(world)}
    for index, (time, c2w) in enumerate(zip(TIMES.tolist(), along_a_site(TIMES, seed), strict=True)):
        view = Pinhole(c2w, pinhole_matrix(WIDTH, HEIGHT, 68.0), WIDTH, HEIGHT)
        snapshot = world.at(time)
        seen = Seen(view, snapshot, *cast(snapshot, view))
        things = seen.things(world.roots())
        for name, root in movers_of(world).items():
            found[name][index] = (things == root).mean()
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_hard_cases_are_there_and_in_sight(seed: int) -> None:
    found = shares(seed)
    kinds = {name.split()[0]: values for name, values in found.items()}
    assert {"small", "plain", "stop-and-go", "walker", "car", "van"} <= set(kinds)
    assert (kinds["small"] > 0).all()
    assert np.median(kinds["small"]) > 0.001
    assert kinds["small"].max() < 0.02
    assert np.median(kinds["plain"]) > 0.002
    assert np.median(kinds["stop-and-go"]) > 0.005
    assert 0.02 < sum(values.mean() for values in found.values()) < 0.3


@pytest.mark.parametrize("seed", SEEDS)
def test_only_what_stops_and_goes_ever_rests(seed: int) -> None:
    world = square(seed, traffic=True)
    times = np.arange(0, 1.7, 1 / 24)
    poses = np.array([world.poses(float(time)) for time in times])
    for name, root in movers_of(world).items():
        speeds = np.linalg.norm(np.diff(poses[:, root, :3, 3], axis=0), axis=1) * 24
        if not name.startswith("stop-and-go"):
            assert speeds.min() > 0.5, name
            continue
        resting = np.flatnonzero(speeds < 1e-6)
        assert len(resting) >= 13
        assert (np.diff(resting) == 1).all()
        assert speeds[: resting[0]].max() > 1.0
        assert speeds[resting[-1] + 1 :].max() > 1.0
        limbs = np.flatnonzero(world.roots() == root)
        assert (poses[resting[0], limbs] == poses[resting[-1], limbs]).all()


def footprint(snapshot: Snapshot, rows: np.ndarray) -> tuple[np.ndarray, float]:
    """Middle and radius of a circle about a thing on the ground, its outermost corners left aside."""
    corners = snapshot.corners()[rows][..., :2].reshape(-1, 2)
    middle = (corners.min(0) + corners.max(0)) / 2
    return middle, float(np.percentile(np.linalg.norm(corners - middle, axis=1), 50))


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_runs_into_anybody(seed: int) -> None:
    world = square(seed, traffic=True)
    roots = world.roots()
    for time in np.arange(0, 12, 1.5):
        snapshot = world.at(float(time))
        circles = {
            name: footprint(snapshot, roots[snapshot.bodies] == root)
            for name, root in movers_of(world).items()
            if name not in ("car", "van")
        }
        for name, (middle, radius) in circles.items():
            for other, (there, reach) in circles.items():
                if name < other:
                    assert np.linalg.norm(middle - there) > 0.8 * (radius + reach), (name, other, time)


def test_traffic_only_adds() -> None:
    resting, busy = (square(0, traffic=traffic).at(2.0) for traffic in (False, True))
    assert not resting.moving.any()
    world = square(0, traffic=True)
    labels = {world.bodies[body].label for body in np.flatnonzero(world.moving_bodies())}
    assert labels <= {"vehicle", "person", "toy", "animal"}
    rest = busy.only(~busy.moving)
    np.testing.assert_array_equal(rest.world_from_part, resting.world_from_part)


def test_what_is_plain_has_no_texture() -> None:
    """Its parts are of one material, which is the same colour everywhere."""
    for seed in SEEDS:
        world = square(seed, traffic=True)
        snapshot, roots = world.at(0.0), world.roots()
        plain = next(root for name, root in movers_of(world).items() if name.startswith("plain"))
        rows = roots[snapshot.bodies] == plain
        assert {world.materials[material] for material in snapshot.materials[rows]} == {"plain"}
        assert len(np.unique(snapshot.tints[rows], axis=0)) == 1
