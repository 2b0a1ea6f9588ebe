"""What voxels show of a town: heights, thin things, vehicles, what nobody sees."""

from dataclasses import replace

import numpy as np
import pytest

from data.synthetic.town.canvas import CELL_M, Levels, blank
from data.synthetic.town.labels import Raw
from data.synthetic.town.sight import seen_from
from data.synthetic.town.town import Town, make_town
from data.synthetic.town.traffic import Drives
from data.synthetic.town.voxels import Window, voxelise

LEVELS = Levels(-2.0, 0.375, 8)
WINDOW = Window((64, 64), 0.4)


@pytest.fixture(scope="module")
def town() -> Town:
    return make_town((0, 0), "Medium", 20, LEVELS)


def plain(town: Town, yaw: float, **changes: object) -> Town:
    """Bare road with the recording vehicle in its middle, and nothing else but `changes`."""
    road = np.zeros((300, 300, 8), np.uint8)
    road[:, :, 0] = Raw.ROAD
    alone = Drives(np.full((1, 1, 2), 30.0), np.full((1, 1), yaw), ("car",))
    nothing: dict[str, object] = {
        "columns": road,
        "posts_xy": np.zeros((0, 2)),
        "posts": np.zeros((0, 8), np.uint8),
    }
    nothing |= {"parked": np.zeros((0, 3)), "walkers": np.zeros((1, 0, 2)), "drives": alone}
    return replace(town, seen=np.ones((300, 300), np.uint8), **(nothing | changes))


def test_the_ground_lies_low_and_all_else_on_it(town: Town) -> None:
    labels, _ = voxelise(town, 0, WINDOW)
    ground = np.isin(labels, (Raw.ROAD, Raw.ROAD_LINE, Raw.SIDEWALK))
    assert ground.any(axis=(0, 1)).nonzero()[0].tolist() == [0]
    assert set(np.isin(labels, (Raw.GROUND, Raw.TERRAIN)).any(axis=(0, 1)).nonzero()[0]) <= {0, 1}
    assert not np.isin(labels[..., 0], (Raw.BUILDING, Raw.VEHICLE, Raw.PEDESTRIAN, Raw.POLE)).any()


def test_the_vehicle_stands_on_a_road(town: Town) -> None:
    for frame in range(20):
        labels, _ = voxelise(town, frame, WINDOW)
        assert np.isin(labels[30:34, 31:33, 0], (Raw.ROAD, Raw.ROAD_LINE)).all()


@pytest.mark.parametrize("yaw", [0.0, 0.3, 1.2, -2.5])
def test_thin_things_are_never_missed(town: Town, yaw: float) -> None:
    rng = np.random.default_rng(0)
    places = 30 + rng.uniform(-8, 8, (40, 2))
    profile = np.zeros((40, 8), np.uint8)
    profile[:, 1:] = Raw.POLE
    labels, _ = voxelise(plain(town, yaw, posts_xy=places, posts=profile), 0, WINDOW)
    columns = (labels == Raw.POLE).all(-1) | (labels[..., 1:] == Raw.POLE).all(-1)
    turned = (places - 30) @ np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    index = np.floor(turned / 0.4 + 32).astype(int)
    assert columns[index[:, 0], index[:, 1]].all()
    assert columns.sum() == len(np.unique(index, axis=0))


def test_people_are_as_tall_as_people(town: Town) -> None:
    labels, _ = voxelise(plain(town, 0.7, walkers=np.array([[[33.0, 28.0]]])), 0, WINDOW)
    found = np.argwhere(labels == Raw.PEDESTRIAN)
    assert len(np.unique(found[:, :2], axis=0)) == 1
    assert found[:, 2].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("yaw", [0.0, 0.6])
def test_a_car_is_where_it_is(town: Town, yaw: float) -> None:
    """Ahead and to the left of a vehicle that is turned: x forward, y left."""
    ahead = np.array([np.cos(yaw), np.sin(yaw)])
    left = np.array([-np.sin(yaw), np.cos(yaw)])
    car = np.array([[*(np.array([30.0, 30.0]) + 6 * ahead + 3 * left), yaw]])
    labels, observed = voxelise(plain(town, yaw, parked=car), 0, WINDOW)
    found = np.argwhere(labels == Raw.VEHICLE)
    middle = ((found.min(0) + found.max(0))[:2] / 2 + 0.5 - 32) * 0.4
    assert middle == pytest.approx([6, 3], abs=0.25)
    size = (found.max(0) - found.min(0) + 1) * (0.4, 0.4, 0.375)
    assert size == pytest.approx([4.4, 1.9, 1.5], abs=0.45)
    assert (observed[labels == Raw.VEHICLE] > 0).all()
    # The sides swap where the car is on the right.
    car[0, :2] -= 6 * left
    right, _ = voxelise(plain(town, yaw, parked=car), 0, WINDOW)
    assert np.argwhere(right == Raw.VEHICLE)[:, 1].max() < 32


def test_nothing_moves_in_a_world_at_rest(town: Town) -> None:
    """The same voxels from the same place; a quarter turn turns them."""
    first, _ = voxelise(plain(town, 0.0, columns=town.columns[:300, :300]), 0, WINDOW)
    turned, _ = voxelise(plain(town, np.pi / 2, columns=town.columns[:300, :300]), 0, WINDOW)
    same = (np.rot90(first, -1, axes=(0, 1)) == turned).mean()
    # Middles on the edge between two cells may fall to either side.
    assert same > 0.97


def test_nobody_sees_into_or_behind_buildings() -> None:
    opaque = np.zeros((200, 200), bool)
    opaque[120:150, 60:140] = True
    seen = seen_from(opaque, np.array([[10.0, 20.0], [12.0, 20.0]]))
    assert seen[60, 100] == 2
    assert seen[120:122, 70:130].all(), "the wall towards the viewer"
    assert not seen[125:150, 70:130].any(), "inside"
    assert not seen[152:180, 95:105].any(), "behind"
    assert seen[100, 10] > 0
    assert not seen[199, 199]


def test_trees_that_nobody_sees_have_no_trunks(town: Town) -> None:
    cells = (town.posts_xy / CELL_M).astype(int)
    assert (town.seen[cells[:, 0], cells[:, 1]] > 0).all()
    assert (town.posts == Raw.VEGETATION).any()
    assert (town.posts == Raw.TRAFFIC_LIGHT).any()


def test_what_is_not_observed_is_free(town: Town) -> None:
    labels, observed = voxelise(town, 0, WINDOW)
    assert (labels[observed == 0] == Raw.FREE).all()
    assert 0 < (observed == 0).mean() < 0.6


def test_heights_and_layers() -> None:
    assert LEVELS.of(np.array([0, 0.12, 0.2, 2.7, 9], np.float32)).tolist() == [0, 0, 1, 7, 7]
    assert LEVELS.between(0.0, 20.0).tolist() == [False] + [True] * 7
    assert LEVELS.between(0.9, 0.95).sum() == 1, "something thin has a layer"


def test_nothing_is_built_over() -> None:
    canvas = blank((10.0, 8.0), LEVELS)
    canvas.fill(canvas.box(np.array([1.0, 1.0]), np.array([3.0, 3.0])), 0.0, 9.0, Raw.BUILDING)
    canvas.fill(canvas.box(np.array([2.0, 2.0]), np.array([20.0, 4.0])), 0.0, 1.0, Raw.WALL)
    assert (canvas.standing[5:15, 5:15, 1:] == Raw.BUILDING).all()
    assert (canvas.standing[15:, 10:20, 1] == Raw.WALL).all()
    assert canvas.standing.shape == (50, 40, 8)
