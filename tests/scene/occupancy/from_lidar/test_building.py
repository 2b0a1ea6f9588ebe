from dataclasses import replace

import numpy as np
import pytest
import torch

from core.geometry import transform_points
from scene.occupancy.from_lidar.building import LidarOccupancy, LogVoxels
from scene.occupancy.from_lidar.moving import moving_tracks
from scene.occupancy.from_lidar.rays import flat_voxels
from tests.scene.occupancy.from_lidar.lidar_worlds import (
    BUILDING,
    DRIVER,
    HOUSE,
    PARKED,
    ROAD,
    VEHICLE,
    Thing,
    drive,
    planar,
)

OPTIONS = LidarOccupancy(grid_size=(48, 40, 8), grid_origin=(-9.6, -8.0, -2.0))
POSES = [planar(0.6 * row, 0.1 * row, 0.04 * row) for row in range(4)]


@pytest.fixture(scope="module")
def street() -> LogVoxels:
    return LogVoxels(drive([HOUSE, PARKED, DRIVER], POSES), OPTIONS)


def test_each_voxel_is_taken_free_or_unobserved(street: LogVoxels) -> None:
    """Taken are those with points; free are those that rays pass and that have none; others have no count."""
    for row, (classes, counts) in enumerate(street):
        own = street.frames[row]
        xyz = transform_points(street.world_from_grid[row].inverse().float(), own.xyz)
        xyz = (xyz - torch.tensor(OPTIONS.grid_origin)) / torch.tensor(OPTIONS.voxel_size)
        flat, inside = flat_voxels(xyz, OPTIONS.grid_size)
        assert (classes.flatten()[flat[inside]] > 0).all()
        assert (counts[classes > 0] > 0).all()
        assert (classes[counts == 0] == 0).all()
        for share in ((classes > 0), (classes == 0) & (counts > 0), counts == 0):
            assert int(share.sum()) > 100


def test_occupancy_says_what_was_not_observed(street: LogVoxels) -> None:
    occupancy = street.occupancy()
    frames = list(street)
    assert occupancy.invalid is not None
    assert torch.equal(occupancy.invalid, torch.stack([frame.counts == 0 for frame in frames]))
    assert torch.equal(occupancy.classes, torch.stack([frame.classes for frame in frames]))
    assert occupancy.frame_names == ("000000", "000001", "000002", "000003")
    assert occupancy.seconds_per_frame == 0.5
    assert occupancy.world_from_ego is not None
    assert float(occupancy.world_from_ego[0, 2, 3]) == pytest.approx(1.8, abs=1e-3)


def test_nothing_behind_a_wall_is_free() -> None:
    """One sweep at a wall across the whole view: what is behind it is unobserved, what is before is not."""
    wall = Thing("wall", BUILDING, (5.1, 0.0, 5.0), (0.4, 60.0, 10.0), labelled=False)
    voxels = LogVoxels(drive([wall], POSES[:1]), OPTIONS)
    classes, counts = voxels.frame(0)
    front = round((4.9 - OPTIONS.grid_origin[0]) / 0.4)
    assert (counts[front + 1 :] == 0).all()
    assert (classes[front, 8:32, 3:] == BUILDING).float().mean() > 0.9
    assert ((counts > 0) & (classes == 0))[front - 6 : front, 8:32, 4:].float().mean() > 0.9


@pytest.mark.parametrize(
    "origin", [planar(0.0, 0.0, 0.0), planar(130.0, -70.0, 0.0), planar(-20.0, 40.0, 2.0)]
)
def test_a_still_world_looks_the_same_wherever_it_lies(origin: np.ndarray) -> None:
    """The whole log moved: the same voxels, up to points that change sides at voxels' faces by rounding."""
    log = drive([HOUSE, PARKED], POSES)
    moved = replace(log, frames=tuple(frame.moved(torch.from_numpy(origin)) for frame in log.frames))
    plain = LogVoxels(log, OPTIONS).frame(2)
    there = LogVoxels(moved, OPTIONS).frame(2)
    assert (plain.classes != there.classes).float().mean() < 2e-3
    assert ((plain.counts == 0) != (there.counts == 0)).float().mean() < 5e-3


