"""Real spherical harmonics of degree 0 to 3, in the order and with the signs that Gaussian splatting uses.

The K = (degree + 1)^2 functions stand in the order l = 0, 1, ..., and m = -l, ..., l within l. They are
orthonormal on the unit sphere and carry the Condon-Shortley phase (-1)^m: those of degree one are (-y, z, -x)
times a constant.
"""

from math import pi, sqrt

import torch
from jaxtyping import Float
from torch import Tensor

C0 = 1 / (2 * sqrt(pi))
"""The constant function of degree zero, 0.28209479177387814."""

_C1 = sqrt(3 / (4 * pi))
_C2_XY, _C2_ZZ, _C2_XX = sqrt(15 / (4 * pi)), sqrt(5 / (16 * pi)), sqrt(15 / (16 * pi))
_C3_33, _C3_32, _C3_31 = sqrt(35 / (32 * pi)), sqrt(105 / (4 * pi)), sqrt(21 / (32 * pi))
_C3_30, _C3_22 = sqrt(7 / (16 * pi)), sqrt(105 / (16 * pi))


def basis(directions: Float[Tensor, "*batch 3"], degree: int) -> Float[Tensor, "*batch K"]:
    """The values of all functions up to a degree.

    Args:
        directions: unit vectors.
        degree: 0 to 3.

    Raises:
        ValueError: the degree is not 0, 1, 2 or 3.

    Source: P.-P. Sloan, "Stupid Spherical Harmonics (SH) Tricks", 2008, appendix A2 (without the phase).
    """
    if degree not in (0, 1, 2, 3):
        raise ValueError(f"spherical harmonics of degree 0 to 3 are supported, got degree {degree}")
    x, y, z = directions.unbind(-1)
    values = [torch.full_like(x, C0)]
    if degree >= 1:
        values += [-_C1 * y, _C1 * z, -_C1 * x]
    if degree >= 2:
        xx, yy, zz = x * x, y * y, z * z
        values += [
            _C2_XY * x * y,
            -_C2_XY * y * z,
            _C2_ZZ * (2 * zz - xx - yy),
            -_C2_XY * x * z,
            _C2_XX * (xx - yy),
        ]
        if degree >= 3:
            values += [
                -_C3_33 * y * (3 * xx - yy),
                _C3_32 * x * y * z,
                -_C3_31 * y * (4 * zz - xx - yy),
                _C3_30 * z * (2 * zz - 3 * xx - 3 * yy),
                -_C3_31 * x * (4 * zz - xx - yy),
                _C3_22 * z * (xx - yy),
                -_C3_33 * x * (xx - 3 * yy),
            ]
    return torch.stack(values, dim=-1)


def evaluate(
    sh: Float[Tensor, "*batch K 3"], directions: Float[Tensor, "*batch 3"], degree: int
) -> Float[Tensor, "*batch 3"]:
    """The sum of coefficients times functions; a colour is this plus 0.5.

    Args:
        sh: coefficients, at least (degree + 1)^2 of them; higher ones are not read.
        directions: unit vectors in world axes, from the camera to the Gaussian.
        degree: 0 to 3.

    Raises:
        ValueError: the degree is not 0 to 3, or `sh` holds too few coefficients for it.
    """
    values = basis(directions, degree)
    count = values.shape[-1]
    if sh.shape[-2] < count:
        raise ValueError(f"degree {degree} needs {count} coefficients a Gaussian, sh holds {sh.shape[-2]}")
    return (values[..., None] * sh[..., :count, :]).sum(-2)


def rgb_to_dc(rgb: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """The degree-zero coefficients that give a colour in [0, 1]."""
    return (rgb - 0.5) / C0
