"""Where rays start and go: pinhole cameras, the parallel view of a distant light, and a lidar that turns."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray

from data.synthetic.poses import inverse

Axes = tuple[
    Float32[ndarray, "..."] | np.float32,
    Float32[ndarray, "..."] | np.float32,
    Float32[ndarray, "..."] | np.float32,
]
"""x, y and z of one vector a ray; the three broadcast against one another."""

NEAR_M = 0.05
_SLACK = 1e-6  # of a lidar's angles, for the rounding of float32 rays
_EDGES = np.array([(a, b) for a in range(8) for b in range(a) if (a ^ b).bit_count() == 1])


@dataclass(frozen=True)
class Pinhole:
    """An OpenCV camera. A ray's parameter is the z-depth.

    Args:
        c2w: world-from-camera, rigid.
        K: intrinsics in pixels of an image of `width` x `height`, pixel centres at +0.5.
        width: pixels.
        height: pixels.
    """

    c2w: Float64[ndarray, "4 4"]
    K: Float64[ndarray, "3 3"]
    width: int
    height: int

    def scaled(self, factor: int) -> "Pinhole":
        """The same view on an image of `factor` times as many rows and columns."""
        K = self.K * np.array([[factor], [factor], [1.0]])
        return replace(self, K=K, width=self.width * factor, height=self.height * factor)

    def directions(self, pixels: Float64[ndarray, "N 2"]) -> Float64[ndarray, "N 3"]:
        """World directions through pixel positions (x, y), of z-depth 1."""
        on_plane = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1) @ np.linalg.inv(self.K).T
        return on_plane @ self.c2w[:3, :3].T

    def project(
        self, points: Float64[ndarray, "*batch 3"]
    ) -> tuple[Float64[ndarray, "*batch 2"], Float64[ndarray, "*batch"]]:
        """Pixel positions and z-depths of world points; no pixel means anything where its depth is <= 0."""
        w2c = inverse(self.c2w)
        in_camera = points @ w2c[:3, :3].T + w2c[:3, 3]
        depths = in_camera[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            on_plane = in_camera / depths[..., None]
        return (on_plane @ self.K.T)[..., :2], depths

    def windows(
        self, corners: Float64[ndarray, "P 8 3"]
    ) -> tuple[Int64[ndarray, "P 4"], Float64[ndarray, " P"]]:
        """The pixels that boxes may cover, and how near they come.

        Args:
            corners: see `Snapshot.corners`.

        Returns:
            (row start, row stop, column start, column stop), empty where start >= stop, and the least depth.
        """
        w2c = inverse(self.c2w)
        in_camera = corners @ w2c[:3, :3].T + w2c[:3, 3]
        z = in_camera[..., 2]
        # Edges that cross the near plane are cut there: what is left in front has the corners it needs.
        start, end = in_camera[:, _EDGES[:, 0]], in_camera[:, _EDGES[:, 1]]
        with np.errstate(divide="ignore", invalid="ignore"):
            fraction = (NEAR_M - start[..., 2:]) / (end[..., 2:] - start[..., 2:])
            cuts = start + fraction * (end - start)
        crossing = (start[..., 2] < NEAR_M) != (end[..., 2] < NEAR_M)
        points = np.concatenate([in_camera, np.where(crossing[..., None], cuts, np.nan)], axis=1)
        points[:, :8][z < NEAR_M] = np.nan
        pixels = (points / points[..., 2:]) @ self.K.T
        return _windows(pixels[..., :2], self.width, self.height), np.maximum(z.min(1), 0.0)

    def steps(self, part_from_world: Float64[ndarray, "P 4 4"]) -> Float64[ndarray, "P 3 4"]:
        """Rays in each part's frame: change over a column and a row, value at (0, 0), and what all share."""
        part_from_camera = part_from_world @ self.c2w
        return np.concatenate(
            [part_from_camera[:, :3, :3] @ np.linalg.inv(self.K), part_from_camera[:, :3, 3:]], axis=2
        )

    def rays(self, steps: Float64[ndarray, "3 4"], window: Int64[ndarray, "4"]) -> tuple[Axes, Axes]:
        """Origins and directions, in a part's frame, of the rays through the pixel centres of a window."""
        origin = steps[:, 3].astype(np.float32)
        return (origin[0], origin[1], origin[2]), _plane(steps, window)


