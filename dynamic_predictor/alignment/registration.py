"""The similarity that lays one set of points on another, and one set of cameras on another."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Similarity:
    """x -> scale * R x + translation, with leading dimensions of its own.

    Args:
        scale: positive.
        R: rotations.
        translation: in units of the target.
    """

    scale: Float[Tensor, "*batch"]
    R: Float[Tensor, "*batch 3 3"]
    translation: Float[Tensor, "*batch 3"]

    def __call__(self, points: Float[Tensor, "*batch P 3"]) -> Float[Tensor, "*batch P 3"]:
        """Points carried along."""
        return self.scale[..., None, None] * (points @ self.R.mT) + self.translation[..., None, :]

    def rigid(self) -> Float[Tensor, "*batch 4 4"]:
        """Rotation and translation as a transform, without the scale."""
        transform = torch.zeros(*self.scale.shape, 4, 4, dtype=self.R.dtype)
        transform[..., :3, :3] = self.R
        transform[..., :3, 3] = self.translation
        transform[..., 3, 3] = 1
        return transform


def register_points(
    source: Float[Tensor, "*batch P 3"],
    target: Float[Tensor, "*batch P 3"],
    weights: Float[Tensor, "*batch P"],
    *,
    with_scale: bool = True,
) -> Similarity:
    """The similarity of least weighted squares that carries `source` to `target`; never a mirror image.

    Args:
        source: points.
        target: where they belong.
        weights: at least 0; where all are 0 the points count equally.
        with_scale: otherwise the scale is 1.

    Source: S. Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns",
    1991.
    """
    total = weights.sum(dim=-1, keepdim=True)
    share = torch.where(total > 0, weights / total.clamp_min(1e-30), 1 / weights.shape[-1])[..., None]
    source_mean = (share * source).sum(dim=-2, keepdim=True)
    target_mean = (share * target).sum(dim=-2, keepdim=True)
    source_off, target_off = source - source_mean, target - target_mean
    U, spread, Vt = torch.linalg.svd((share * target_off).mT @ source_off)
    signs = torch.ones_like(spread)
    signs[..., 2] = torch.where(torch.linalg.det(U @ Vt) < 0, -1.0, 1.0)
    R = (U * signs[..., None, :]) @ Vt
    scale = torch.ones_like(spread[..., 0])
    if with_scale:
        variance = (share * source_off.square()).sum(dim=(-2, -1))
        fitted = (spread * signs).sum(dim=-1) / variance
        scale = torch.where((variance > 0) & (fitted > 0), fitted, scale)
    translation = target_mean[..., 0, :] - scale[..., None] * (R @ source_mean.mT)[..., 0]
    return Similarity(scale, R, translation)


def register_poses(source: Float[Tensor, "N 4 4"], target: Float[Tensor, "N 4 4"]) -> Similarity:
    """The similarity that lays cameras (c2w) on others: their centres, and points a little ahead of them.

    The points ahead are a hundredth of the median distance between centres away, so that they decide the
    rotation where the centres do not. Cameras that share one centre give scale 1.
    """
    if not bool(_spread(source) > 0) or not bool(_spread(target) > 0):
        return _register_directions(source, target)
    points = [torch.cat([pose[:, :3, 3], _ahead(pose)]) for pose in (source, target)]
    return register_points(points[0], points[1], torch.ones_like(points[0][:, 0]))


def _spread(poses: Float[Tensor, "N 4 4"]) -> Float[Tensor, ""]:
    """Median distance between two centres, of those that differ."""
    distances = torch.pdist(poses[:, :3, 3])
    distances = distances[distances > 1e-12]
    return distances.quantile(0.5) if len(distances) else poses.new_zeros(())


def _ahead(poses: Float[Tensor, "N 4 4"]) -> Float[Tensor, "N 3"]:
    return poses[:, :3, 3] + _spread(poses) / 100 * poses[:, :3, 2]


def _register_directions(source: Float[Tensor, "N 4 4"], target: Float[Tensor, "N 4 4"]) -> Similarity:
    """Scale 1, the mean of the rotations between the cameras, and the centres' means on each other."""
    U, _, Vt = torch.linalg.svd((target[:, :3, :3] @ source[:, :3, :3].mT).sum(dim=0))
    signs = torch.ones(3, dtype=source.dtype)
    signs[2] = torch.where(torch.linalg.det(U @ Vt) < 0, -1.0, 1.0)
    R = (U * signs) @ Vt
    translation = target[:, :3, 3].mean(dim=0) - R @ source[:, :3, 3].mean(dim=0)
    return Similarity(torch.ones_like(translation[0]), R, translation)
