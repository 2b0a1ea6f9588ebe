"""The image motion that a moving camera alone makes, and how far a flow is from any such motion."""

import torch
from jaxtyping import Float
from torch import Tensor

from core.geometry import invert_se3
from scene.cameras import Cameras

# Camera centres that differ by less than this share of their distance from the origin are one centre, seen
# through the rounding of float32.
_SAME_CENTER = 1e-6


def pixel_centers(size: tuple[int, int], like: Float[Tensor, "..."]) -> Float[Tensor, "H W 2"]:
    """(x, y) of the pixels of an image of (width, height), with the dtype and device of `like`."""
    width, height = size
    x = torch.arange(width, dtype=like.dtype, device=like.device) + 0.5
    y = torch.arange(height, dtype=like.dtype, device=like.device) + 0.5
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def ego_flow(depths: Float[Tensor, "H W"], source: Cameras, target: Cameras) -> Float[Tensor, "H W 2"]:
    """The flow of a scene that stands still: where the camera's own motion moves its pixels.

    Args:
        depths: z-depths in the source camera in world units; 0 = none, inf = infinitely far.
        source: one camera, of the depths' size.
        target: one camera.

    Returns:
        Displacements (x, y) in pixels; NaN where there is no depth, or where the point is not in front of the
        target camera. Gradients reach depths, poses and intrinsics, and stay finite.
    """
    homography, epipole = relative_projection(source, target)
    pixels = pixel_centers((depths.shape[1], depths.shape[0]), depths)
    known = depths > 0
    inverse = torch.where(known, depths, 1).reciprocal()
    there = _homogeneous(pixels) @ homography.mT + inverse[..., None] * epipole
    ahead = there[..., 2:] > 0
    flow = there[..., :2] / torch.where(ahead, there[..., 2:], 1) - pixels
    return torch.where(known[..., None] & ahead, flow, torch.nan)


def relative_projection(source: Cameras, target: Cameras) -> tuple[Float[Tensor, "3 3"], Float[Tensor, "3"]]:
    """H and e such that a source pixel p of inverse depth w is seen in the target at H p + w e, homogeneous.

    H = K_t R K_s^-1 is the homography of points at infinity and e = K_t t the (unnormalised) epipole. The
    third entry of the sum is the point's depth in the target over its depth in the source.

    Args:
        source: one camera.
        target: one camera.
    """
    relative = target.viewmats[0] @ invert_se3(source.viewmats[0])
    homography = target.Ks[0] @ relative[:3, :3] @ torch.linalg.inv(source.Ks[0])
    return homography, target.Ks[0] @ relative[:3, 3]


def baseline(source: Cameras, target: Cameras) -> float:
    """Distance of two cameras' centres in world units; 0 where rounding alone parts them."""
    first, second = source.centers[0], target.centers[0]
    distance = (second - first).norm().item()
    return distance if distance > _SAME_CENTER * (first.norm() + second.norm()).item() else 0.0


def epipolar_residual(flow: Float[Tensor, "H W 2"], source: Cameras, target: Cameras) -> Float[Tensor, "H W"]:
    """How far, in pixels, a flow is from one that a scene at rest could have.

    Between cameras at two places it is the Sampson distance: to first order, how far a pixel and its target
    are from the nearest pair that lies on an epipolar line. Motion along that line goes unnoticed. Cameras at
    one place see one homography, and the residual is the distance from its flow.

    Args:
        flow: displacements (x, y) in pixels.
        source: one camera, of the flow's size.
        target: one camera.

    Source: R. Hartley and A. Zisserman, "Multiple View Geometry in Computer Vision", 2004, eq. 11.9.
    """
    homography, epipole = (part.to(flow) for part in relative_projection(source, target))
    pixels = pixel_centers((flow.shape[1], flow.shape[0]), flow)
    at_source = _homogeneous(pixels)
    at_target = _homogeneous(pixels + flow)
    at_infinity = at_source @ homography.mT
    if baseline(source, target) == 0.0:
        return (at_infinity[..., :2] / at_infinity[..., 2:] - at_target[..., :2]).norm(dim=-1)
    # F = [e]x H: the line of a source pixel runs from the epipole through its point at infinity.
    direction = epipole / epipole.norm()
    zero = torch.zeros_like(direction[0])
    x, y, z = direction
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    fundamental = cross @ homography
    line = at_source @ fundamental.mT
    line_back = at_target @ fundamental
    error = (at_target * line).sum(-1)
    slope = line[..., :2].square().sum(-1) + line_back[..., :2].square().sum(-1)
    return error.abs() / slope.sqrt().clamp_min(torch.finfo(flow.dtype).tiny)


def _homogeneous(pixels: Float[Tensor, "H W 2"]) -> Float[Tensor, "H W 3"]:
    return torch.cat([pixels, torch.ones_like(pixels[..., :1])], dim=-1)