@dataclass(frozen=True)
class Parallel:
    """Rays along +z of a frame, one through each texel centre. A ray's parameter is z in that frame.

    Args:
        world_from_view: rigid; the first texel's outer corner is the origin.
        texel_m: side of a texel in metres.
        width: texels along x.
        height: texels along y.
    """

    world_from_view: Float64[ndarray, "4 4"]
    texel_m: float
    width: int
    height: int

    def windows(
        self, corners: Float64[ndarray, "P 8 3"]
    ) -> tuple[Int64[ndarray, "P 4"], Float64[ndarray, " P"]]:
        """See `Pinhole.windows`."""
        view_from_world = inverse(self.world_from_view)
        in_view = corners @ view_from_world[:3, :3].T + view_from_world[:3, 3]
        return _windows(in_view[..., :2] / self.texel_m, self.width, self.height), in_view[..., 2].min(1)

    def steps(self, part_from_world: Float64[ndarray, "P 4 4"]) -> Float64[ndarray, "P 3 4"]:
        """See `Pinhole.steps`."""
        part_from_view = part_from_world @ self.world_from_view
        across = part_from_view[:, :3, :2] * self.texel_m
        return np.concatenate([across, part_from_view[:, :3, 3:], part_from_view[:, :3, 2:3]], axis=2)

    def rays(self, steps: Float64[ndarray, "3 4"], window: Int64[ndarray, "4"]) -> tuple[Axes, Axes]:
        """See `Pinhole.rays`."""
        direction = steps[:, 3].astype(np.float32)
        return _plane(steps, window), (direction[0], direction[1], direction[2])


@dataclass(frozen=True)
class Scanner:
    """A lidar that turns about its z. A ray's parameter is the range in metres.

    Row 0 is the highest beam; columns go clockwise, from straight behind and back to there.

    Args:
        world_from_scanner: rigid; x ahead, y left, z up.
        inclinations: of the beams over the scanner's horizon, radians, from the highest down.
        width: columns of a turn.
    """

    world_from_scanner: Float64[ndarray, "4 4"]
    inclinations: Float64[ndarray, " H"]
    width: int

    @property
    def height(self) -> int:
        """Beams."""
        return len(self.inclinations)

    def directions(self) -> Float64[ndarray, "H W 3"]:
        """World directions of all rays, of unit length."""
        azimuth, level = self._azimuths(np.arange(self.width)), np.cos(self.inclinations)[:, None]
        rise = np.broadcast_to(np.sin(self.inclinations)[:, None], (self.height, self.width))
        local = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), rise], axis=-1)
        return local @ self.world_from_scanner[:3, :3].T

    def windows(
        self, corners: Float64[ndarray, "P 8 3"]
    ) -> tuple[Int64[ndarray, "P 4"], Float64[ndarray, " P"]]:
        """See `Pinhole.windows`; a box behind, across the first and the last column, gets all columns."""
        scanner_from_world = inverse(self.world_from_scanner)
        local = corners @ scanner_from_world[:3, :3].T + scanner_from_world[:3, 3]
        middle = local.mean(1, keepdims=True)
        toward = np.arctan2(middle[..., 1], middle[..., 0])
        azimuths = np.arctan2(local[..., 1], local[..., 0]) - toward
        azimuths = (azimuths + np.pi) % (2 * np.pi) - np.pi + toward
        lowest, highest = azimuths.min(1), azimuths.max(1)
        around = highest - lowest >= np.pi
        everywhere = around | (lowest < -np.pi) | (highest > np.pi)
        near = np.where(around, 0.0, _distance_to_hull(local[..., :2]))
        bottom, top = self._rise(local, near)
        columns = [np.where(everywhere, fallback, (np.pi - angle) * self.width / (2 * np.pi))
                   for angle, fallback in ((highest, 0.0), (lowest, float(self.width)))]  # fmt: skip
        first = np.clip(np.floor(columns[0] - 0.5), 0, self.width).astype(np.int64)
        last = np.clip(np.ceil(columns[1] + 0.5), 0, self.width).astype(np.int64)
        descending = -self.inclinations
        above = np.searchsorted(descending, -(top + _SLACK), side="left")
        below = np.searchsorted(descending, -(bottom - _SLACK), side="right")
        over = np.maximum(np.maximum(local[..., 2].min(1), -local[..., 2].max(1)), 0)
        return np.stack([above, below, first, last], axis=1), np.hypot(near, over)

    def steps(self, part_from_world: Float64[ndarray, "P 4 4"]) -> Float64[ndarray, "P 3 4"]:
        """See `Pinhole.steps`: here part-from-scanner."""
        return (part_from_world @ self.world_from_scanner)[:, :3]

    def rays(self, steps: Float64[ndarray, "3 4"], window: Int64[ndarray, "4"]) -> tuple[Axes, Axes]:
        """See `Pinhole.rays`."""
        top, bottom, left, right = window.tolist()
        azimuth, inclination = self._azimuths(np.arange(left, right)), self.inclinations[top:bottom, None]
        turned = steps[:, :2] @ np.stack([np.cos(azimuth), np.sin(azimuth)])
        level, rise = np.cos(inclination), np.sin(inclination)
        x, y, z = ((turned[axis] * level + steps[axis, 2] * rise).astype(np.float32) for axis in range(3))
        origin = steps[:, 3].astype(np.float32)
        return (origin[0], origin[1], origin[2]), (x, y, z)

    def _azimuths(self, columns: Int64[ndarray, " N"]) -> Float64[ndarray, " N"]:
        return np.pi - (columns + 0.5) * (2 * np.pi / self.width)

    @staticmethod
    def _rise(
        local: Float64[ndarray, "P 8 3"], near: Float64[ndarray, " P"]
    ) -> tuple[Float64[ndarray, " P"], Float64[ndarray, " P"]]:
        """Inclinations between which each box is seen, from its heights and its least and largest reach."""
        low, high = local[..., 2].min(1), local[..., 2].max(1)
        far = np.hypot(local[..., 0], local[..., 1]).max(1)
        return (
            np.arctan2(low, np.where(low < 0, near, far)),
            np.arctan2(high, np.where(high > 0, near, far)),
        )


