"""A 3-D convolutional network that sees one frame at a time."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

SLOPE = 0.1
"""Of every LeakyReLU of the autoencoder below zero."""

CHUNK_VOXELS = 2**17
"""Voxels worked on at a time: with 16 channels a few megabytes, which stay in a processor's cache."""


def frames_at_a_time(size: torch.Size | tuple[int, ...]) -> int:
    """How many frames of `size` voxels make a chunk."""
    return max(1, CHUNK_VOXELS // math.prod(size))


class ReplicateConv3d(nn.Conv3d):
    """A 3x3x3 convolution that continues the frame beyond its border by its outermost voxels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3)

    def forward(self, input: Float[Tensor, "N Cin X Y Z"]) -> Float[Tensor, "N Cout X Y Z"]:
        """The convolved frames, of the same size."""
        return F.conv3d(pad(input), self.weight, self.bias)


def pad(features: Float[Tensor, "N C X Y Z"]) -> Float[Tensor, "N C X2 Y2 Z2"]:
    """One more voxel at each border, equal to the outermost."""
    return F.pad(features, (1,) * 6, mode="replicate")


class Residual(nn.Sequential):
    """Modules one after the other, and what went into the first added to what comes out of the last."""

    def forward(self, input: Float[Tensor, "N C X Y Z"]) -> Float[Tensor, "N C X Y Z"]:
        """The sum."""
        return input + super().forward(input)


def _residual(channels: int) -> Residual:
    return Residual(
        ReplicateConv3d(channels, channels),
        nn.InstanceNorm3d(channels),
        nn.LeakyReLU(SLOPE, inplace=True),
        ReplicateConv3d(channels, channels),
        nn.InstanceNorm3d(channels),
    )


class FrameEncoder(nn.Module):
    """Embedded voxels of single frames to features at a lower resolution.

    Args:
        channels: of the embedding and of all features.
        frames: how many frames it can tell apart by one-hot channels; 0 = none.
        down: halvings of x, y, z.

    Source: DynamicCity, section 4.1.
    """

    def __init__(self, channels: int, frames: int, down: tuple[int, int, int]) -> None:
        super().__init__()
        self.channels = channels
        self.conv0 = ReplicateConv3d(channels + frames, channels)
        self.conv1 = _residual(channels)
        stages: list[nn.Module] = []
        for level in range(max(down)):
            x, y, z = (2 if halvings > level else 1 for halvings in down)
            strided = nn.Conv3d(channels, channels, (x, y, z), (x, y, z))
            stages += [nn.Sequential(strided, nn.InstanceNorm3d(channels)), _residual(channels)]
        self.down = nn.Sequential(*stages)

    def forward(self, padded: Float[Tensor, "N C X2 Y2 Z2"], times: list[int]) -> Float[Tensor, "N C x y z"]:
        """Features of some frames.

        Args:
            padded: embedded frames, as `pad` gives them.
            times: the number of each frame in its sequence.
        """
        x = F.conv3d(padded, self.conv0.weight[:, : self.channels], self.conv0.bias)
        if self.conv0.in_channels > self.channels:
            # One-hot channels are constant over a frame and its border: all they give is a bias. Where frames
            # are halved, the norm after it takes that away again.
            bias = self.conv0.weight[:, self.channels :].sum((2, 3, 4)).T
            x = x + bias[times].view(len(times), -1, 1, 1, 1).to(x)
        return self.down(self.conv1(x))
