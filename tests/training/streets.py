"""A street small enough for tests: a wall, the ground and a driving box, for lidar and two cameras."""

import json
from pathlib import Path

import numpy as np
from numpy import ndarray

from core.images import write_png

FRAMES, HZ, SPEED = 6, 5.0, 4.0
SIZE, FOCAL = (48, 32), 36.0
CAMERAS = {"left": 0.35, "right": -0.35}
"""Yaws, radians."""
HEIGHT, WALL = 1.5, 14.0
BOX = np.array([3.0, 1.6, 1.4])


def box_centre(time_s: float) -> ndarray:
    """Where the box is: it drives to the left at `SPEED`."""
    return np.array([8.0, -3.0 + SPEED * time_s, -HEIGHT + 0.5 * BOX[2] + 0.05])


def cast(origin: ndarray, directions: ndarray, time_s: float) -> tuple[ndarray, ndarray, ndarray]:
    """Distances, colours in [0, 1] and whether the box was hit, of rays [..., 3]; sky is infinitely far."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ground = np.where(directions[..., 2] < 0, (-HEIGHT - origin[2]) / directions[..., 2], np.inf)
        wall = np.where(directions[..., 0] > 0, (WALL - origin[0]) / directions[..., 0], np.inf)
        wall = np.where(wall * directions[..., 2] + origin[2] < 2.0, wall, np.inf)
        sides = (box_centre(time_s) - origin + np.array([[-0.5], [0.5]]) * BOX)[:, None] / directions.reshape(
            1, -1, 3
        )
    near, far = np.fmin(*sides).max(-1), np.fmax(*sides).min(-1)
    box = np.where((near < far) & (near > 0), near, np.inf).reshape(directions.shape[:-1])
    distance = np.minimum(np.minimum(ground, wall), box)
    hit = origin + np.where(np.isfinite(distance), distance, 0)[..., None] * directions
    local = np.where((box <= distance)[..., None], hit - box_centre(time_s), hit)
    check = (np.floor(local / 0.8).sum(-1) % 2)[..., None]
    colours = np.where(check, [0.7, 0.6, 0.5], [0.3, 0.35, 0.4])
    moving = np.isfinite(box) & (box <= distance)
    colours = np.where(moving[..., None], np.where(check, [0.9, 0.2, 0.1], [0.7, 0.5, 0.1]), colours)
    colours = np.where(np.isfinite(distance)[..., None], colours, [0.5, 0.7, 0.95])
    return distance, colours, moving


def ego_from_camera(yaw: float) -> ndarray:
    """OpenCV axes in a vehicle whose x points ahead and z up, turned to the left by a yaw."""
    ahead = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    return turn @ ahead


def write_log(folder: Path, *, moving: bool = True) -> Path:
    """The street as a log of one's own; without `moving`, the box is not there."""
    (folder / "lidar").mkdir(parents=True)
    K = [[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]]
    cameras = {
        name: {"width": SIZE[0], "height": SIZE[1], "K": K, "ego_from_camera": ego_from_camera(yaw).tolist()}
        for name, yaw in CAMERAS.items()
    }
    frames = []
    for frame in range(FRAMES):
        time_s = frame / HZ
        shown = time_s if moving else 1e3
        ego = np.eye(4)
        ego[0, 3] = 0.5 * time_s
        images = {}
        for name, yaw in CAMERAS.items():
            pose = ego @ ego_from_camera(yaw)
            x, y = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
            pixels = np.stack([(x - SIZE[0] / 2) / FOCAL, (y - SIZE[1] / 2) / FOCAL, np.ones_like(x)], -1)
            _, colours, hit = cast(pose[:3, 3], pixels @ pose[:3, :3].T, shown)
            paths = {kind: f"{kind}/{frame:03d}_{name}.png" for kind in ("images", "moving")}
            write_png(folder / paths["images"], (255 * colours).round().astype(np.uint8))
            write_png(folder / paths["moving"], (255 * hit).astype(np.uint8))
            images[name] = {"file": paths["images"], "dynamic_mask": paths["moving"]}
        azimuth, elevation = np.meshgrid(np.linspace(-0.9, 0.9, 180), np.linspace(-0.3, 0.12, 40))
        rays = np.stack(
            [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)], -1
        ).reshape(-1, 3)
        distance, _, _ = cast(ego[:3, 3], rays, shown)
        seen = np.isfinite(distance)
        returns = (distance[seen, None] * rays[seen]).astype(np.float32)
        np.save(folder / "lidar" / f"{frame:03d}.npy", returns)
        frames.append(
            {
                "time_s": time_s,
                "world_from_ego": ego.tolist(),
                "lidar": f"lidar/{frame:03d}.npy",
                "images": images,
            }
        )
    (folder / "street.json").write_text(json.dumps({"cameras": cameras, "frames": frames}))
    return folder