def test_frames_of_a_still_world_agree() -> None:
    """Two frames a whole number of voxels apart hold the same of what both cover."""
    voxels = LogVoxels(drive([HOUSE, PARKED], [planar(0.4 * row, 0.0, 0.0) for row in range(4)]), OPTIONS)
    first, last = voxels.frame(0), voxels.frame(3)
    assert (first.classes[3:] != last.classes[:-3]).float().mean() < 2e-3


def test_a_driving_car_does_not_smear(street: LogVoxels) -> None:
    """Vehicles are where boxes are, and nowhere else; the driving one is there over its length."""
    lengths = []
    for row, frame in enumerate(street.frames):
        classes, counts = street.frame(row)
        places = torch.nonzero(classes == VEHICLE) + 0.5
        xyz = places * torch.tensor(OPTIONS.voxel_size) + torch.tensor(OPTIONS.grid_origin)
        world = transform_points(street.world_from_grid[row], xyz.double())
        in_a_box = torch.zeros(len(world), dtype=torch.bool)
        for box in frame.boxes:
            own = transform_points(box.world_from_box.inverse(), world)
            inside = (own.abs() <= 0.5 * torch.tensor(box.size_m) + 0.35).all(dim=1)
            in_a_box |= inside
            if box.track == "driver" and row < 2:  # later it leaves the grid
                lengths.append(float(own[inside, 0].max() - own[inside, 0].min()))
        assert len(places) > 20
        assert in_a_box.all()
        assert int(counts[classes == VEHICLE].sum()) > 0
    assert min(lengths) > 3.0


def test_rays_of_other_times_do_not_empty_a_moving_car() -> None:
    """Where a car is now, another sweep saw through: inside of it only the own sweep is asked."""
    log = drive([DRIVER], POSES)
    assert moving_tracks(log.frames, 0.5) == {"driver"}
    voxels = LogVoxels(log, OPTIONS)
    classes, counts = voxels.frame(0)
    centre = transform_points(voxels.world_from_grid[0].inverse(), torch.tensor([DRIVER.center]).double())
    flat, inside = flat_voxels(
        (centre - torch.tensor(OPTIONS.grid_origin)) / torch.tensor(OPTIONS.voxel_size), OPTIONS.grid_size
    )
    assert bool(inside[0])
    assert int(classes.flatten()[flat[0]]) == 0
    assert int(counts.flatten()[flat[0]]) == 0
    unlabelled = replace(log, frames=tuple(replace(frame, boxes=()) for frame in log.frames))
    assert int(LogVoxels(unlabelled, OPTIONS).frame(0).counts.flatten()[flat[0]]) > 0


def test_gaps_between_rings_on_the_road_are_not_free() -> None:
    voxels = LogVoxels(drive([], POSES[:1]), OPTIONS)
    classes, counts = voxels.frame(0)
    lowest_classes, lowest = classes[:, :, 0], counts[:, :, 0]
    assert (lowest_classes == ROAD).sum() > 200
    assert (lowest == 0).sum() > 50
    assert (lowest_classes[lowest > 0] == ROAD).all()


def test_heights_are_set_right_only_where_asked() -> None:
    log = drive([HOUSE], [planar(0.6 * row, 0.0, 0.0) for row in range(3)])
    raised = torch.eye(4).double()
    raised[2, 3] = 0.5
    log = replace(log, frames=(*log.frames[:2], log.frames[2].moved(raised)))
    heights = LogVoxels(log, OPTIONS).world_from_grid[:, 2, 3]
    assert float(heights.max() - heights.min()) < 1e-3
    kept = LogVoxels(log, replace(OPTIONS, level_ground=False)).world_from_grid[:, 2, 3]
    assert float(kept[2] - kept[0]) == pytest.approx(0.5, abs=1e-3)
