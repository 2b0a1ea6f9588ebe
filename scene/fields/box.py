"""Where in a field's box a place in space and time lies."""

import torch
from jaxtyping import Float
from torch import Tensor

from core.errors import UserError


def checked_box(aabb: Float[Tensor, "2 3"]) -> Float[Tensor, "2 3"]:
    """The box as float32, after a look at its corners.

    Args:
        aabb: lower and upper corner, world units.

    Raises:
        UserError: it is not finite, or has no volume.
    """
    sides = aabb[1] - aabb[0]
    if not bool(torch.isfinite(aabb).all()) or not bool((sides > 0).all()):
        raise UserError(
            f"a field needs a box whose upper corner is above its lower one, got {aabb[0].tolist()} "
            f"to {aabb[1].tolist()}: are there points with finite positions that are not all in one plane?"
        )
    return aabb.detach().float()


def place_in_box(
    xyz: Float[Tensor, "N 3"], times: Float[Tensor, "*times"], aabb: Float[Tensor, "2 3"]
) -> Float[Tensor, "N 4"]:
    """x, y, z and t, each from 0 to 1 inside of the box and the clip; places outside keep their values.

    Args:
        xyz: world units.
        times: of each place, or one for all; 0 is the clip's first frame, 1 its last.
        aabb: lower and upper corner, world units.

    Raises:
        ValueError: there are neither as many times as places, nor one.
    """
    if times.dim() > 1 or (times.dim() == 1 and times.shape != xyz.shape[:1]):
        raise ValueError(
            f"one time, or one for each of {len(xyz)} places, was expected, got {list(times.shape)}"
        )
    inside = (xyz - aabb[0]) / (aabb[1] - aabb[0])
    return torch.cat([inside, times.expand(len(xyz))[:, None].to(inside)], dim=1)
