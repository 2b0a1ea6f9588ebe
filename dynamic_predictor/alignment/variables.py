"""What global alignment solves for: depths, poses and focal lengths of frames, and where each pair lies."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from core.geometry import quat_to_rotation

FOCAL_RATE = 20.0
"""Focal lengths are exp(variable / 20) pixels: a step of the optimiser is a small fraction of them."""

BASE_SCALE = 0.5
"""The geometric mean of the pairs' scales, which fixes the scale of the world."""


def signed_expm1(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """sign(x) (exp|x| - 1), with slope 1 at 0, where a product with torch.sign would have slope 0."""
    sign = torch.where(x < 0, -1.0, 1.0).to(x)
    return sign * torch.expm1(sign * x)


def signed_log1p(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The inverse of `signed_expm1`."""
    return x.sign() * torch.log1p(x.abs())


def rotation_to_quat(R: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """Unit quaternions (wxyz) of rotations.

    The eigenvector of the largest eigenvalue: well defined for every rotation, half turns included.

    Source: I. Y. Bar-Itzhack, "New Method for Extracting the Quaternion from a Rotation Matrix", 2000.
    """
    r = [[R[..., row, column] for column in range(3)] for row in range(3)]
    zero = torch.zeros_like(r[0][0])
    upper = [
        [r[0][0] + r[1][1] + r[2][2], r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]],
        [zero, r[0][0] - r[1][1] - r[2][2], r[1][0] + r[0][1], r[2][0] + r[0][2]],
        [zero, zero, r[1][1] - r[0][0] - r[2][2], r[2][1] + r[1][2]],
        [zero, zero, zero, r[2][2] - r[0][0] - r[1][1]],
    ]
    K = torch.stack([torch.stack(row, dim=-1) for row in upper], dim=-2)
    quats = torch.linalg.eigh(K, UPLO="U")[1][..., 3]
    return quats * torch.where(quats[..., :1] < 0, -1.0, 1.0).to(quats)


@dataclass
class Variables:
    """Leaves of the optimisation; the values they stand for are the methods.

    Args:
        log_depths: logarithms of z-depths.
        quats: world-from-camera, wxyz, of any length.
        log_translations: `signed_log1p` of the camera centres.
        log_focals: FOCAL_RATE times the logarithm of the focal length in pixels; one that all frames share,
            or one each.
        pair_quats: world-from-pair, wxyz, of any length.
        pair_log_translations: `signed_log1p` of the translations, before the scale is applied to them.
        pair_log_scales: logarithms of the pairs' scales.
    """

    log_depths: Float[Tensor, "N P"]
    quats: Float[Tensor, "N 4"]
    log_translations: Float[Tensor, "N 3"]
    log_focals: Float[Tensor, " F"]
    pair_quats: Float[Tensor, "E 4"]
    pair_log_translations: Float[Tensor, "E 3"]
    pair_log_scales: Float[Tensor, " E"]

    @staticmethod
    def of(
        depths: Float[Tensor, "N P"],
        c2w: Float[Tensor, "N 4 4"],
        focals: Float[Tensor, " F"],
        pair_rotations: Float[Tensor, "E 3 3"],
        pair_translations: Float[Tensor, "E 3"],
        pair_scales: Float[Tensor, " E"],
    ) -> "Variables":
        """Variables that stand for these values.

        Args:
            depths: one that is not positive becomes 1.
            c2w: world-from-camera.
            focals: in pixels; one or N.
            pair_rotations: of the similarities world-from-pair.
            pair_translations: of them, in world units.
            pair_scales: of them.
        """
        return Variables(
            torch.where(depths > 0, depths, 1.0).log(),
            rotation_to_quat(c2w[:, :3, :3]),
            signed_log1p(c2w[:, :3, 3]),
            FOCAL_RATE * focals.log(),
            rotation_to_quat(pair_rotations),
            signed_log1p(pair_translations / pair_scales[:, None]),
            pair_scales.log(),
        )

    @property
    def depths(self) -> Float[Tensor, "N P"]:
        """In world units."""
        return self.log_depths.exp()

    @property
    def focals(self) -> Float[Tensor, " N"]:
        """In pixels, one a frame."""
        return (self.log_focals / FOCAL_RATE).exp().expand(len(self.quats))

    @property
    def c2w(self) -> Float[Tensor, "N 4 4"]:
        """World-from-camera."""
        return _rigid(quat_to_rotation(self.quats), signed_expm1(self.log_translations))

    def world_points(self, pixels: Float[Tensor, "P 2"]) -> Float[Tensor, "N P 3"]:
        """Where the depths place the pixels.

        Args:
            pixels: relative to the principal point.
        """
        depths = self.depths[..., None]
        in_camera = torch.cat([depths * (pixels / self.focals[:, None, None]), depths], dim=-1)
        c2w = self.c2w
        return in_camera @ c2w[:, :3, :3].mT + c2w[:, None, :3, 3]

    def pair_scales(self, *, normalised: bool = True) -> Float[Tensor, " E"]:
        """Scales of the pairs; normalised, their geometric mean is `BASE_SCALE`."""
        logs = self.pair_log_scales
        return (logs - logs.mean() + math.log(BASE_SCALE)).exp() if normalised else logs.exp()

    def pair_transforms(self, *, normalised: bool = True) -> Float[Tensor, "E 3 4"]:
        """World-from-pair similarities; the scale multiplies rotation and translation."""
        moves = signed_expm1(self.pair_log_translations)
        transforms = torch.cat([quat_to_rotation(self.pair_quats), moves[..., None]], dim=-1)
        return self.pair_scales(normalised=normalised)[:, None, None] * transforms

    def named(self) -> Iterator[tuple[str, Tensor]]:
        """The leaves with their names."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)

    def requires_grad_(self, *, fixed: frozenset[str] = frozenset()) -> "Variables":
        """Makes all leaves but the `fixed` ones variables of autograd."""
        for name, leaf in self.named():
            leaf.requires_grad_(name not in fixed)
        return self

    def clone(self) -> "Variables":
        """Detached copies."""
        return Variables(**{name: leaf.detach().clone() for name, leaf in self.named()})


def _rigid(R: Float[Tensor, "N 3 3"], translation: Float[Tensor, "N 3"]) -> Float[Tensor, "N 4 4"]:
    bottom = torch.tensor([0.0, 0.0, 0.0, 1.0]).to(R).expand(len(R), 1, 4)
    return torch.cat([torch.cat([R, translation[..., None]], dim=-1), bottom], dim=1)