View = Pinhole | Parallel | Scanner


def pinhole_matrix(width: int, height: int, fov_deg: float) -> Float64[ndarray, "3 3"]:
    """Intrinsics with square pixels and a central principal point.

    Args:
        width: pixels.
        height: pixels.
        fov_deg: horizontal field of view in degrees.
    """
    focal = width / (2 * np.tan(np.radians(fov_deg) / 2))
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])


def _distance_to_hull(points: Float64[ndarray, "P 8 2"]) -> Float64[ndarray, " P"]:
    """From the origin to the nearest segment between points: to their hull, if it lies outside of that."""
    first, second = np.triu_indices(points.shape[1], 1)
    start, step = points[:, first], points[:, second] - points[:, first]
    share = -(start * step).sum(-1) / np.maximum((step**2).sum(-1), 1e-12)
    nearest = start + np.clip(share, 0, 1)[..., None] * step
    return np.hypot(nearest[..., 0], nearest[..., 1]).min(1)


def _plane(steps: Float64[ndarray, "3 4"], window: Int64[ndarray, "4"]) -> Axes:
    """Steps @ (column, row, 1, 0) at all pixel centres of a window, as three arrays."""
    top, bottom, left, right = window.tolist()
    columns, rows = np.arange(left + 0.5, right), np.arange(top + 0.5, bottom)[:, None]
    x, y, z = (
        (dx * columns).astype(np.float32) + (dy * rows + start).astype(np.float32)
        for dx, dy, start, _ in steps.tolist()
    )
    return x, y, z


def _windows(pixels: Float64[ndarray, "P K 2"], width: int, height: int) -> Int64[ndarray, "P 4"]:
    """The pixels whose centres may lie in the hull of K positions; positions that are NaN do not count."""
    low = np.fmin.reduce(pixels, axis=1)
    high = np.fmax.reduce(pixels, axis=1)
    empty = np.isnan(low).any(-1)
    limits = np.array([width, height])
    first = np.clip(np.floor(np.where(empty[:, None], 0, low) - 0.5), 0, limits).astype(np.int64)
    last = np.clip(np.ceil(np.where(empty[:, None], 0, high) + 0.5), 0, limits).astype(np.int64)
    last[empty] = 0
    return np.stack([first[:, 1], last[:, 1], first[:, 0], last[:, 0]], axis=1)
