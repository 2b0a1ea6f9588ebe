"""Where a page looks at a scene from: the scene's cameras, or one before it where there are none."""

from dataclasses import dataclass
from math import radians, tan

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from core.geometry import invert_se3, look_at
from scene.cameras import Cameras
from scene.trajectories import focus_point
from viewer.formats.gaussians import GaussianScene

_SAMPLE = 20_000  # Gaussians that stand for all of them
_WIDTH, _HEIGHT, _FIELD_OF_VIEW_DEG = 1280, 720, 60.0
_UP = np.array([0.0, -1.0, 0.0])  # where nothing else is known: y is down
_FROM_ABOVE = 0.25  # how steeply the camera before the scene looks down


@dataclass(frozen=True)
class Viewpoints:
    """Cameras with what turning around something needs.

    Args:
        cameras: at least one.
        names: of the cameras.
        start: the row of the one that comes first.
        up: a unit vector in the world.
        distances: how far ahead of each camera the point is that it turns around.
    """

    cameras: Cameras
    names: tuple[str, ...]
    start: int
    up: Float64[ndarray, "3"]
    distances: list[float]


def viewpoints(scene: GaussianScene) -> Viewpoints:
    """The places to look at a scene from."""
    means = _sample(scene)
    if scene.cameras is None or not len(scene.cameras):
        cameras, distance = _before(means)
        return Viewpoints(cameras, ("overview",), 0, _UP, [distance])
    c2w = scene.cameras.c2w.detach().cpu().double().numpy()
    return Viewpoints(
        scene.cameras, scene.names, scene.start, _up(c2w), _distances(scene.cameras, c2w, means)
    )


def _sample(scene: GaussianScene) -> Float64[ndarray, "M 3"]:
    step = -(-len(scene) // _SAMPLE)
    return scene.splats.means[::step].astype(np.float64)


def _up(c2w: Float64[ndarray, "C 4 4"]) -> Float64[ndarray, "3"]:
    """What points up in most images; that of the first where they are rolled every way."""
    up = -c2w[:, :3, 1].mean(0)
    length = np.linalg.norm(up)
    return up / length if length > 0.1 else -c2w[0, :3, 1]


def _distances(
    cameras: Cameras, c2w: Float64[ndarray, "C 4 4"], means: Float64[ndarray, "M 3"]
) -> list[float]:
    """To the point that all cameras look at, where it is ahead; else to the middle of what is ahead."""
    focus = focus_point(cameras)
    distances = []
    for pose in c2w:
        ahead = 0.0 if focus is None else float((focus - pose[:3, 3]) @ pose[:3, 2])
        depths = (means - pose[:3, 3]) @ pose[:3, 2]
        seen = depths[depths > 0]
        middle = float(np.median(seen)) if len(seen) else 1.0
        # A focus that is nearly in the camera, or far behind everything, is none.
        distances.append(ahead if 0.05 * middle < ahead < 20 * middle else middle)
    return distances


def _before(means: Float64[ndarray, "M 3"]) -> tuple[Cameras, float]:
    """A camera that sees most of a scene, and how far it is from its middle."""
    middle = np.median(means, axis=0)
    radius = float(np.quantile(np.linalg.norm(means - middle, axis=1), 0.9)) or 1.0
    distance = 1.1 * radius / tan(radians(_FIELD_OF_VIEW_DEG / 2))
    away = np.array([0.0, -_FROM_ABOVE, -1.0])
    eye = middle + distance * away / np.linalg.norm(away)
    c2w = look_at(*(torch.from_numpy(place) for place in (eye, middle, _UP)))[None]
    focal = _WIDTH / 2 / tan(radians(_FIELD_OF_VIEW_DEG / 2))
    K = torch.tensor([[focal, 0, _WIDTH / 2], [0, focal, _HEIGHT / 2], [0, 0, 1]])[None]
    size = torch.tensor([_WIDTH]), torch.tensor([_HEIGHT])
    return Cameras(invert_se3(c2w).float(), K, *size), distance
