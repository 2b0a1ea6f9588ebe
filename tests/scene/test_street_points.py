"""The points that a street begins with."""

from dataclasses import replace

import pytest
import torch

from scene.capture import Capture
from scene.lidar_motion import LidarMotion
from scene.street_points import StreetPoints, StreetPointsConfig, street_points
from tests.scene.street_scenes import MOVING, SPEED_M_S, moving_center, street_capture, street_drive

_CONFIG = StreetPointsConfig(street_points_near=300, street_points_far=400)


@pytest.fixture(scope="module")
def street() -> tuple[Capture, list[LidarMotion | None]]:
    drive, hits = street_drive(frames=3)
    motions: list[LidarMotion | None] = []
    for what in hits:
        moving = what == MOVING
        velocities = moving[:, None] * torch.tensor([SPEED_M_S, 0.0, 0.0])
        motions.append(LidarMotion(moving.float(), velocities, moving.long() - 1))
    return street_capture(drive), motions


@pytest.fixture(scope="module")
def points(street: tuple[Capture, list[LidarMotion | None]]) -> StreetPoints:
    capture, motions = street
    masks = [(image[..., 0] == 200).float() for image in capture.images]
    return street_points(capture, motions, _CONFIG, dynamic_probabilities=masks)


def test_points_have_the_colours_of_what_they_are(points: StreetPoints) -> None:
    # Near the horizon a pixel is metres wide.
    ground = (points.static.xyz[:, 2].abs() < 0.01) & (points.static.xyz[:, 0] < 30)
    assert ground.sum() > 300
    assert (points.static.rgb[ground] == 120).all(dim=1).float().mean() > 0.98
    red = torch.tensor([200, 10, 10], dtype=torch.uint8)
    assert (points.rgb == red).all(dim=1).float().mean() > 0.9
    assert not (points.static.rgb == red).all(dim=1).any()


def test_moving_points_are_where_the_car_is_at_their_time(points: StreetPoints) -> None:
    assert points.times_s.unique().tolist() == pytest.approx([0.0, 0.1, 0.2])
    centers = torch.stack([moving_center(float(time)) for time in points.times_s])
    assert ((points.xyz - centers).abs() <= torch.tensor([2.01, 0.91, 0.71])).all()
    assert torch.equal(points.velocities, torch.tensor([[SPEED_M_S, 0.0, 0.0]]).expand(len(points.xyz), 3))


def test_far_points_are_sky_above_the_ground_and_in_view(points: StreetPoints) -> None:
    distances = (points.static.xyz - torch.tensor([0.0, 0.0, 1.6])).norm(dim=1)
    far = distances > 60
    assert 200 < far.sum() <= 400
    assert distances.max() <= 300.01
    assert points.static.xyz[far, 2].min() > 0
    assert points.static.xyz[far, 0].min() > 0


def test_static_returns_are_thinned_to_one_a_cube(street: tuple[Capture, list[LidarMotion | None]]) -> None:
    capture, motions = street
    config = StreetPointsConfig(0.5, 0.0, street_points_near=0, street_points_far=0)
    thin = street_points(capture, motions, config).static.xyz
    cubes = torch.floor(thin / 0.5).unique(dim=0)
    assert len(cubes) == len(thin)
    grey = street_points(capture, motions, replace(config, street_points_unseen="grey")).static
    assert len(grey) > len(thin)
    assert (grey.rgb == 128).all(dim=1).sum() == len(grey) - len(thin)


def test_the_same_points_each_time_and_others_with_another_seed(
    street: tuple[Capture, list[LidarMotion | None]],
) -> None:
    few = replace(_CONFIG, street_points_voxel_m=1.0)
    first, second, other = (
        street_points(*street, replace(few, street_points_seed=seed)).static.xyz for seed in (0, 0, 1)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_what_cannot_be(street: tuple[Capture, list[LidarMotion | None]]) -> None:
    with pytest.raises(ValueError, match="driving log"):
        street_points(replace(street[0], drive=None), [])
    with pytest.raises(ValueError, match="street_points_voxel_m"):
        StreetPointsConfig(street_points_voxel_m=0.0)
    with pytest.raises(ValueError, match="far_from_m"):
        StreetPointsConfig(street_points_far_from_m=400.0)
