import torch

from scene.occupancy.classes import CARLASC
from scene.occupancy.from_lidar.moving import moving_tracks, part, put_back, rows_inside
from tests.scene.occupancy.from_lidar.lidar_worlds import (
    DRIVER,
    HOUSE,
    PARKED,
    ROAD,
    VEHICLE,
    Thing,
    drive,
    planar,
)

POSES = [planar(0.5 * row, 0.0, 0.1 * row) for row in range(4)]


def test_what_moves_is_told_by_its_boxes() -> None:
    frames = drive([HOUSE, PARKED, DRIVER], POSES).frames
    assert moving_tracks(frames, 0.5) == {"driver"}
    assert moving_tracks(frames, 100.0) == set()


def test_returns_of_a_moving_box_stay_rigid() -> None:
    """In every frame all that was ever seen of the car lies on its own surface."""
    frames = drive([HOUSE, PARKED, DRIVER], POSES).frames
    parted = part(frames, CARLASC, 0.5)
    things = [put_back(parted, row) for row in range(len(frames))]
    own = parted.things["driver"].xyz
    for row, frame in enumerate(frames):
        (car,) = things[row]
        torch.testing.assert_close(torch.pdist(car.xyz), torch.pdist(own), atol=1e-4, rtol=0)
        assert len(rows_inside(frame.boxes[1], car.xyz, 0.01)) == len(car.xyz)
        assert set(car.classes.tolist()) == {VEHICLE}


def test_nothing_of_a_moving_car_is_still() -> None:
    frames = drive([HOUSE, PARKED, DRIVER], POSES).frames
    parted = part(frames, CARLASC, 0.5)
    cars = parted.still.where(parted.still.classes == VEHICLE)
    assert len(cars.xyz) > 100
    assert len(rows_inside(frames[0].boxes[0], cars.xyz, 0.01)) == len(cars.xyz)
    total = len(parted.still.xyz) + sum(len(thing.xyz) for thing in parted.things.values())
    assert total == sum(len(frame.xyz) for frame in frames)


def test_the_road_in_a_box_is_still() -> None:
    deep = Thing("driver", VEHICLE, (4.0, 2.5, 0.7), (4.0, 1.8, 1.5), speed=5.0)  # down to below the road
    frames = drive([deep], POSES).frames
    parted = part(frames, CARLASC, 0.5)
    assert set(parted.things["driver"].classes.tolist()) == {VEHICLE}
    assert int((parted.still.classes == ROAD).sum()) == sum(int((f.classes == ROAD).sum()) for f in frames)


def test_a_car_without_a_box_is_in_its_own_frame_only() -> None:
    stray = Thing("stray", VEHICLE, (4.0, 2.5, 0.8), (4.0, 1.8, 1.5), speed=5.0, labelled=False)
    frames = drive([stray], POSES).frames
    parted = part(frames, CARLASC, 0.5)
    assert not (parted.still.classes == VEHICLE).any()
    for frame, passing in zip(frames, parted.passing, strict=True):
        assert torch.equal(passing.xyz, frame.xyz[frame.classes == VEHICLE])
