"""Gaussians that start from depth maps, where each part of the scene is taken from one frame only."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from core.geometry import project_points, unproject_points
from scene.cameras import Cameras
from scene.capture import Capture, PointCloud
from scene.gaussian_model import StaticGaussians
from scene.points import initial_scales, random_points_in_view

_RANDOM_POINTS = 10_000  # where nothing is known
_GROWTH = 1.1  # of the cells, at the least, where they are too many


@dataclass(frozen=True)
class DepthPointsConfig:
    """Where the Gaussians start."""

    cell_px: float = 2.0
    """Side of the square of pixels that one Gaussian stands for."""
    depth_tolerance: float = 0.1
    """Relative difference of depths up to which a Gaussian there is says that a pixel has one already."""
    point_scale: float = 0.5
    """Standard deviation of a Gaussian from depth, in cells."""
    max_points: int = 200_000
    """Never start with more than this many; cells grow until it holds."""

    def __post_init__(self) -> None:
        for name in ("cell_px", "depth_tolerance", "point_scale", "max_points"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: a positive number was expected, got {getattr(self, name)}")


@dataclass(frozen=True)
class SizedPoints:
    """Points with the size of what they stand for.

    Args:
        cloud: positions and colours.
        sizes: standard deviations, world units.
    """

    cloud: PointCloud
    sizes: Float[Tensor, " P"]


def starting_gaussians(
    capture: Capture,
    views: Sequence[int],
    config: DepthPointsConfig,
    *,
    sh_degree: int,
    opacity: float,
) -> tuple[StaticGaussians, float]:
    """The Gaussians that a video starts with, and the median depth of the scene in world units.

    They come from the depth of the frames where there is any, from the capture's points, and, if there is
    neither, from random points in view.

    Args:
        capture: the video.
        views: rows that train.
        config: settings.
        sh_degree: highest degree of the colours.
        opacity: of every Gaussian, in (0, 1).
    """
    points = None if capture.inverse_depths is None else points_from_depths(capture, views, config)
    if points is None or not len(points.cloud):
        cloud = capture.points
        if cloud is None or not len(cloud):
            cloud = random_points_in_view(capture.cameras[list(views)], _RANDOM_POINTS)
        points = SizedPoints(cloud, initial_scales(cloud.xyz))
    model = StaticGaussians.from_points(
        points.cloud, sh_degree=sh_degree, opacity=opacity, sizes=points.sizes
    )
    return model, median_depth(points.cloud, capture, views)


def most_starting_gaussians(capture: Capture, views: Sequence[int], config: DepthPointsConfig) -> int:
    """How many Gaussians `starting_gaussians` makes at the most, known without reading any image or map."""
    if capture.inverse_depths is not None:
        pixels = int((capture.cameras.width * capture.cameras.height)[list(views)].sum())
        return min(config.max_points, max(1, math.ceil(pixels / config.cell_px**2)))
    return _RANDOM_POINTS if capture.points is None or not len(capture.points) else len(capture.points)


def median_depth(points: PointCloud, capture: Capture, views: Sequence[int]) -> float:
    """Median z-depth of points over the views that they are in front of; 1 if there is none."""
    cameras = capture.cameras[list(views)]
    _, depths = project_points(points.xyz.float().expand(len(views), -1, -1), cameras.viewmats, cameras.Ks)
    in_front = depths[depths > 0]
    return float(in_front.median()) if len(in_front) else 1.0


def points_from_depths(
    capture: Capture, views: Sequence[int], config: DepthPointsConfig
) -> SizedPoints | None:
    """Points of the static scene from the depth maps of some views; None if there is no depth at all.

    View by view, those found so far are projected into the image, and only cells in which none of them agrees
    with the depth get a new one. Then cells that nothing covers yet, because no view knows their depth, are
    filled with depths interpolated from around them.

    Args:
        capture: with inverse depths, and masks of what moves if it has them.
        views: rows to use.
        config: settings.
    """
    cell = config.cell_px
    maps = {view: known for view in views if (known := _DepthMap.of(capture, view)) is not None}
    if not any(bool((depth_map.inverse_depth > 0).any()) for depth_map in maps.values()):
        return None
    while True:
        gathered = _gather(maps, cell, config)
        count = len(gathered.xyz)
        if count <= config.max_points or cell > max(max(view.static.shape) for view in maps.values()):
            kept = slice(config.max_points)  # cells as large as the images are as few as can be
            return SizedPoints(PointCloud(gathered.xyz[kept], gathered.rgb[kept]), gathered.sizes[kept])
        # At least so many times too many: the views that were not looked at would have added to them.
        cell *= max(_GROWTH, math.sqrt(count / config.max_points))


@dataclass(frozen=True)
class _DepthMap:
    """What one view knows: 1/z (0 = none), which pixels are static, colours, camera."""

    inverse_depth: Float[Tensor, "H W"]
    static: Bool[Tensor, "H W"]
    image: UInt8[Tensor, "H W 3"]
    cameras: Cameras

    @staticmethod
    def of(capture: Capture, view: int) -> "_DepthMap | None":
        inverse_depth = None if capture.inverse_depths is None else capture.inverse_depths[view]
        if inverse_depth is None:
            return None
        static = torch.ones_like(inverse_depth, dtype=torch.bool)
        if capture.dynamic_masks is not None:
            static &= ~capture.dynamic_masks[view]
        if capture.valid_masks is not None:
            static &= capture.valid_masks[view]
        return _DepthMap(inverse_depth * static, static, capture.images[view], capture.cameras[view])

    def inpainted(self) -> "_DepthMap":
        """The same with colours of the static pixels in place of the others."""
        planes = (self.image.permute(2, 0, 1).float() + 1) * self.static  # 0 = none
        image = torch.stack([fill_holes(plane) for plane in planes]).sub(1).clamp(0, 255)
        return replace(self, image=image.round().to(torch.uint8).permute(1, 2, 0))


class _Gathered:
    """Points so far, in lists of what each view added."""

    def __init__(self) -> None:
        self.xyz = torch.zeros(0, 3)
        self.rgb = torch.zeros(0, 3, dtype=torch.uint8)
        self.sizes = torch.zeros(0)

    def add(self, xyz: Tensor, rgb: Tensor, sizes: Tensor) -> None:
        self.xyz = torch.cat([self.xyz, xyz])
        self.rgb = torch.cat([self.rgb, rgb])
        self.sizes = torch.cat([self.sizes, sizes])


def _gather(maps: Mapping[int, _DepthMap], cell: float, config: DepthPointsConfig) -> _Gathered:
    """Points for the cells of all views; it ends with the first view that makes more than `max_points`."""
    gathered = _Gathered()
    for depth_map, inverse_depth, tolerance in _layers(maps.values(), config.depth_tolerance):
        _add_missing(gathered, depth_map, inverse_depth, cell, config, tolerance)
        if len(gathered.xyz) > config.max_points:
            break
    return gathered


def _layers(
    maps: Collection[_DepthMap], tolerance: float
) -> Iterator[tuple[_DepthMap, Float[Tensor, "H W"], float | None]]:
    """Views with the depths taken from them, the surest first; with the tolerance if they are known."""
    for depth_map in maps:
        yield depth_map, depth_map.inverse_depth, tolerance
    for depth_map in maps:
        yield depth_map, fill_holes(depth_map.inverse_depth) * depth_map.static, None
    for depth_map in maps:
        # What no frame ever shows, because something always stands before it, is made up from around it.
        yield depth_map.inpainted(), fill_holes(depth_map.inverse_depth), None


def _add_missing(
    gathered: _Gathered,
    depth_map: _DepthMap,
    inverse_depth: Float[Tensor, "H W"],
    cell: float,
    config: DepthPointsConfig,
    tolerance: float | None,
) -> None:
    """Add a point for each cell that has a depth and no point yet.

    With a `tolerance` a point counts only if its inverse depth is that of the cell within this fraction.
    """
    height, width = inverse_depth.shape
    rows, columns = max(1, int(height / cell)), max(1, int(width / cell))
    # The pixel in the middle of each cell; averages would put points between a thing and what is behind it.
    y = ((torch.arange(rows) + 0.5) * (height / rows)).long()
    x = ((torch.arange(columns) + 0.5) * (width / columns)).long()
    candidates = inverse_depth[y][:, x]
    covered = torch.zeros(rows, columns, dtype=torch.bool)
    if len(gathered.xyz):
        pixels, depths = project_points(gathered.xyz, depth_map.cameras.viewmats[0], depth_map.cameras.Ks[0])
        v = (pixels[:, 1] * (rows / height)).nan_to_num(-1).floor()
        u = (pixels[:, 0] * (columns / width)).nan_to_num(-1).floor()
        inside = ((depths > 0) & (u >= 0) & (u < columns) & (v >= 0) & (v < rows)).nonzero()[:, 0]
        u, v, there = u[inside].long(), v[inside].long(), 1 / depths[inside]
        if tolerance is not None:
            wanted = candidates[v, u]
            agree = (there - wanted).abs() <= tolerance * wanted
            u, v = u[agree], v[agree]
        covered[v, u] = True
    new = (candidates > 0) & ~covered
    v, u = new.nonzero(as_tuple=True)
    if not len(v):
        return
    depths = 1 / candidates[v, u]
    pixels = torch.stack([x[u], y[v]], dim=-1) + 0.5
    xyz = unproject_points(pixels, depths, depth_map.cameras.viewmats[0], depth_map.cameras.Ks[0])
    colours = F.adaptive_avg_pool2d(depth_map.image.permute(2, 0, 1).float(), (rows, columns))
    rgb = colours[:, v, u].T.round().to(torch.uint8)
    side = 0.5 * (width / columns + height / rows)
    gathered.add(xyz, rgb, depths * (config.point_scale * side / float(depth_map.cameras.Ks[0, 0, 0])))


def fill_holes(values: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """A map whose zeros are filled with smooth interpolations of what is around them.

    Averages of known values at half the size, filled in the same way, stand in where there is none.

    Source: Gortler et al., "The Lumigraph", 1996, section 3.4 (pull-push).
    """
    known = values > 0
    if bool(known.all()) or max(values.shape) == 1 or not bool(known.any()):
        return values
    height, width = values.shape
    half = ((height + 1) // 2, (width + 1) // 2)
    sums, shares = F.adaptive_avg_pool2d(torch.stack([values, known.float()]), half)
    coarse = fill_holes(torch.where(shares > 0, sums / shares.clamp(min=1e-6), 0))
    fine = F.interpolate(coarse[None, None], (height, width), mode="bilinear")[0, 0]
    return torch.where(known, values, fine)
