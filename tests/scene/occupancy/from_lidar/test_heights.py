import pytest
import torch

from scene.occupancy.classes import CARLASC
from scene.occupancy.from_lidar.frames import LidarFrame, lifted
from scene.occupancy.from_lidar.heights import ego_from_road, level
from tests.scene.occupancy.from_lidar.lidar_worlds import HOUSE, PARKED, ROAD, drive, planar

POSES = [planar(2.0 * row, 0.3 * row, 0.05 * row) for row in range(5)]


def drifting(step_m: float) -> list[LidarFrame]:
    frames = drive([HOUSE, PARKED], POSES).frames
    return [frame.moved(lifted(step_m * row)) for row, frame in enumerate(frames)]


@pytest.mark.parametrize("step_m", [0.2, -0.15, 0.0])
def test_drifting_heights_are_set_right(step_m: float) -> None:
    """Flat ground comes back to one height, poses and boxes with it, and nothing else changes."""
    frames = level(drifting(step_m), CARLASC)
    for frame, pose in zip(frames, POSES, strict=True):
        assert float(frame.xyz[frame.classes == ROAD][:, 2].abs().max()) < 1e-3
        torch.testing.assert_close(frame.world_from_ego, torch.from_numpy(pose), atol=1e-3, rtol=0)
        assert float(frame.boxes[0].world_from_box[2, 3]) == pytest.approx(0.8, abs=1e-3)
        assert float(frame.origins[:, 2].mean()) == pytest.approx(1.8, abs=1e-3)


def test_heights_stay_where_no_ground_is_shared() -> None:
    frames = [drive([], [planar(1000.0 * row, 0.0, 0.0, z=3.0 * row)]).frames[0] for row in range(2)]
    for before, after in zip(frames, level(frames, CARLASC), strict=True):
        torch.testing.assert_close(before.world_from_ego, after.world_from_ego)
    assert len(level(frames[:1], CARLASC)) == 1


def test_the_road_is_found_below_a_tilted_vehicle() -> None:
    """Vehicles whose frame is tilted and high above the road: seen from the road, the road is flat at 0."""
    tilt = lifted(0.3)
    tilt[:3, :3] = torch.linalg.matrix_exp(
        torch.tensor([[0.0, 0.0, 0.03], [0.0, 0.0, -0.05], [-0.03, 0.05, 0.0]]).double()
    )
    frames = list(drive([HOUSE, PARKED], POSES).frames)
    tilted = [
        LidarFrame(f.number, f.time_s, f.world_from_ego @ tilt, f.xyz, f.origins, f.classes, f.boxes)
        for f in frames
    ]
    ego_from = ego_from_road(tilted, CARLASC)
    torch.testing.assert_close(ego_from[:3, :3] @ ego_from[:3, :3].T, torch.eye(3).double())
    for frame in tilted:
        world_from_road = frame.world_from_ego @ ego_from
        assert abs(float(world_from_road[2, 3])) < 0.01
        assert float(world_from_road[2, 2]) > 1 - 1e-5


def test_without_ground_it_is_the_vehicle_itself() -> None:
    (frame,) = drive([], POSES[:1]).frames
    bare = LidarFrame(0, 0.0, frame.world_from_ego, frame.xyz[:0], frame.origins[:0], frame.classes[:0], ())
    torch.testing.assert_close(ego_from_road([bare], CARLASC), torch.eye(4).double())
