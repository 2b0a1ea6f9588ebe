"""SEA-RAFT (M): RAFT that starts from a flow it regresses directly, with ConvNeXt blocks as its memory.

Attributes have the names of the published weight file, in which the normalisation of a strided block is found
twice, as `bn3` and as `downsample.1`.

Source: Y. Wang et al., "SEA-RAFT: Simple, efficient, accurate RAFT for optical flow", 2024, section 3;
K. He et al., "Deep residual learning for image recognition", 2016, table 1 (ResNet-34); Z. Liu et al., "A
ConvNet for the 2020s", 2022, figure 4.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from dynamic_predictor.flow.corr import correlation, look_up
from dynamic_predictor.flow.layers import (
    FEATURES,
    HIDDEN,
    LEVELS,
    RADIUS,
    MotionEncoder,
    positions,
    upsample,
    upsampling_head,
)


class SeaRaft(nn.Module):
    """The network of 19.7 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.cnet = ResNet(6, 2 * HIDDEN)
        self.init_conv = nn.Conv2d(2 * HIDDEN, 2 * HIDDEN, 3, padding=1)
        self.upsample_weight = upsampling_head(2 * HIDDEN)
        # Two channels are the flow; four are a mixture of Laplace distributions that training needs.
        self.flow_head = nn.Sequential(
            nn.Conv2d(HIDDEN, 2 * HIDDEN, 3, padding=1), nn.ReLU(), nn.Conv2d(2 * HIDDEN, 6, 3, padding=1)
        )
        self.fnet = ResNet(3, FEATURES)
        self.update_block = UpdateBlock()

    def forward(
        self,
        source: Float[Tensor, "B 3 H W"],
        target: Float[Tensor, "B 3 H W"],
        refinements: int,
        initial: Float[Tensor, "B 2 H/8 W/8"] | None = None,
    ) -> Float[Tensor, "B 2 H W"]:
        """Displacements in pixels.

        Args:
            source: in [-1, 1]; sides are multiples of 8 and at least 64.
            target: likewise.
            refinements: how many steps after the regressed flow, at least 0.
            initial: a guess, in pixels of the features; the network's own by default.
        """
        context = self.init_conv(self.cnet(torch.cat([source, target], dim=1)))
        hidden, context = context.chunk(2, dim=1)
        flow = self.flow_head(hidden)[:, :2] if initial is None else initial
        pyramid = self._pyramid(source, target)
        here = positions(flow)
        for _ in range(refinements):
            seen = look_up(pyramid, here + flow, RADIUS)
            hidden = self.update_block(hidden, context, seen, flow)
            flow = flow + self.flow_head(hidden)[:, :2]
        return upsample(flow, 0.25 * self.upsample_weight(hidden))

    def _pyramid(
        self, source: Float[Tensor, "B 3 H W"], target: Float[Tensor, "B 3 H W"]
    ) -> list[Float[Tensor, "P 1 _h _w"]]:
        """Correlations with the target's features at scales 1, 1/2, 1/4, 1/8."""
        first, second = self.fnet(torch.cat([source, target])).chunk(2)
        pyramid = [correlation(first, second)]
        while len(pyramid) < LEVELS:
            second = F.interpolate(second, scale_factor=0.5, mode="bilinear")
            pyramid.append(correlation(first, second))
        return pyramid


class UpdateBlock(nn.Module):
    """One step of the hidden state."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = MotionEncoder()
        self.refine = nn.ModuleList([ConvNextBlock(), ConvNextBlock()])

    def forward(
        self,
        hidden: Float[Tensor, "B 128 H W"],
        context: Float[Tensor, "B 128 H W"],
        correlations: Float[Tensor, "B 324 H W"],
        flow: Float[Tensor, "B 2 H W"],
    ) -> Float[Tensor, "B 128 H W"]:
        """The next hidden state."""
        motion = self.encoder(flow, correlations)
        for block in self.refine:
            hidden = block(torch.cat([hidden, context, motion], dim=1))
        return hidden


class ConvNextBlock(nn.Module):
    """A ConvNeXt block from hidden state, context and motion to the hidden state's channels."""

    def __init__(self) -> None:
        super().__init__()
        channels = 3 * HIDDEN
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * HIDDEN)
        self.pwconv2 = nn.Linear(4 * HIDDEN, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 1e-6))
        self.final = nn.Conv2d(channels, HIDDEN, 1)

    def forward(self, x: Float[Tensor, "B 384 H W"]) -> Float[Tensor, "B 128 H W"]:
        """The next hidden state."""
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return self.final(x + y.permute(0, 3, 1, 2))


class ResNet(nn.Module):
    """Features at an eighth of the size: the first three stages of a ResNet-34, the first not strided."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, 64, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(3, 64, 64)
        self.layer2 = _stage(4, 64, 128)
        self.layer3 = _stage(6, 128, 256)
        self.final_conv = nn.Conv2d(256, channels, 1)

    def forward(self, images: Float[Tensor, "B I H W"]) -> Float[Tensor, "B C H/8 W/8"]:
        """Features of images in [-1, 1]."""
        x = F.relu(self.bn1(self.conv1(images)))
        return self.final_conv(self.layer3(self.layer2(self.layer1(x))))


def _stage(blocks: int, channels_in: int, channels: int) -> nn.Sequential:
    rest = (BasicBlock(channels, channels) for _ in range(blocks - 1))
    return nn.Sequential(BasicBlock(channels_in, channels), *rest)


class BasicBlock(nn.Module):
    """Two normalised convolutions beside a shortcut; strided where the channels change.

    Unlike ResNet's, the second is rectified before it is added, as in RAFT.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        stride = 1 if channels_in == channels else 2
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.downsample = None
        if stride > 1:
            self.bn3 = nn.BatchNorm2d(channels)
            self.downsample = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride=stride), self.bn3)

    def forward(self, x: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O h w"]:
        """The block's output, at half the size if it is strided."""
        y = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(shortcut + y)
