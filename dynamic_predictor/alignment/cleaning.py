"""Confidence is taken from points that stand in front of what another frame sees with more confidence."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.geometry import invert_se3
from dynamic_predictor.alignment.pointmaps import pixel_grid

_TOLERANCE = 1e-3


def cleaned_confidences(
    depths: Float[Tensor, "N H W"],
    confidences: Float[Tensor, "N H W"],
    c2w: Float[Tensor, "N 4 4"],
    focals: Float[Tensor, " N"],
    *,
    window: int | None = None,
    center: float = 0.5,
    tolerance: float = _TOLERANCE,
) -> Float[Tensor, "N H W"]:
    """Confidences, 0 where a point hides a surface that another camera is surer of.

    Frame by frame, a point loses its confidence if it lies in front of another frame's depth by more than the
    tolerance, and that frame's confidence there is higher. Frames that were done before judge with what
    they have kept.

    Args:
        depths: z-depths.
        confidences: at least 0.
        c2w: world-from-camera.
        focals: pixels.
        window: frames before and after that judge; None for all.
        center: where the centre of the first pixel is.
        tolerance: share of the depth.

    Source: S. Wang et al., "DUSt3R", 2024 (post-processing of its global alignment).
    """
    cleaned = confidences.clone()
    frames, height, width = depths.shape
    pixels = pixel_grid(height, width, center=center, dtype=depths.dtype)
    w2c = invert_se3(c2w)
    middle = torch.tensor([width / 2, height / 2]).to(depths) - center
    for i in range(frames):
        reach = frames if window is None else window
        points = _world_points(depths[i], c2w[i], focals[i], pixels)
        in_front = torch.zeros(height * width, dtype=torch.bool)
        for j in range(max(0, i - reach), min(frames, i + reach + 1)):
            if i != j:
                seen = points @ w2c[j, :3, :3].mT + w2c[j, :3, 3]
                in_front |= _hides(
                    seen, focals[j], middle, depths[j], cleaned[j], cleaned[i].reshape(-1), 1 - tolerance
                )
        cleaned[i].view(-1)[in_front] = 0
    return cleaned


def _hides(
    seen: Float[Tensor, "P 3"],
    focal: Float[Tensor, ""],
    middle: Float[Tensor, "2"],
    depths: Float[Tensor, "H W"],
    confidences: Float[Tensor, "H W"],
    own: Float[Tensor, " P"],
    share: float,
) -> Bool[Tensor, " P"]:
    """Whether points, in another camera's axes, stand before what it is surer of."""
    height, width = depths.shape
    z = seen[:, 2]
    # Behind the camera the quotient means nothing; the conversion to integers needs it to be finite.
    at = (focal * seen[:, :2] / z.clamp_min(1e-12)[:, None] + middle).round().clamp(-1, max(height, width))
    columns, rows = at.to(torch.int64).unbind(dim=1)
    inside = (z > 0) & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    index = torch.where(inside, rows * width + columns, 0)
    behind, surer = depths.reshape(-1)[index], confidences.reshape(-1)[index]
    return inside & (z < share * behind) & (own < surer)


def _world_points(
    depth: Float[Tensor, "H W"],
    c2w: Float[Tensor, "4 4"],
    focal: Float[Tensor, ""],
    pixels: Float[Tensor, "P 2"],
) -> Float[Tensor, "P 3"]:
    z = depth.reshape(-1, 1)
    return torch.cat([z * pixels / focal, z], dim=-1) @ c2w[:3, :3].mT + c2w[:3, 3]
