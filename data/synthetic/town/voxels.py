"""A town as the voxels around its recording vehicle, moment by moment."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, UInt8, UInt32
from numpy import ndarray

from data.synthetic.town.bodies import BODIES, Box
from data.synthetic.town.canvas import CELL_M
from data.synthetic.town.labels import Raw
from data.synthetic.town.town import Town

_PERSON_M = (0.2, 1.75)


@dataclass(frozen=True)
class Window:
    """The horizontal part of a grid.

    Args:
        size: voxels along x and y.
        voxel_m: their edge.
    """

    size: tuple[int, int]
    voxel_m: float

    def centres(self) -> Float64[ndarray, "X Y 2"]:
        """Middles of the voxels in the vehicle's frame, metres."""
        x, y = ((np.arange(side) + 0.5 - side / 2) * self.voxel_m for side in self.size)
        return np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)

    def places(self, local: Float64[ndarray, "N 2"]) -> tuple[ndarray, ndarray]:
        """Voxels of points in the vehicle's frame, and which of the points lie inside."""
        index = np.floor(local / self.voxel_m + np.array(self.size) / 2).astype(int)
        inside: ndarray = np.all((index >= 0) & (index < self.size), axis=1)
        return index[inside], inside


def voxelise(
    town: Town, frame: int, window: Window
) -> tuple[UInt32[ndarray, "X Y Z"], Float32[ndarray, "X Y Z"]]:
    """Raw classes, and how many viewpoints observed each voxel.

    Args:
        town: what is there.
        frame: which moment.
        window: where to look, around the recording vehicle.
    """
    here = np.array([*town.drives.xy[frame, 0], town.drives.yaw[frame, 0]])
    cosine, sine = np.cos(here[2]), np.sin(here[2])
    world_from_ego = np.array([[cosine, -sine], [sine, cosine]])
    world = window.centres() @ world_from_ego.T + here[:2]
    # The map's rim is open land, which goes on for ever.
    cells = np.clip((world / CELL_M).astype(int), 0, np.array(town.seen.shape) - 1)
    labels = town.columns[cells[..., 0], cells[..., 1]]
    seen = town.seen[cells[..., 0], cells[..., 1]].astype(np.float32)

    def local(xy: Float64[ndarray, "N 2"]) -> Float64[ndarray, "N 2"]:
        return (xy - here[:2]) @ world_from_ego

    observed = np.repeat(seen[..., None], town.levels.count, axis=2)
    _stamp(labels, observed, window, local(town.posts_xy), town.posts)
    for kind, x, y, yaw in _vehicles(town, frame):
        centre = local(np.array([[x, y]]))[0]
        _draw(labels, observed, window, town, BODIES[kind], (*centre, yaw - here[2]))
    person = np.where(town.levels.between(*_PERSON_M), np.uint8(Raw.PEDESTRIAN), np.uint8(0))
    people = town.walkers[frame]
    _stamp(labels, observed, window, local(people), np.broadcast_to(person, (len(people), len(person))))
    return labels.astype(np.uint32), observed


def _vehicles(town: Town, frame: int) -> list[tuple[str, float, float, float]]:
    drives = town.drives
    moving = np.column_stack([drives.xy[frame], drives.yaw[frame]])[1:]
    kinds = ["car"] * len(town.parked) + list(drives.kinds[1:])
    poses = np.concatenate([town.parked, moving]).tolist()
    return [(kind, x, y, yaw) for kind, (x, y, yaw) in zip(kinds, poses, strict=True)]


def _stamp(
    labels: UInt8[ndarray, "X Y Z"],
    observed: Float32[ndarray, "X Y Z"],
    window: Window,
    local: Float64[ndarray, "N 2"],
    profiles: UInt8[ndarray, "N Z"],
) -> None:
    """Put thin things into the voxels that hold them: sampled like the rest, most would be missed."""
    places, inside = window.places(local)
    for (x, y), profile in zip(places, profiles[inside], strict=True):
        labels[x, y][profile > 0] = profile[profile > 0]
        observed[x, y] = np.maximum(observed[x, y], 1)


def _draw(
    labels: UInt8[ndarray, "X Y Z"],
    observed: Float32[ndarray, "X Y Z"],
    window: Window,
    town: Town,
    boxes: tuple[Box, ...],
    pose: tuple[float, float, float],
) -> None:
    """Put a vehicle's boxes into the voxels whose middles they hold."""
    reach = max(max(box.front, -box.back) for box in boxes) + 1
    low = np.floor((np.array(pose[:2]) - reach) / window.voxel_m + np.array(window.size) / 2).astype(int)
    high = low + int(2 * reach / window.voxel_m) + 1
    low, high = np.clip(low, 0, window.size), np.clip(high, 0, window.size)
    if (low >= high).any():
        return
    x, y = (
        (np.arange(low[axis], high[axis]) + 0.5 - window.size[axis] / 2) * window.voxel_m - pose[axis]
        for axis in (0, 1)
    )
    cosine, sine = np.cos(pose[2]), np.sin(pose[2])
    along = cosine * x[:, None] + sine * y
    across = np.abs(cosine * y - sine * x[:, None])
    for box in boxes:
        inside = (along >= box.back) & (along <= box.front) & (across <= box.half_width)
        layers = town.levels.between(box.low, box.high)
        filled = inside[..., None] & layers
        labels[low[0] : high[0], low[1] : high[1]][filled] = Raw.VEHICLE
        part = observed[low[0] : high[0], low[1] : high[1]]
        part[filled] = np.maximum(part[filled], 1)
