"""Returns that move are found, with their velocities, and nothing else is."""

from dataclasses import replace

import pytest
import torch

from scene.drive import Drive
from scene.lidar_motion import LidarMotionConfig, carried_returns, moving_returns
from tests.scene.street_scenes import GAP_S, MOVING, SPEED_M_S, moving_center, street_drive


@pytest.fixture(scope="module")
def found() -> tuple:
    drive, hits = street_drive(without_lidar=(4,))
    return drive, hits, moving_returns(drive, LidarMotionConfig(lidar_motion_gaps_s=(0.2, 0.4)))


def test_the_car_that_drives_moves_and_the_rest_stands(found: tuple) -> None:
    drive, hits, motions = found
    for sweep, what, motion in zip(drive.sweeps, hits, motions, strict=True):
        if motion is None:
            continue
        body = (what == MOVING) & (sweep.xyz[:, 2] > 0.3)  # what is lower counts as the ground
        moving = motion.moving_probability > 0.5
        assert moving[body].float().mean() > 0.8
        assert moving[what != MOVING].float().mean() < 0.01
        error = motion.velocities[moving & (what == MOVING)] - torch.tensor([SPEED_M_S, 0.0, 0.0])
        assert error.norm(dim=1).median() < 0.5
        assert not motion.velocities[~moving].any()
        assert torch.equal(motion.regions >= 0, moving)


def test_a_frame_without_lidar_has_no_motion_but_its_neighbours_tell_where_things_are(found: tuple) -> None:
    drive, _, motions = found
    assert [motion is None for motion in motions] == [frame == 4 for frame in range(len(motions))]
    carried = carried_returns(drive, motions, 4 * GAP_S)
    inside = (carried.xyz - moving_center(4 * GAP_S)).abs() <= torch.tensor([2.3, 1.2, 1.0])
    assert len(inside) > 100
    assert inside.all(dim=1).float().mean() > 0.98
    assert set(carried.sweep_gaps_s.sign().tolist()) == {-1.0, 1.0}
    assert len(carried_returns(drive, motions, 99.0).xyz) == 0


def test_what_only_comes_into_sight_does_not_move() -> None:
    drive, _ = street_drive(frames=5)
    # The car before the wall stays; later it is gone, and more and more of the wall is seen that nobody saw.
    first = drive.sweeps[0]
    assert first is not None
    azimuth = torch.atan2(first.xyz[:, 1], first.xyz[:, 0])
    sweeps = []
    for frame in range(5):
        rows = azimuth < 0.3 + 0.3 * frame
        sweeps.append(
            replace(first, xyz=first.xyz[rows], origins=first.origins[rows], intensity=azimuth[rows])
        )
    still = moving_returns(replace(drive, sweeps=sweeps))
    assert all(motion is not None and not (motion.moving_probability > 0.5).any() for motion in still)


def test_logs_with_hardly_any_lidar(found: tuple) -> None:
    drive: Drive = found[0]
    nothing = replace(drive, sweeps=[None] * len(drive.sweeps))
    assert moving_returns(nothing) == [None] * len(drive.sweeps)
    one = moving_returns(replace(drive, sweeps=[drive.sweeps[0], *[None] * (len(drive.sweeps) - 1)]))[0]
    assert one is not None
    assert not one.moving_probability.any()


def test_settings_that_mean_nothing() -> None:
    with pytest.raises(ValueError, match="lidar_motion_range_m"):
        LidarMotionConfig(lidar_motion_range_m=0.0)
    with pytest.raises(ValueError, match="lidar_motion_gaps_s"):
        LidarMotionConfig(lidar_motion_gaps_s=(0.2, -1.0))
