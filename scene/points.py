"""Where Gaussians start: sizes from the spacing of points, and random points where a capture has none."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import KDTree
from torch import Tensor

from core.geometry import unproject_points
from core.randomness import generator
from scene.cameras import Cameras
from scene.capture import PointCloud

_NEIGHBORS = 3
# Points that coincide would start as Gaussians of no size, whose logarithm is minus infinity.
_LEAST_SQUARED_DISTANCE = 1e-7
_GREY = 128
# Depths of random points, in units of the distance that the cameras span.
_NEAREST, _FARTHEST = 0.1, 4.0


def initial_scales(xyz: Float[Tensor, "P 3"]) -> Float[Tensor, " P"]:
    """Standard deviations with which points start as round Gaussians, in world units.

    Each is the root mean square distance to the three nearest other points, or to as many as there are.

    Args:
        xyz: finite positions, on any device.

    Source: B. Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering", 2023,
    section 5.1.
    """
    count = len(xyz)
    if count < 2:
        return xyz.new_ones(count)
    positions = xyz.detach().cpu().double().numpy()
    nearest = min(_NEIGHBORS + 1, count)  # the first is the point itself
    distances, _ = KDTree(positions).query(positions, k=nearest, workers=torch.get_num_threads())
    mean_squared = np.maximum(np.square(distances[:, 1:]).mean(axis=1), _LEAST_SQUARED_DISTANCE)
    return torch.from_numpy(np.sqrt(mean_squared)).to(xyz)


def random_points_in_view(cameras: Cameras, count: int, seed: int = 0) -> PointCloud:
    """Grey points, each inside the view of some camera, for a capture that comes without points.

    Views, pixels and the logarithms of depths are uniform, so that near and far space get their share whether
    the cameras look inward, outward or all the same way. The cameras' extent sets the range of depths.

    Args:
        cameras: at least one.
        count: how many points.
        seed: of the random numbers.
    """
    random = generator(seed, "points in view")
    centers = cameras.centers
    extent = (centers - centers.mean(dim=0)).norm(dim=1).max().item() or 1.0
    views = torch.randint(len(cameras), (count,), generator=random)
    pixels = (
        torch.rand(count, 2, generator=random) * torch.stack([cameras.width, cameras.height], dim=1)[views]
    )
    near, far = np.log(_NEAREST * extent), np.log(_FARTHEST * extent)
    depths = torch.exp(near + (far - near) * torch.rand(count, generator=random))
    pixels, depths, views = pixels.to(centers), depths.to(centers), views.to(centers.device)
    xyz = unproject_points(pixels[:, None], depths[:, None], cameras.viewmats[views], cameras.Ks[views])
    return _grey(xyz[:, 0])


def random_points_in_cube(count: int, half_edge: float, seed: int = 0) -> PointCloud:
    """Grey points, uniform in a cube around the origin.

    Args:
        count: how many points.
        half_edge: half the cube's edge, in world units.
        seed: of the random numbers.
    """
    return _grey((2 * torch.rand(count, 3, generator=generator(seed, "points in cube")) - 1) * half_edge)


def _grey(xyz: Float[Tensor, "P 3"]) -> PointCloud:
    return PointCloud(xyz.float(), torch.full(xyz.shape, _GREY, dtype=torch.uint8, device=xyz.device))
