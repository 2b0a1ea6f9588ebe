"""Which flow vectors the flow back confirms."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def sample(image: Float[Tensor, "H W C"], flow: Float[Tensor, "h w 2"]) -> Float[Tensor, "h w C"]:
    """Bilinear samples of a target image at the places where the pixels of a source frame go.

    Args:
        image: values at the target's pixels; its border is repeated outwards.
        flow: displacements (x, y) in pixels from the source's pixels.
    """
    height, width = image.shape[:2]
    columns = torch.arange(flow.shape[1], dtype=flow.dtype, device=flow.device)
    rows = torch.arange(flow.shape[0], dtype=flow.dtype, device=flow.device)[:, None]
    # grid_sample takes -1 and 1 for the outer edges of the image, whose pixel centres are at +0.5.
    x = (flow[..., 0] + columns + 0.5) * (2 / width) - 1
    y = (flow[..., 1] + rows + 0.5) * (2 / height) - 1
    grid = torch.stack([x, y], dim=-1)[None]
    source = image.permute(2, 0, 1)[None].to(flow.dtype)
    return F.grid_sample(source, grid, padding_mode="border", align_corners=False)[0].permute(1, 2, 0)


def inside(flow: Float[Tensor, "H W 2"], size: tuple[int, int] | None = None) -> Bool[Tensor, "H W"]:
    """True where a pixel's target lies between the centres of the target image's outermost pixels.

    Args:
        flow: displacements (x, y) in pixels.
        size: (width, height) of the target image, by default that of the source.
    """
    height, width = flow.shape[:2]
    target_width, target_height = size or (width, height)
    x = flow[..., 0] + torch.arange(width, dtype=flow.dtype, device=flow.device)
    y = flow[..., 1] + torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None]
    return (x >= 0) & (x <= target_width - 1) & (y >= 0) & (y <= target_height - 1)


def consistent(
    forward: Float[Tensor, "H W 2"],
    backward: Float[Tensor, "H W 2"],
    relative: float = 0.01,
    absolute_px2: float = 0.5,
) -> Bool[Tensor, "H W"]:
    """True where following the flow and then the flow back ends where it began; False off the target image.

    With f the forward flow at a pixel and b the backward flow where it leads, the test is
    |f + b|^2 < relative (|f|^2 + |b|^2) + absolute_px2.

    Args:
        forward: from the source to the target, in pixels.
        backward: from the target to the source, in pixels.
        relative: the part of the tolerance that grows with the motion.
        absolute_px2: the part that does not, in squared pixels.

    Source: N. Sundaram et al., "Dense point trajectories by GPU-accelerated large displacement optical flow",
    2010, eq. 5.
    """
    there = sample(backward, forward)
    gap = (forward + there).square().sum(-1)
    motion = forward.square().sum(-1) + there.square().sum(-1)
    return (gap < relative * motion + absolute_px2) & inside(forward)
