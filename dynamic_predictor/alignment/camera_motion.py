"""Whether a camera moves, only turns, or stands still.

Where a camera stands still its path is noise, and a similarity fitted to it is meaningless: such a camera is
recognised, and then held.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from dynamic_predictor.alignment.flow_term import PairFlows

Motion = Literal["general", "rotation", "static"]

# Nearly all of what stands still must do so in nearly all pairs: textureless walls have no flow in any video.
_PIXELS, _PAIRS = 0.9, 0.95
_LEAST_SHARE_USED = 0.1


def stands_still(flows: PairFlows, threshold_px: float) -> bool:
    """Whether optical flow moves nothing by more than the threshold.

    Args:
        flows: at pixels that are believed to stand still in the world.
        threshold_px: displacement, in pixels.
    """
    still: list[bool] = []
    for flow, used in zip(flows.flows, flows.used, strict=True):
        if used.float().mean() > _LEAST_SHARE_USED:
            lengths = torch.linalg.vector_norm(flow[used].float(), dim=-1)
            still.append(bool(lengths.quantile(_PIXELS) < threshold_px))
    return bool(still) and sum(still) >= _PAIRS * len(still)


def camera_motion(
    c2w: Float[Tensor, "N 4 4"],
    depths: Float[Tensor, "N P"],
    focals: Float[Tensor, " N"],
    threshold_px: float,
) -> Motion:
    """What kind of motion a path is, by how far it moves things in the image.

    Args:
        c2w: world-from-camera.
        depths: z-depths, 0 = none.
        focals: pixels.
        threshold_px: displacements below this are noise.
    """
    focal = focals.max()
    known = depths[depths > 0]
    distance = known[:: max(1, len(known) // 2**20)].median() if len(known) else torch.ones(())
    centers = c2w[:, :3, 3]
    shift_px = focal * torch.cdist(centers, centers).max() / distance
    relative = c2w[0, :3, :3].mT @ c2w[:, :3, :3]
    # |R - I|_F = 2 sqrt(2) sin(angle / 2)
    turn = torch.linalg.matrix_norm(relative - torch.eye(3).to(c2w)) / 2**0.5
    turn_px = focal * turn.max()
    if shift_px >= threshold_px:
        return "general"
    return "rotation" if turn_px >= threshold_px else "static"
