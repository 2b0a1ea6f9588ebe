"""Masks of what moves, from lidar alone."""

from dataclasses import replace

import pytest
import torch

from scene.capture import Capture
from scene.lidar_motion import LidarMotion
from scene.street_masks import StreetMasksConfig, dynamic_probabilities
from tests.scene.street_scenes import MOVING, SPEED_M_S, street_capture, street_drive


@pytest.fixture(scope="module")
def street() -> tuple[Capture, list[LidarMotion | None]]:
    """A capture with the motion that is true, and a frame without lidar."""
    drive, hits = street_drive(frames=5, without_lidar=(2,))
    motions: list[LidarMotion | None] = []
    for sweep, what in zip(drive.sweeps, hits, strict=True):
        moving = what == MOVING
        velocities = moving[:, None] * torch.tensor([SPEED_M_S, 0.0, 0.0])
        motion = LidarMotion(0.9 * moving.float(), velocities, moving.long() - 1)
        motions.append(motion if sweep is not None else None)
    return street_capture(drive), motions


def test_masks_cover_the_car_and_little_else(street: tuple[Capture, list[LidarMotion | None]]) -> None:
    capture, motions = street
    maps = dynamic_probabilities(capture, motions)
    for image, found in zip(capture.images, maps, strict=True):
        car = image[..., 0] == 200
        assert car.sum() > 100
        assert found.shape == car.shape
        assert (found[car] > 0.5).float().mean() > 0.97
        assert (found[~car] > 0.5).float().mean() < 0.1
        assert found.max() == pytest.approx(0.9)


def test_a_stray_return_does_not_pull_the_mask(street: tuple[Capture, list[LidarMotion | None]]) -> None:
    capture, motions = street
    drive, first = capture.drive, motions[0]
    assert drive is not None
    assert drive.sweeps[0] is not None
    assert first is not None
    stray = torch.zeros(len(first.regions), dtype=torch.bool)
    stray[(drive.sweeps[0].xyz[:, 2] > 3).nonzero()[0]] = True
    regions = torch.where(stray, 0, first.regions)
    seen = LidarMotion(torch.where(stray, 0.9, first.moving_probability), first.velocities, regions)
    config = StreetMasksConfig(street_mask_sweeps=1)
    with_stray = dynamic_probabilities(capture, [seen, *motions[1:]], config)[0]
    assert torch.equal(with_stray > 0.5, dynamic_probabilities(capture, motions, config)[0] > 0.5)


def test_captures_of_no_drive(street: tuple[Capture, list[LidarMotion | None]]) -> None:
    with pytest.raises(ValueError, match="driving log"):
        dynamic_probabilities(replace(street[0], drive=None), [])
    with pytest.raises(ValueError, match="street_mask_margin_px"):
        StreetMasksConfig(street_mask_margin_px=-1.0)
