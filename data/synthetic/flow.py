"""Exact image motion between two moments: every pixel's point is carried along with its part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32
from numpy import ndarray

from data.synthetic.views import Pinhole
from data.synthetic.world import Snapshot

MOVES_PX = 0.1
"""A thing moves when one of its points is seen farther than this from its place at rest, in pixels."""

# Two surfaces count as one where their depths differ by less than this.
_SAME_DEPTH = 0.02


@dataclass(frozen=True)
class Seen:
    """What a camera sees at its pixels' centres at one moment.

    Args:
        view: the camera.
        snapshot: where the parts are.
        parts: rows of the snapshot, negative where the sky is seen.
        depths: z-depths, inf where the sky is seen.
    """

    view: Pinhole
    snapshot: Snapshot
    parts: Int32[ndarray, "H W"]
    depths: Float32[ndarray, "H W"]

    @property
    def moving(self) -> Bool[ndarray, "H W"]:
        """True on things that move at any time."""
        return (self.parts >= 0) & self.snapshot.moving[self.parts]

    def things(self, roots: Int32[ndarray, " B"]) -> Int32[ndarray, "H W"]:
        """The body that each pixel's part hangs on in the end, see `World.roots`; -1 in the sky."""
        return np.where(self.parts >= 0, roots[self.snapshot.bodies[self.parts]], -1).astype(np.int32)


def pixel_centers(view: Pinhole) -> Float64[ndarray, "N 2"]:
    """(x, y) of all pixels, row by row."""
    columns, rows = np.meshgrid(np.arange(view.width) + 0.5, np.arange(view.height) + 0.5)
    return np.stack([columns.ravel(), rows.ravel()], axis=1)


def points_of(seen: Seen) -> Float64[ndarray, "N 3"]:
    """World points at all pixels, row by row; not finite where the sky is seen."""
    depths = seen.depths.reshape(-1, 1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return seen.view.directions(pixel_centers(seen.view)) * depths + seen.view.c2w[:3, 3]


def flow_to(
    seen: Seen, view: Pinhole, snapshot: Snapshot
) -> tuple[Float32[ndarray, "H W 2"], Float64[ndarray, " N"]]:
    """Where every pixel's point goes.

    Args:
        seen: the picture whose pixels are asked about.
        view: the camera of the other moment.
        snapshot: where everything is then.

    Returns:
        Displacements in pixels, and the points' z-depths in the second camera (row by row, inf for the sky).
        The sky is infinitely far: it moves with the camera's rotation alone.
    """
    pixels = pixel_centers(seen.view)
    parts = seen.parts.ravel()
    sky = parts < 0
    target, depths = np.empty_like(pixels), np.full(len(pixels), np.inf)
    carry = snapshot.world_from_part @ seen.snapshot.part_from_world
    points = points_of(seen)[~sky]
    transforms = carry[parts[~sky]]
    moved = np.einsum("nij,nj->ni", transforms[:, :3, :3], points) + transforms[:, :3, 3]
    target[~sky], depths[~sky] = view.project(moved)
    target[sky] = view.project(seen.view.directions(pixels[sky]) + view.c2w[:3, 3])[0]
    flow = (target - pixels).reshape(*seen.parts.shape, 2)
    return flow.astype(np.float32), depths


def motion_px(seen: Seen, view: Pinhole, snapshot: Snapshot) -> Float64[ndarray, "H W"]:
    """How far apart a pixel's point and a resting one in its place are in the picture of another moment.

    Args:
        seen: the picture whose pixels are asked about.
        view: the camera of the other moment.
        snapshot: where everything is then.

    Returns:
        Pixels; 0 where nothing ever moves.
    """
    moving = seen.moving.ravel()
    points, parts = points_of(seen)[moving], seen.parts.ravel()[moving]
    carry = snapshot.world_from_part[parts] @ seen.snapshot.part_from_world[parts]
    carried = np.einsum("nij,nj->ni", carry[:, :3, :3], points) + carry[:, :3, 3]
    distances = np.zeros(len(moving))
    distances[moving] = np.linalg.norm(view.project(carried)[0] - view.project(points)[0], axis=1)
    return distances.reshape(seen.parts.shape)


def moving_now(
    seen: Seen, neighbours: Sequence[tuple[Pinhole, Snapshot]], roots: Int32[ndarray, " B"]
) -> Bool[ndarray, "H W"]:
    """True on things some seen point of which moves by more than `MOVES_PX` to or from a moment near by.

    Args:
        seen: the picture.
        neighbours: cameras and worlds of the moments before and after.
        roots: see `World.roots`.
    """
    distances = [motion_px(seen, view, snapshot) for view, snapshot in neighbours]
    things = seen.things(roots)
    return np.isin(things, things[np.maximum.reduce(distances) > MOVES_PX])


def occluded(
    first: Seen, second: Seen, flow: Float32[ndarray, "H W 2"], depths: Float64[ndarray, " N"]
) -> Bool[ndarray, "H W"]:
    """True where a pixel's point is hidden in the second picture, or outside of it.

    The second picture is known at its pixels' centres: a point counts as seen when one of the four around it
    shows the same body at about the same depth.
    """
    height, width = first.parts.shape
    target = pixel_centers(first.view) + flow.reshape(-1, 2) - 0.5
    bodies = np.append(second.snapshot.bodies, -1)  # the last entry is the sky's
    own, other = bodies[first.parts.ravel()], bodies[second.parts]
    corner = np.floor(np.clip(np.nan_to_num(target), -2, max(width, height) + 2)).astype(int)
    seen = np.zeros(len(target), bool)
    for dy in (0, 1):
        for dx in (0, 1):
            column, row = corner[:, 0] + dx, corner[:, 1] + dy
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            column, row = np.where(inside, column, 0), np.where(inside, row, 0)
            there = second.depths[row, column].astype(np.float64)
            same = np.isinf(depths) & np.isinf(there)
            same |= np.isfinite(there) & (
                np.abs(np.where(np.isfinite(there), there, 0) - depths) < _SAME_DEPTH * depths
            )
            seen |= inside & same & (own == other[row, column])
    inside = (target > -0.5).all(1) & (target[:, 0] < width - 0.5) & (target[:, 1] < height - 0.5)
    return ~(seen & inside & (depths > 0)).reshape(height, width)
