"""Where the Gaussians of a street begin: lidar in the colours of pictures, and random points beyond."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from core.geometry import project_points, unproject_points
from core.randomness import generator
from scene.cameras import Cameras
from scene.capture import Capture, PointCloud
from scene.drive import Drive
from scene.lidar_motion import LidarMotion

_NEAR_M = 0.3
_OWN_VEHICLE_M = 2.5
_CELL_PX = 4  # lidar is sparse: what hides a point need not lie in its very pixel
_DEPTH_SHARE, _DEPTH_M = 0.08, 0.3
_CERTAINLY_STATIC, _MOVING = 0.3, 0.5
_GREY = 128


@dataclass(frozen=True)
class StreetPointsConfig:
    """Where the Gaussians of a street begin."""

    street_points_voxel_m: float = 0.15
    """Static returns are thinned to one in a cube of this side, metres."""
    street_points_spacing_px: float = 1.5
    """Cubes are larger where they would come closer than this in the nearest picture, pixels."""
    street_points_near: int = 20_000
    """Random points up to where the far ones begin, where no lidar is."""
    street_points_far: int = 20_000
    """Random points beyond, above the ground."""
    street_points_far_from_m: float = 60.0
    """Distance at which the far points begin, metres."""
    street_points_far_to_m: float = 300.0
    """Distance at which they end, metres."""
    street_points_unseen: Literal["drop", "grey"] = "drop"
    """What becomes of returns that no picture shows."""
    street_points_seed: int = 0
    """Of the random points."""

    def __post_init__(self) -> None:
        if not 0 < self.street_points_voxel_m < math.inf:
            raise ValueError(
                f"street_points_voxel_m: a positive number was expected, got {self.street_points_voxel_m}"
            )
        if not 2 < self.street_points_far_from_m < self.street_points_far_to_m:
            raise ValueError("street_points_far_from_m must be over 2 and less than street_points_far_to_m")
        if min(self.street_points_near, self.street_points_far, self.street_points_spacing_px) < 0:
            raise ValueError("numbers of street points and their spacing must not be negative")


@dataclass(frozen=True)
class StreetPoints:
    """Points of a street, with colours.

    Args:
        static: what stands still, and random points.
        xyz: returns that move, each where it was at its own time, metres.
        rgb: their colours, 8-bit sRGB.
        times_s: when each was measured, seconds since the first frame.
        velocities: metres per second.
    """

    static: PointCloud
    xyz: Float[Tensor, "M 3"]
    rgb: UInt8[Tensor, "M 3"]
    times_s: Float[Tensor, " M"]
    velocities: Float[Tensor, "M 3"]


def street_points(
    capture: Capture,
    motions: Sequence[LidarMotion | None],
    config: StreetPointsConfig | None = None,
    *,
    views: Sequence[int] | None = None,
    dynamic_probabilities: Sequence[Float[Tensor, "_H _W"]] | None = None,
) -> StreetPoints:
    """The points that a street begins with.

    Args:
        capture: of a driving log.
        motions: of the frames of its drive.
        config: settings.
        views: whose pictures give colours: those that train; all by default.
        dynamic_probabilities: where something moves; static points take no colour from there.

    Raises:
        ValueError: the capture is of no drive.
    """
    drive, config = capture.drive, config or StreetPointsConfig()
    if drive is None:
        raise ValueError("a capture of a driving log was expected; this one has no drive")
    rows = list(range(len(capture)) if views is None else views)
    returns = _Returns.of(drive, motions, capture.cameras[rows], config)
    blocked = [_blocked(capture, view, dynamic_probabilities) for view in rows]
    painted = _Paint.empty(len(returns.xyz))
    surface = returns.xyz[~returns.moving]
    clouds = []
    for view, hidden in zip(rows, blocked, strict=True):
        camera, image = capture.cameras[view], capture.images[view]
        nearest = _nearest_depths(surface, camera)
        time_s = float(drive.view_times_s[view])
        _paint(painted, returns, camera, image, nearest, hidden, time_s)
        for far, count in ((False, config.street_points_near), (True, config.street_points_far)):
            share = (count * (len(clouds) // 2 + 1)) // len(rows) - (count * (len(clouds) // 2)) // len(rows)
            height = float(drive.world_from_ego[drive.view_frames[view], 2, 3])
            clouds.append(_random(camera, image, nearest, hidden, share, view, config, far, height))
    keep = painted.seen if config.street_points_unseen == "drop" else torch.ones_like(painted.seen)
    still, moving = keep & ~returns.moving, keep & returns.moving
    static = PointCloud(
        torch.cat([returns.xyz[still], *(cloud.xyz for cloud in clouds)]),
        torch.cat([painted.rgb[still], *(cloud.rgb for cloud in clouds)]),
    )
    return StreetPoints(
        static, returns.xyz[moving], painted.rgb[moving], returns.times_s[moving], returns.velocities[moving]
    )


@dataclass(frozen=True)
class _Returns:
    """Thinned returns of all sweeps."""

    xyz: Float[Tensor, "P 3"]
    times_s: Float[Tensor, " P"]
    velocities: Float[Tensor, "P 3"]
    moving: Bool[Tensor, " P"]

    @staticmethod
    def of(
        drive: Drive, motions: Sequence[LidarMotion | None], cameras: Cameras, config: StreetPointsConfig
    ) -> "_Returns":
        still, moving = [_no_rows()], [_no_rows()]
        for frame, motion in enumerate(motions):
            sweep = drive.sweeps[frame]
            if sweep is None or motion is None:
                continue
            foreign = (sweep.xyz - sweep.origins).norm(dim=1) >= _OWN_VEHICLE_M
            xyz, time = sweep.xyz.float(), drive.frame_times_s[frame].float().expand(len(sweep), 1)
            table = torch.cat([xyz, time, motion.velocities], dim=1)
            still.append(
                _thinned(table[foreign & (motion.moving_probability < _CERTAINLY_STATIC)], cameras, config)
            )
            # Each frame shows its own moving returns, so that those are thinned by themselves.
            moving.append(
                _thinned(table[foreign & (motion.moving_probability > _MOVING)], cameras, config, 0.02)
            )
        static, dynamic = _thinned(torch.cat(still), cameras, config), torch.cat(moving)
        table = torch.cat([static, dynamic])
        return _Returns(table[:, :3], table[:, 3], table[:, 4:], torch.arange(len(table)) >= len(static))


def _no_rows() -> Float[Tensor, "0 7"]:
    return torch.zeros(0, 7)


def _thinned(
    table: Float[Tensor, "P D"], cameras: Cameras, config: StreetPointsConfig, voxel_m: float | None = None
) -> Float[Tensor, "K D"]:
    """The first row of each cube; the first three columns are positions. Sides grow by powers of two."""
    if not len(table):
        return table
    base = voxel_m or config.street_points_voxel_m
    centers = cameras.centers.float()[:: max(1, len(cameras) // 16)]
    distance = torch.cdist(table[:, :3], centers).amin(dim=1)
    wanted = config.street_points_spacing_px * distance / cameras.Ks[:, 0, 0].max()
    levels = (wanted / base).clamp(min=1).log2().floor()
    cells = torch.floor(table[:, :3] / (base * 2**levels)[:, None]).long()
    return table[_first_of_each(torch.cat([levels.long()[:, None], cells], dim=1))]


def _first_of_each(keys: Int[Tensor, "P 4"]) -> Int[Tensor, " K"]:
    """The first row of each distinct key, in the order of the rows."""
    low = keys.amin(dim=0)
    sizes = (keys.amax(dim=0) - low + 1).tolist()
    flat = torch.zeros(len(keys), dtype=torch.int64)
    for column, size in enumerate(sizes):
        flat = flat * size + (keys[:, column] - low[column])
    order = torch.argsort(flat, stable=True)
    new = torch.ones(len(flat), dtype=torch.bool)
    new[1:] = flat[order][1:] != flat[order][:-1]
    return order[new].sort().values


@dataclass(frozen=True)
class _Paint:
    """Colours of returns so far, and how far in time the picture was that they come from."""

    rgb: UInt8[Tensor, "P 3"]
    away_s: Float[Tensor, " P"]

    @staticmethod
    def empty(count: int) -> "_Paint":
        return _Paint(torch.full((count, 3), _GREY, dtype=torch.uint8), torch.full((count,), math.inf))

    @property
    def seen(self) -> Bool[Tensor, " P"]:
        return self.away_s.isfinite()


def _paint(
    painted: _Paint,
    returns: _Returns,
    camera: Cameras,
    image: UInt8[Tensor, "H W 3"],
    nearest: Float[Tensor, "h w"],
    blocked: Bool[Tensor, "H W"],
    time_s: float,
) -> None:
    """Take colours from a picture for the returns that it shows, unless one nearer in time has shown them."""
    away = time_s - returns.times_s
    # A return that moves is a thing's surface for a moment: other moments show it from other sides.
    wanted = (away.abs() < painted.away_s) & (~returns.moving | (away.abs() <= 0.15))
    rows = wanted.nonzero()[:, 0]
    xyz = returns.xyz[rows] + away[rows, None] * returns.velocities[rows]
    x, y, depths, inside = _pixels(xyz, camera)
    rows, x, y, depths = rows[inside], x[inside], y[inside], depths[inside]
    limit = nearest[y // _CELL_PX, x // _CELL_PX] * (1 + _DEPTH_SHARE) + _DEPTH_M
    seen = (depths <= limit) & (returns.moving[rows] | ~blocked[y, x])
    rows, x, y = rows[seen], x[seen], y[seen]
    painted.rgb[rows] = image[y, x]
    painted.away_s[rows] = away[rows].abs()


def _pixels(xyz: Float[Tensor, "P 3"], camera: Cameras) -> tuple[Tensor, Tensor, Tensor, Bool[Tensor, " P"]]:
    """Columns, rows and depths of points, and which of them lie in the picture."""
    pixels, depths = project_points(xyz, camera.viewmats[0].float(), camera.Ks[0].float())
    width, height = camera.size
    x, y = pixels.nan_to_num(-1).clamp(-1, 1e6).floor().long().unbind(-1)
    return x, y, depths, (depths > _NEAR_M) & (x >= 0) & (x < width) & (y >= 0) & (y < height)


def _nearest_depths(xyz: Float[Tensor, "P 3"], camera: Cameras) -> Float[Tensor, "h w"]:
    """Depth of the nearest of points in coarse cells of a picture; infinite where there is none."""
    x, y, depths, inside = _pixels(xyz, camera)
    width, height = camera.size
    columns, rows = -(-width // _CELL_PX), -(-height // _CELL_PX)
    flat = torch.full((rows * columns,), math.inf)
    places = (y[inside] // _CELL_PX) * columns + x[inside] // _CELL_PX
    return flat.scatter_reduce(0, places, depths[inside], "amin").view(rows, columns)


def _blocked(
    capture: Capture, view: int, dynamic: Sequence[Float[Tensor, "_H _W"]] | None
) -> Bool[Tensor, "H W"]:
    """Pixels that do not show what stands still: the own vehicle, invalid ones, and things that move."""
    width, height = capture.cameras[view].size
    blocked = torch.zeros(height, width, dtype=torch.bool)
    if dynamic is not None:
        blocked |= dynamic[view] > _MOVING
    if capture.valid_masks is not None:
        blocked |= ~capture.valid_masks[view]
    return blocked


def _random(
    camera: Cameras,
    image: UInt8[Tensor, "H W 3"],
    nearest: Float[Tensor, "h w"],
    blocked: Bool[Tensor, "H W"],
    count: int,
    view: int,
    config: StreetPointsConfig,
    far: bool,
    ground_z: float,
) -> PointCloud:
    """Points of one view, in pixels around which no lidar is, with the colours of the picture."""
    # A pixel counts as empty if no return lies in the cells around it either.
    near_lidar = F.max_pool2d(nearest.isfinite().float()[None], 3, 1, 1)[0] > 0
    height, width = blocked.shape
    grown = near_lidar.repeat_interleave(_CELL_PX, 0).repeat_interleave(_CELL_PX, 1)[:height, :width]
    empty = (~grown & ~blocked).nonzero()
    if not len(empty) or not count:
        return PointCloud(torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.uint8))
    random = generator(config.street_points_seed, "far points" if far else "near points", view)
    y, x = empty[torch.randint(len(empty), (count,), generator=random)].unbind(-1)
    low, high = 2.0, config.street_points_far_from_m
    if far:
        low, high = high, config.street_points_far_to_m
    distances = low * (high / low) ** torch.rand(count, generator=random)
    pixels = torch.stack([x, y], dim=-1) + torch.rand(count, 2, generator=random)
    viewmat, K = camera.viewmats[0].float(), camera.Ks[0].float()
    rays = unproject_points(pixels, torch.ones(count), viewmat, K) - camera.centers[0].float()
    xyz = camera.centers[0].float() + distances[:, None] * F.normalize(rays, dim=-1)
    above = xyz[:, 2] > ground_z
    return PointCloud(xyz[above], image[y, x][above])
