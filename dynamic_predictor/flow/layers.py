"""What RAFT and SEA-RAFT share: the motion encoder, convex upsampling, pixel positions.

Attributes have the names of the published weight files.

Source: Z. Teed, J. Deng, "RAFT: Recurrent all-pairs field transforms for optical flow", 2020.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

SCALE = 8
"""Pixels of the image in one of the features, along each side."""
LEVELS = 4
"""Of the correlation pyramid."""
RADIUS = 4
"""Of the window that is looked up, in pixels of each level."""
FEATURES = 256
"""Channels of the features that are correlated."""
HIDDEN = 128
"""Channels of the hidden state, of the context, and of the motion."""


class MotionEncoder(nn.Module):
    """Correlation windows and flow as 126 channels, and the flow itself."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(LEVELS * (2 * RADIUS + 1) ** 2, 256, 1)
        self.convc2 = nn.Conv2d(256, 192, 3, padding=1)
        self.convf1 = nn.Conv2d(2, 128, 7, padding=3)
        self.convf2 = nn.Conv2d(128, 64, 3, padding=1)
        self.conv = nn.Conv2d(192 + 64, HIDDEN - 2, 3, padding=1)

    def forward(
        self, flow: Float[Tensor, "B 2 H W"], correlations: Float[Tensor, "B 324 H W"]
    ) -> Float[Tensor, "B 128 H W"]:
        """Features of the motion so far."""
        seen = F.relu(self.convc2(F.relu(self.convc1(correlations))))
        moved = F.relu(self.convf2(F.relu(self.convf1(flow))))
        return torch.cat([F.relu(self.conv(torch.cat([seen, moved], dim=1))), flow], dim=1)


def upsampling_head(channels: int) -> nn.Sequential:
    """The layers whose output, times 1/4, are the logits of `upsample`."""
    return nn.Sequential(
        nn.Conv2d(HIDDEN, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, 9 * SCALE**2, 1)
    )


def upsample(
    flow: Float[Tensor, "B 2 H W"], logits: Float[Tensor, "B 576 H W"]
) -> Float[Tensor, "B 2 8*H 8*W"]:
    """A flow at eight times the size, in pixels of that size.

    Every fine pixel is a convex combination of the 3 x 3 coarse ones about it, which are 0 off the image.

    Args:
        flow: in coarse pixels.
        logits: of the combinations' weights, neighbours first, then the rows and columns of the fine pixels.

    Source: RAFT, section 3.3.
    """
    batch, _, height, width = flow.shape
    weights = logits.view(batch, 1, 9, SCALE, SCALE, height, width).softmax(dim=2)
    neighbors = F.unfold(SCALE * flow, 3, padding=1).view(batch, 2, 9, 1, 1, height, width)
    fine = (weights * neighbors).sum(dim=2)
    return fine.permute(0, 1, 4, 2, 5, 3).reshape(batch, 2, SCALE * height, SCALE * width)


def positions(features: Float[Tensor, "B C H W"]) -> Float[Tensor, "1 2 H W"]:
    """(x, y) of the features' pixels, the first at 0."""
    height, width = features.shape[2:]
    x = torch.arange(width, dtype=features.dtype, device=features.device)
    y = torch.arange(height, dtype=features.dtype, device=features.device)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None]
