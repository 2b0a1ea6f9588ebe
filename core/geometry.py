"""Rotations, rigid transforms and pinhole projection.

Quaternions are wxyz; cameras have OpenCV axes: x right, y down, z forward; pixel centres are at +0.5.
Leading dimensions (`*batch`) are carried through every function, and so are the dtype and the device.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def quat_to_rotation(quats: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrices of quaternions of any non-zero length.

    Args:
        quats: wxyz; normalised here. A zero quaternion gives the identity.

    Source: J. Diebel, "Representing Attitude", 2006, eq. 125.
    """
    w, x, y, z = F.normalize(quats, dim=-1).unbind(-1)
    entries = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))


def invert_se3(transforms: Float[Tensor, "*batch 4 4"]) -> Float[Tensor, "*batch 4 4"]:
    """Inverses of rigid transforms: exact where a general inverse only approximates."""
    rotation_t = transforms[..., :3, :3].mT
    inverse = torch.zeros_like(transforms)
    inverse[..., :3, :3] = rotation_t
    inverse[..., :3, 3:] = -rotation_t @ transforms[..., :3, 3:]
    inverse[..., 3, 3] = 1
    return inverse


def transform_points(
    transform: Float[Tensor, "*batch 4 4"], points: Float[Tensor, "*batch P 3"]
) -> Float[Tensor, "*batch P 3"]:
    """Points carried by an affine transform."""
    return points @ transform[..., :3, :3].mT + transform[..., None, :3, 3]


def look_at(
    eye: Float[Tensor, "*#batch 3"], target: Float[Tensor, "*#batch 3"], up: Float[Tensor, "*#batch 3"]
) -> Float[Tensor, "*batch 4 4"]:
    """World-from-camera transforms of cameras that see a target in the image centre. The arguments broadcast.

    Args:
        eye: camera centres.
        target: what they look at, anywhere but at the eye.
        up: the world direction that points up in the image; any length, not along the viewing direction.

    Raises:
        ValueError: the target is the eye, or `up` is along the viewing direction.
    """
    eye, target, up = torch.broadcast_tensors(eye, target, up)
    forward = F.normalize(target - eye, dim=-1)
    right = torch.linalg.cross(forward, up)
    if not bool((right.norm(dim=-1) > 1e-6 * up.norm(dim=-1)).all()):
        raise ValueError("look_at needs a target away from the eye, and an up direction across the view")
    right = F.normalize(right, dim=-1)
    down = torch.linalg.cross(forward, right)
    c2w = torch.zeros(*eye.shape[:-1], 4, 4, dtype=eye.dtype, device=eye.device)
    c2w[..., :3, :] = torch.stack([right, down, forward, eye], dim=-1)
    c2w[..., 3, 3] = 1
    return c2w


def project_points(
    points: Float[Tensor, "*batch P 3"],
    viewmats: Float[Tensor, "*batch 4 4"],
    Ks: Float[Tensor, "*batch 3 3"],
) -> tuple[Float[Tensor, "*batch P 2"], Float[Tensor, "*batch P"]]:
    """Pixel positions and z-depths of world points.

    Args:
        points: positions in the world.
        viewmats: camera-from-world transforms.
        Ks: intrinsics in pixels.

    Returns:
        Pixels (x, y) and depths in world units. Where the depth is not positive the point is behind the
        camera, and its pixel means nothing.
    """
    in_camera = transform_points(viewmats, points)
    depths = in_camera[..., 2]
    on_plane = in_camera / depths[..., None]
    return (on_plane @ Ks.mT)[..., :2], depths


def unproject_points(
    pixels: Float[Tensor, "*batch P 2"],
    depths: Float[Tensor, "*batch P"],
    viewmats: Float[Tensor, "*batch 4 4"],
    Ks: Float[Tensor, "*batch 3 3"],
) -> Float[Tensor, "*batch P 3"]:
    """World points of pixels with z-depths: the inverse of `project_points`."""
    homogeneous = F.pad(pixels, (0, 1), value=1.0)
    rays = torch.linalg.solve(Ks, homogeneous.mT).mT
    return transform_points(invert_se3(viewmats), rays * depths[..., None])
