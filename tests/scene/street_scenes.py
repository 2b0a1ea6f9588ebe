"""A made-up street for the tests of lidar: a wall, the ground, a car that drives, one that is parked."""

import math

import torch

from scene.cameras import Cameras
from scene.capture import Capture
from scene.drive import Drive, Sweep

SPEED_M_S = 6.0
FRAMES = 8
GAP_S = 0.1
LIDAR = torch.tensor([0.0, 0.0, 2.0])
MOVING_SIZE, MOVING_START = torch.tensor([4.0, 1.8, 1.4]), torch.tensor([8.0, 4.0, 0.75])
PARKED_SIZE, PARKED_PLACE = torch.tensor([4.0, 1.8, 1.4]), torch.tensor([12.0, -5.0, 0.75])
GROUND, WALL, PARKED, MOVING = range(4)


def moving_center(time_s: float) -> torch.Tensor:
    """Where the car is that drives."""
    return MOVING_START + torch.tensor([SPEED_M_S * time_s, 0.0, 0.0])


def street_drive(
    frames: int = FRAMES, without_lidar: tuple[int, ...] = ()
) -> tuple[Drive, list[torch.Tensor]]:
    """The log of a vehicle that stands, and what each return of a sweep hit."""
    times = torch.arange(frames, dtype=torch.float64) * GAP_S
    sweeps: list[Sweep | None] = []
    hits = []
    for frame, time_s in enumerate(times.tolist()):
        xyz, what = cast_rays(moving_center(time_s))
        hits.append(what)
        sweep = Sweep(xyz, LIDAR.expand_as(xyz).clone(), torch.ones(len(xyz)))
        sweeps.append(None if frame in without_lidar else sweep)
    poses = torch.eye(4, dtype=torch.float64).repeat(frames, 1, 1)
    rows = torch.arange(frames)
    return Drive(("front",), torch.zeros(frames, dtype=torch.int64), rows, times, times, poses, sweeps), hits


def street_capture(drive: Drive) -> Capture:
    """Its pictures, one a frame: the sky blue, the moving car red, the rest grey."""
    c2w = torch.eye(4)
    c2w[:3, :3] = torch.tensor([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    c2w[:3, 3] = torch.tensor([0.0, 0.0, 1.6])
    count, width, height = len(drive.view_frames), 96, 64
    K = torch.tensor([[60.0, 0.0, 50.0], [0.0, 60.0, 30.0], [0.0, 0.0, 1.0]])
    cameras = Cameras(
        torch.linalg.inv(c2w).repeat(count, 1, 1),
        K.repeat(count, 1, 1),
        torch.full((count,), width),
        torch.full((count,), height),
    )
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    rays = torch.stack([(columns - 50) / 60, (rows - 30) / 60, torch.ones_like(rows)], dim=-1) @ c2w[:3, :3].T
    images = []
    for time_s in drive.view_times_s.tolist():
        what = first_hits(c2w[:3, 3], rays.reshape(-1, 3), moving_center(time_s))[1].view(height, width)
        image = torch.full((height, width, 3), 120, dtype=torch.uint8)
        image[what == MOVING] = torch.tensor([200, 10, 10], dtype=torch.uint8)
        image[what < 0] = torch.tensor([60, 120, 250], dtype=torch.uint8)
        images.append(image)
    names = tuple(f"{row:03d}_front.jpg" for row in range(count))
    return Capture("street", None, cameras, names, images, drive=drive)


def cast_rays(center: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns of a lidar with 40 beams that looks ahead, and what they hit."""
    azimuth = torch.arange(-80, 100, 0.5).deg2rad()
    elevation = torch.arange(-16, 4, 0.5).deg2rad()
    azimuth, elevation = (each.reshape(-1) for each in torch.meshgrid(azimuth, elevation, indexing="ij"))
    rays = torch.stack(
        [azimuth.cos() * elevation.cos(), azimuth.sin() * elevation.cos(), elevation.sin()], dim=-1
    )
    distances, what = first_hits(LIDAR, rays, center)
    hit = what >= 0
    return LIDAR + distances[hit, None] * rays[hit], what[hit]


def first_hits(
    origin: torch.Tensor, rays: torch.Tensor, center: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """How far each ray goes, and what it meets; -1 where nothing is within 60 m."""
    candidates = [
        torch.where(rays[:, 2] < 0, -origin[2] / rays[:, 2], math.inf),
        # A wall at the left, 5 m high.
        _where_low(origin, rays, torch.where(rays[:, 1] > 0, (12 - origin[1]) / rays[:, 1], math.inf)),
        _box(origin, rays, PARKED_PLACE, PARKED_SIZE),
        _box(origin, rays, center, MOVING_SIZE),
    ]
    distances, what = torch.stack(candidates).min(dim=0)
    return distances, torch.where(distances < 60, what, -1)


def _where_low(origin: torch.Tensor, rays: torch.Tensor, distances: torch.Tensor) -> torch.Tensor:
    return torch.where(origin[2] + distances * rays[:, 2] < 5, distances, math.inf)


def _box(origin: torch.Tensor, rays: torch.Tensor, center: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    slabs = torch.stack([(center - size / 2 - origin) / rays, (center + size / 2 - origin) / rays])
    enter, leave = slabs.amin(dim=0).amax(dim=1), slabs.amax(dim=0).amin(dim=1)
    return torch.where((enter < leave) & (enter > 0), enter, math.inf)
