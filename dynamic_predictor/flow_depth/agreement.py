"""Which depths other frames confirm, and their common mean."""

import torch
from jaxtyping import Float
from torch import Tensor

from dynamic_predictor.ego_motion import pixel_centers, relative_projection
from dynamic_predictor.flow import inside, sample
from scene.cameras import Cameras

# Two inverse depths agree when they differ by this share, or by less than this parallax.
_SAME_SHARE = 0.03
_SAME_PX = 0.3


def agreement(
    index: int, others: list[int], inverse: Float[Tensor, "N H W"], cameras: Cameras, reach_px: float
) -> tuple[Float[Tensor, "H W"], Float[Tensor, "H W"], Float[Tensor, "H W"]]:
    """Compare a frame's inverse depths with those of others.

    A point that another frame sees through, because its own surface there is farther, is contradicted; one
    that it hides behind a nearer surface is not.

    Args:
        index: of the frame.
        others: frames to ask.
        inverse: of all frames; positive where known.
        cameras: of all frames.
        reach_px: how far a pixel of inverse depth 1 moves, at most, between frames that were compared.

    Returns:
        How many agree, how many contradict, and the sum of the agreeing frames' inverse depths, carried into
        this frame.
    """
    own = inverse[index]
    pixels = pixel_centers((own.shape[1], own.shape[0]), own)
    agree, contradict, total = torch.zeros_like(own), torch.zeros_like(own), torch.zeros_like(own)
    tolerance = (_SAME_SHARE * own).clamp_min(_SAME_PX / reach_px)
    for other in others:
        H, e = (part.to(own) for part in relative_projection(cameras[index], cameras[other]))
        back_H, back_e = (part.to(own) for part in relative_projection(cameras[other], cameras[index]))
        there = pixels @ H[:, :2].mT + H[:, 2] + own[..., None] * e
        ratio = there[..., 2].clamp_min(1e-3)
        there = there[..., :2] / ratio[..., None]
        flow = there - pixels
        seen = sample(inverse[other][..., None], flow)[..., 0]
        ratio_back = (there @ back_H[2, :2] + back_H[2, 2] + seen * back_e[2]).clamp_min(1e-3)
        carried = seen / ratio_back
        asked = inside(flow) & (own > 0) & (seen > 0)
        same = asked & ((carried - own).abs() < tolerance)
        agree += same
        contradict += asked & (carried < own - tolerance)
        total += torch.where(same, carried, 0)
    return agree, contradict, total
