"""Small worlds that a made-up lidar looks at: flat ground, and boxes that stand or drive on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from scene.drive import Box
from scene.occupancy.classes import CARLASC
from scene.occupancy.from_lidar.frames import LidarFrame, LidarLog

ROAD, BUILDING, VEHICLE = (CARLASC.names.index(name) for name in ("road", "building", "vehicle"))
LIDAR_M = (0.5, 0.0, 1.8)
"""Where the lidar is on the vehicle."""


@dataclass(frozen=True)
class Thing:
    """A box of a class.

    Args:
        track: its name.
        kind: its class.
        center: at time 0, in the world.
        size: length, width, height.
        speed: along its length, metres a second.
        yaw: of its length.
        labelled: whether it has a box among the labels.
    """

    track: str
    kind: int
    center: tuple[float, float, float]
    size: tuple[float, float, float]
    speed: float = 0.0
    yaw: float = 0.0
    labelled: bool = True

    def pose(self, time: float) -> np.ndarray:
        pose = planar(0.0, 0.0, self.yaw)
        pose[:3, 3] = np.array(self.center) + self.speed * time * pose[:3, 0]
        return pose


HOUSE = Thing("house", BUILDING, (9.0, 6.0, 1.5), (6.0, 3.0, 3.0), labelled=False)
PARKED = Thing("parked", VEHICLE, (6.0, -3.0, 0.8), (4.0, 1.8, 1.5))
DRIVER = Thing("driver", VEHICLE, (4.0, 2.5, 0.8), (4.0, 1.8, 1.5), speed=5.0)


def planar(x: float, y: float, yaw: float, z: float = 0.0) -> np.ndarray:
    """A pose on flat ground."""
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    pose[:3, 3] = x, y, z
    return pose


def scan(origin: np.ndarray, things: Sequence[Thing], time: float) -> tuple[np.ndarray, np.ndarray]:
    """First returns of rays in all directions, and their classes; rays to the sky have none."""
    azimuth, elevation = np.meshgrid(np.radians(np.arange(0, 360, 1.0)), np.radians(np.arange(-40, 12, 1.0)))
    ways = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=-1
    ).reshape(-1, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        ranges = np.where(ways[:, 2] < -1e-6, -origin[2] / ways[:, 2], np.inf)
        classes = np.full(len(ways), ROAD)
        for thing in things:
            pose = thing.pose(time)
            start, way = (origin - pose[:3, 3]) @ pose[:3, :3], ways @ pose[:3, :3]
            half = 0.5 * np.array(thing.size)
            walls = np.sort(np.stack([(-half - start) / way, (half - start) / way]), axis=0)
            enter, leave = walls[0].max(axis=1), walls[1].min(axis=1)
            first = (enter < leave) & (enter > 0) & (enter < ranges)
            ranges[first], classes[first] = enter[first], thing.kind
    seen = ranges < 40
    return origin + ways[seen] * ranges[seen, None], classes[seen]


def frame(number: int, pose: np.ndarray, things: Sequence[Thing], time: float) -> LidarFrame:
    """What the lidar sees at one moment."""
    origin = pose[:3, :3] @ np.array(LIDAR_M) + pose[:3, 3]
    xyz, classes = scan(origin, things, time)
    boxes = tuple(
        Box(thing.track, "", torch.from_numpy(thing.pose(time)), thing.size, thing.speed, 0)
        for thing in things
        if thing.labelled
    )
    return LidarFrame(
        number=number,
        time_s=time,
        world_from_ego=torch.from_numpy(pose),
        xyz=torch.from_numpy(xyz).float(),
        origins=torch.from_numpy(np.broadcast_to(origin, xyz.shape).copy()).float(),
        classes=torch.from_numpy(classes).to(torch.uint8),
        boxes=boxes,
    )


def drive(things: Sequence[Thing], poses: Sequence[np.ndarray], seconds: float = 0.5) -> LidarLog:
    """A log of the world from some poses."""
    frames = tuple(frame(row, pose, things, row * seconds) for row, pose in enumerate(poses))
    return LidarLog("made_up", CARLASC, frames)
