"""RAFT: flow by recurrent look-ups in all-pairs correlations.

Attributes have the names of the published weight file, in which the normalisation of a strided block is found
twice, as `norm3` and as `downsample.1`.

Source: Z. Teed, J. Deng, "RAFT: Recurrent all-pairs field transforms for optical flow", 2020, figure 2 and
appendix.
"""

from collections.abc import Callable

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

Norm = Callable[[int], nn.Module]


class Raft(nn.Module):
    """The network of 5.3 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.fnet = Encoder(FEATURES, nn.InstanceNorm2d)
        self.cnet = Encoder(2 * HIDDEN, nn.BatchNorm2d)
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
            refinements: how many steps, at least 1.
            initial: a guess, in pixels of the features.
        """
        first, second = self.fnet(torch.cat([source, target])).chunk(2)
        pyramid = [correlation(first, second)]
        while len(pyramid) < LEVELS:
            pyramid.append(F.avg_pool2d(pyramid[-1], 2))
        hidden, context = self.cnet(source).chunk(2, dim=1)
        hidden, context = hidden.tanh(), context.relu()
        here = positions(first)
        flow = torch.zeros_like(first[:, :2]) if initial is None else initial
        for _ in range(refinements):
            seen = look_up(pyramid, here + flow, RADIUS)
            hidden, step = self.update_block(hidden, context, seen, flow)
            flow = flow + step
        return upsample(flow, 0.25 * self.update_block.mask(hidden))


class UpdateBlock(nn.Module):
    """One step: the motion so far moves the hidden state, which says how to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = MotionEncoder()
        self.gru = SeparableGru()
        self.flow_head = FlowHead()
        self.mask = upsampling_head(256)

    def forward(
        self,
        hidden: Float[Tensor, "B 128 H W"],
        context: Float[Tensor, "B 128 H W"],
        correlations: Float[Tensor, "B 324 H W"],
        flow: Float[Tensor, "B 2 H W"],
    ) -> tuple[Float[Tensor, "B 128 H W"], Float[Tensor, "B 2 H W"]]:
        """The next hidden state and what is added to the flow."""
        hidden = self.gru(hidden, torch.cat([context, self.encoder(flow, correlations)], dim=1))
        return hidden, self.flow_head(hidden)


class FlowHead(nn.Module):
    """From the hidden state to a step of the flow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(HIDDEN, 256, 3, padding=1)
        self.conv2 = nn.Conv2d(256, 2, 3, padding=1)

    def forward(self, hidden: Float[Tensor, "B 128 H W"]) -> Float[Tensor, "B 2 H W"]:
        """The step, in pixels of the features."""
        return self.conv2(F.relu(self.conv1(hidden)))


class SeparableGru(nn.Module):
    """A gated recurrent unit of 1 x 5 convolutions, then one of 5 x 1."""

    def __init__(self) -> None:
        super().__init__()
        for name, kernel, padding in (("1", (1, 5), (0, 2)), ("2", (5, 1), (2, 0))):
            for gate in "zrq":
                self.add_module(f"conv{gate}{name}", nn.Conv2d(3 * HIDDEN, HIDDEN, kernel, padding=padding))

    def forward(
        self, hidden: Float[Tensor, "B 128 H W"], x: Float[Tensor, "B 256 H W"]
    ) -> Float[Tensor, "B 128 H W"]:
        """The next hidden state."""
        for name in "12":
            update, reset, candidate = (self.get_submodule(f"conv{gate}{name}") for gate in "zrq")
            both = torch.cat([hidden, x], dim=1)
            share = update(both).sigmoid()
            kept = reset(both).sigmoid() * hidden
            hidden = (1 - share) * hidden + share * candidate(torch.cat([kept, x], dim=1)).tanh()
        return hidden


class Encoder(nn.Module):
    """Features at an eighth of the size: six residual blocks, three scales."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.norm1 = norm(64)
        self.layer1 = nn.Sequential(ResidualBlock(64, 64, norm), ResidualBlock(64, 64, norm))
        self.layer2 = nn.Sequential(ResidualBlock(64, 96, norm, stride=2), ResidualBlock(96, 96, norm))
        self.layer3 = nn.Sequential(ResidualBlock(96, 128, norm, stride=2), ResidualBlock(128, 128, norm))
        self.conv2 = nn.Conv2d(128, channels, 1)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C H/8 W/8"]:
        """Features of images in [-1, 1]."""
        x = F.relu(self.norm1(self.conv1(images)))
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, each normalised and rectified before they are added."""

    def __init__(self, channels_in: int, channels: int, norm: Norm, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1, self.norm2 = norm(channels), norm(channels)
        self.downsample = None
        if stride > 1:
            self.norm3 = norm(channels)
            self.downsample = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride=stride), self.norm3)

    def forward(self, x: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O h w"]:
        """The block's output, at half the size if it is strided."""
        y = F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(shortcut + y)
