"""Heights of a log's poses set right by the ground, and where the road lies below the vehicle.

What one sweep shows of the ground, the next shows again.
nuScenes gives no height of its vehicle, so that on a slope each frame's ground lies lower or higher than the
one before. Only heights are changed, by one number a frame.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from core.geometry import transform_points
from scene.occupancy.classes import ClassSet
from scene.occupancy.from_lidar.frames import LidarFrame, lifted

_CELL_M = 1.0
_REACH_M = 25.0  # beyond, returns from the ground are few and slanting
_LEAST_RETURNS = 3  # in a cell
_LEAST_CELLS = 20  # shared by two frames
_AHEAD = 3  # frames that one is compared with
_STILL_WEIGHT = 1e-3  # of no change: decides only where frames share no ground
_ROOM = 1 << 20  # cells along x: more than any log is long
_NEAR_ROAD_M = 15.0
_LEAST_OF_PLANE = 100  # returns
_PLANE_ROUNDS = 4
_OFF_PLANE_M = 0.15  # a kerb


def level(frames: Sequence[LidarFrame], class_set: ClassSet) -> list[LidarFrame]:
    """Frames whose grounds lie at one height; the first stays where it is.

    The changes are the least squares of the differences between frames and up to three later ones: of each
    pair the median over cells of a square metre in which both saw the ground.
    """
    maps = [_ground_map(frame, class_set) for frame in frames]
    rows: list[Float64[Tensor, " F"]] = []
    values: list[float] = []
    for i in range(len(frames)):
        for j in range(i + 1, min(i + 1 + _AHEAD, len(frames))):
            row = torch.zeros(len(frames), dtype=torch.float64)
            row[i], row[j] = -1.0, 1.0
            difference = _difference(maps[i], maps[j])
            if difference is not None:
                rows.append(row)
                values.append(difference)
            if j == i + 1:
                rows.append(_STILL_WEIGHT * row)
                values.append(0.0)
    if not rows:
        return list(frames)
    wanted = torch.tensor(values, dtype=torch.float64)
    # The first frame's own height is the one that is not asked for.
    changes = torch.linalg.lstsq(torch.stack(rows)[:, 1:], wanted[:, None]).solution[:, 0]
    return [
        frame.moved(lifted(change)) for frame, change in zip(frames, [0.0, *changes.tolist()], strict=True)
    ]


def ego_from_road(frames: Sequence[LidarFrame], class_set: ClassSet) -> Float64[Tensor, "4 4"]:
    """The frame that stands on the road under the vehicle: z is up from it, x ahead.

    Its plane is the median over frames of planes through the ground near the vehicle. A road falls to its
    side and vehicles' frames are tilted; in a grid three metres high a metre of either is soon lost. Where no
    frame shows ground, it is the vehicle's own frame.
    """
    planes = [
        plane
        for frame in frames
        if (
            plane := _plane(
                transform_points(frame.world_from_ego.inverse(), _ground(frame, class_set).double())
            )
        )
        is not None
    ]
    if not planes:
        return lifted(0.0)
    ahead, left, height = torch.stack(planes).median(dim=0).values.tolist()
    up = functional.normalize(torch.tensor([-ahead, -left, 1.0], dtype=torch.float64), dim=0)
    forward = functional.normalize(torch.tensor([1.0, 0.0, ahead], dtype=torch.float64), dim=0)
    pose = lifted(height)
    pose[:3, :3] = torch.stack([forward, torch.linalg.cross(up, forward), up], dim=1)
    return pose


def _plane(ground: Float64[Tensor, "P 3"]) -> Float64[Tensor, "3"] | None:
    """Slope ahead, slope to the left and height of the ground near the vehicle; kerbs are let out."""
    near = ground[ground[:, :2].norm(dim=1) < _NEAR_ROAD_M]
    fitted = None
    for _ in range(_PLANE_ROUNDS):
        if len(near) < _LEAST_OF_PLANE:
            break
        places = torch.cat([near[:, :2], torch.ones_like(near[:, :1])], dim=1)
        fitted = torch.linalg.lstsq(places, near[:, 2:]).solution[:, 0]
        near = near[(near[:, 2] - places @ fitted).abs() < _OFF_PLANE_M]
    return fitted


def _ground(frame: LidarFrame, class_set: ClassSet) -> Float[Tensor, "P 3"]:
    return frame.xyz[torch.isin(frame.classes, torch.tensor(class_set.ground, dtype=torch.uint8))]


def _ground_map(frame: LidarFrame, class_set: ClassSet) -> tuple[Tensor, Tensor]:
    """Cells of the world in which the frame shows ground, increasing, and their mean heights."""
    ground = _ground(frame, class_set).double()
    ground = ground[(ground[:, :2] - frame.world_from_ego[:2, 3]).norm(dim=1) < _REACH_M]
    cells = torch.floor(ground[:, :2] / _CELL_M).long() + _ROOM // 2
    keys, members, counts = torch.unique(
        cells[:, 0] * _ROOM + cells[:, 1], return_inverse=True, return_counts=True
    )
    sums = torch.zeros(len(keys), dtype=torch.float64).index_add_(0, members, ground[:, 2])
    known = counts >= _LEAST_RETURNS
    return keys[known], (sums / counts)[known]


def _difference(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> float | None:
    """By how much the second frame must rise for its ground to lie on that of the first."""
    (keys, heights), (other_keys, other_heights) = first, second
    shared = torch.isin(keys, other_keys)
    if int(shared.sum()) < _LEAST_CELLS:
        return None
    places = torch.searchsorted(other_keys, keys[shared])
    return float((heights[shared] - other_heights[places]).median())
