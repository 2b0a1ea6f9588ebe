"""Whatever the seed: nobody meets, one car stops and goes on, the drive stays in its lane."""

import numpy as np
import pytest

from core.errors import UserError
from data.synthetic.street import traffic
from data.synthetic.street.actors import Footprint, footprint
from data.synthetic.street.layout import lay_out
from data.synthetic.street.place import StreetPlan, make_street
from data.synthetic.street.road import KERB_M, LANE_M, ROAD_Z_M, Road
from data.synthetic.world import World


@pytest.mark.parametrize(("seed", "duration_s"), [(0, 0.9), (5, 1.9)])
def test_nobody_meets(seed: int, duration_s: float) -> None:
    street = make_street(StreetPlan(seed, duration_s, cars=4, walkers=3))
    world, times = street.place.world, np.arange(0, duration_s, 0.13).tolist()
    places = [footprint(actor.boxes(world, times), actor.size_m) for actor in street.actors]
    for row in range(7):
        assert not any(places[row].meets(other) for other in places[:row] + places[row + 1 :])
    assert len({actor.name for actor in street.actors}) == len(street.actors)
    (halting,) = (actor for actor in street.actors if actor.name.startswith("stop-and-go"))
    speeds = [np.linalg.norm(halting.velocity(world, time)) for time in times]
    assert min(speeds) < 0.1
    assert speeds[0] > 2
    parked = [actor for actor in street.actors if actor.name.startswith("parked")]
    assert len(parked) > 5
    assert not any(np.linalg.norm(actor.velocity(world, 1.0)) for actor in parked)


def test_a_full_street_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "_TRIES", 2)
    everywhere = Footprint(np.zeros((1, 2)), np.zeros(1), (500.0, 500.0))
    with pytest.raises(UserError, match="no room for 1 walkers; choose fewer with --walkers"):
        traffic.add_traffic(World(), lay_out(0, 1.0), [everywhere], 0, 1, np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(6))
def test_the_drive_stays_in_its_lane(seed: int) -> None:
    layout = lay_out(seed, 5.0)
    poses = np.stack([layout.ego(time) for time in np.arange(0, 5, 0.1)])
    np.testing.assert_allclose(
        poses[:, :3, :3] @ poses[:, :3, :3].swapaxes(1, 2), np.tile(np.eye(3), (50, 1, 1)), atol=1e-12
    )
    lefts = [layout.road.left_of(*pose[:2, 3]) for pose in poses]
    assert np.abs(np.array(lefts) + LANE_M).max() < 0.2
    steps = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1) * 10
    assert 4.5 < steps.min() < steps.max() < 12
    ahead = (np.diff(poses[:, :3, 3], axis=0) * poses[:-1, :3, 0]).sum(1)
    assert (ahead > 0.99 * steps / 10).all()
    assert layout.along(5.0) + 5 < layout.zebra_m < layout.junction_m - 5


@pytest.mark.parametrize("curvature", [-1 / 220, 1 / 300])
def test_places_on_the_road_come_back(curvature: float) -> None:
    road = Road(curvature, -90.0, 110.0)
    for along, left in ((0.0, 0.0), (37.0, 4.0), (-60.0, -8.0)):
        x, y, heading = road.at(along, left)
        assert road.left_of(x, y) == pytest.approx(left, abs=1e-9)
        ahead = np.subtract(road.at(along + 1e-4, left)[:2], (x, y))
        assert np.degrees(np.arctan2(ahead[1], ahead[0])) == pytest.approx(heading, abs=1e-2)
    assert road.ground(*road.at(20.0, 0.0)[:2]) == ROAD_Z_M
    assert road.ground(*road.at(20.0, KERB_M + 1)[:2]) == 0
    x, y, heading = road.lane(LANE_M, backward=True).at(30.0)
    assert road.left_of(x, y) == pytest.approx(LANE_M, abs=1e-2)
    assert np.cos(np.radians(heading - road.at(80.0, 0.0)[2])) < -0.99
    x, y, _ = road.crossing(10.0, 8.0).at(3.0)
    assert road.left_of(x, y) == pytest.approx(5.0, abs=1e-6)
