"""One object taken out of a street or put elsewhere: by where its Gaussians are at their own times."""

import math
from dataclasses import replace

import pytest
import torch

from core.errors import UserError
from scene.boxes import points_inside
from scene.capture import PointCloud
from scene.drive import Box, Drive
from scene.gaussian_model import StaticGaussians
from scene.street_edit import moved_track, rows_of_track, without_tracks
from scene.street_gaussians import StreetGaussians

FRAMES, GAP_S, SPEED = 5, 0.2, 10.0
COUNT = 20


def pose(frame: int) -> torch.Tensor:
    """A car on a circle: it turns as it drives."""
    yaw = 0.3 * frame
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[:2, :2] = torch.tensor([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    matrix[:3, 3] = torch.tensor([SPEED * GAP_S * frame, 4.0 + frame, 0.7])
    return matrix


def drive() -> Drive:
    rows = torch.arange(FRAMES)
    times = rows.double() * GAP_S
    car = [Box("car", "vehicle", pose(frame), (4.0, 2.0, 1.5), SPEED, 50) for frame in range(FRAMES)]
    parked = Box("parked", "vehicle", torch.eye(4, dtype=torch.float64), (4.0, 2.0, 1.5), 0.0, 50)
    boxes = [(box, parked) for box in car]
    poses = torch.eye(4, dtype=torch.float64).repeat(FRAMES, 1, 1)
    return Drive(("front",), rows * 0, rows, times, times, poses, [None] * FRAMES, boxes)


def gaussians(xyz: torch.Tensor) -> StaticGaussians:
    return StaticGaussians.from_points(
        PointCloud(xyz, torch.zeros(len(xyz), 3, dtype=torch.uint8)), sh_degree=0
    )


def street() -> tuple[StreetGaussians, torch.Tensor]:
    """COUNT that stand in the car's way, COUNT of the car, COUNT that move elsewhere; and their frames."""
    frames = torch.arange(COUNT) % FRAMES
    poses = torch.stack([pose(int(frame)) for frame in frames]).float()
    own = (torch.rand(COUNT, 3) - 0.5) * torch.tensor([4.0, 2.0, 1.5])
    of_car = (poses[:, :3, :3] @ own[..., None])[..., 0] + poses[:, :3, 3]
    elsewhere = of_car + torch.tensor([0.0, 0.0, 9.0])
    moving = gaussians(torch.cat([of_car, elsewhere]))
    model = StreetGaussians.standing(gaussians(of_car + 0.01), None, FRAMES * GAP_S).joined(
        moving, torch.randn(2 * COUNT, 3), frames.repeat(2) * GAP_S, span_s=0.2, gate=0.8
    )
    return model, frames


def test_the_car_goes_and_all_else_stays() -> None:
    model, frames = street()
    inside, nearest = rows_of_track(model, drive(), "car")
    assert inside.nonzero()[:, 0].tolist() == list(range(COUNT, 2 * COUNT))
    assert nearest[COUNT:].tolist() == frames.repeat(2).tolist()
    left = without_tracks(model, drive(), ["car"])
    for name in model.names:
        torch.testing.assert_close(left.parameters[name], model.parameters[name][~inside])


def test_a_moved_car_is_in_moved_boxes() -> None:
    model, _ = street()
    inside, frames = rows_of_track(model, drive(), "car")
    offsets = moved_track(model, drive(), "car", 1.5, -6.0)
    assert not offsets[~inside].any()
    torch.testing.assert_close(offsets[inside].norm(dim=1), torch.full((COUNT,), math.hypot(1.5, 6.0)))
    for frame in range(FRAMES):
        rows = inside & (frames == frame)
        aside = pose(frame)
        aside[:3, 3] += aside[:3, 0] * 1.5 - aside[:3, 1] * 6.0  # y is to the left
        there = model.splats(frame * GAP_S).means[rows] + offsets[rows]
        assert points_inside(Box("", "", aside, (4.02, 2.02, 1.52), 0.0, 0), there.detach()).all()


def test_there_and_back_is_nowhere() -> None:
    model, _ = street()
    there, back = (moved_track(model, drive(), "car", sign * 2.0, sign * 3.0) for sign in (1, -1))
    torch.testing.assert_close(there, -back)


def test_what_cannot_be_edited_is_told() -> None:
    model, _ = street()
    with pytest.raises(UserError, match=r"no box is of the track bus; the fastest tracks are car, parked"):
        without_tracks(model, drive(), ["bus"])
    with pytest.raises(UserError, match="nothing that moves was learned inside the boxes of parked"):
        moved_track(model, drive(), "parked", 1.0, 0.0)
    with pytest.raises(UserError, match="the log has no boxes"):
        without_tracks(model, replace(drive(), boxes=None), ["car"])
