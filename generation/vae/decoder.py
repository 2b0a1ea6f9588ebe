"""Six planes to voxels: the expansion and squeeze strategy."""

from collections.abc import Iterator, Mapping
from itertools import product

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from generation.rollout import PLANES, SPATIAL, TEMPORAL
from generation.vae.config import HexplaneVaeConfig
from generation.vae.frame_encoder import SLOPE, frames_at_a_time
from generation.vae.norms import InstanceNorm2d, InstanceNorm3d

Planes = Mapping[str, Tensor]


class Decoder(nn.Module):
    """Planes are widened, multiplied into a volume, and squeezed into classes frame by frame.

    Source: DynamicCity, section 4.1 (expansion and squeeze strategy).
    """

    def __init__(self, config: HexplaneVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.conv_block = PlaneConvBlock(config.latent_channels, config.query_channels)
        self.hex_upsample_block = nn.ModuleList(_Upsampler(config, plane) for plane in PLANES)
        self.voxel_decoder = VoxelDecoder(config)

    def forward(self, planes: Planes) -> Iterator[Float[Tensor, "N K X Y Z"]]:
        """Scores of the classes, some frames at a time; frames of the first sequence come first."""
        widened = self.conv_block(planes)
        upsampled = {
            plane: up(widened[plane]) for plane, up in zip(PLANES, self.hex_upsample_block, strict=True)
        }
        encoding: Tensor | None = None
        for features in self._volumes(upsampled):
            hidden = self.voxel_decoder.hidden(features)
            if encoding is None:
                encoding = self.voxel_decoder.encoding(hidden)
            yield self.voxel_decoder.scores(hidden, encoding)

    def _volumes(self, planes: Planes) -> Iterator[Float[Tensor, "N Q x y z"]]:
        """The planes' product in space and time, some frames at a time."""
        combine = torch.mul if self.config.hadamard else torch.add
        xy, xz, yz = (planes[plane] for plane in SPATIAL)
        space = combine(combine(xy[..., None], xz[..., :, None, :]), yz[..., None, :, :])
        step = frames_at_a_time(space.shape[2:])
        tx, ty, tz = (planes[plane].transpose(1, 2) for plane in TEMPORAL)  # [B, T, Q, length]
        for row, first in product(range(len(space)), range(0, tx.shape[1], step)):
            some = slice(first, first + step)
            time = combine(tx[row, some, :, :, None, None], ty[row, some, :, None, :, None])
            yield combine(combine(space[row], time), tz[row, some, :, None, None, :])


class PlaneConvBlock(nn.Module):
    """A residual block of 2-D convolutions that widens each plane on its own.

    The published weights hold the three planes of space, and those of time, stacked as groups of one
    convolution over padded planes; as padding and border are both zero, each plane can be convolved at its
    own size.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.in_layers_h = nn.Conv2d(3 * inputs, 3 * outputs, 3, padding=1, groups=3)
        self.in_layers_t = nn.Conv2d(3 * inputs, 3 * outputs, 3, padding=1, groups=3)
        self.norms = nn.ModuleList(InstanceNorm2d(outputs, eps=1e-6, affine=True) for _ in PLANES)
        self.out_layers_h = nn.Sequential(
            nn.SiLU(), nn.Conv2d(3 * outputs, 3 * outputs, 3, padding=1, groups=3)
        )
        self.out_layers_t = nn.Sequential(
            nn.SiLU(), nn.Conv2d(3 * outputs, 3 * outputs, 3, padding=1, groups=3)
        )
        self.shortcut_h = nn.Conv2d(3 * inputs, 3 * outputs, 1, groups=3)
        self.shortcut_t = nn.Conv2d(3 * inputs, 3 * outputs, 1, groups=3)
        for zeroed in (self.out_layers_h[1], self.out_layers_t[1]):
            nn.init.zeros_(zeroed.weight)
            nn.init.zeros_(zeroed.bias)

    def forward(self, planes: Planes) -> dict[str, Float[Tensor, "B Q h w"]]:
        """The widened planes, at the same sizes."""
        space = (self.in_layers_h, self.out_layers_h[1], self.shortcut_h)
        time = (self.in_layers_t, self.out_layers_t[1], self.shortcut_t)
        widened: dict[str, Tensor] = {}
        for number, (plane, norm) in enumerate(zip(PLANES, self.norms, strict=True)):
            first, second, shortcut = space if plane in SPATIAL else time
            hidden = norm(_group(first, number % 3, planes[plane]))
            widened[plane] = _group(second, number % 3, F.silu(hidden)) + _group(
                shortcut, number % 3, planes[plane]
            )
        return widened


def _group(conv: nn.Module, group: int, plane: Tensor) -> Tensor:
    """What one group of a grouped convolution makes of its plane."""
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    weight, bias = (each.chunk(conv.groups)[group] for each in (conv.weight, conv.bias))
    return F.conv2d(plane, weight, bias, padding=conv.padding)  # pyright: ignore[reportArgumentType]


class _Upsampler(nn.Module):
    """Undoes the halvings of a plane."""

    def __init__(self, config: HexplaneVaeConfig, plane: str) -> None:
        super().__init__()
        channels = config.query_channels
        stride = tuple(2 ** config.plane_halvings(axis) for axis in plane)
        self.upsample = nn.Sequential(
            nn.ConvTranspose2d(channels, channels, stride, stride),
            InstanceNorm2d(channels),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
            InstanceNorm2d(channels),
            nn.LeakyReLU(SLOPE, inplace=True),
        )

    def forward(self, plane: Float[Tensor, "B Q h w"]) -> Float[Tensor, "B Q h2 w2"]:
        """The larger plane."""
        return self.upsample(plane)


class VoxelDecoder(nn.Module):
    """Features of single frames to scores of the classes at full resolution.

    Two shortcuts leave the result as the published layers define it. A transposed convolution whose stride is
    its size, followed by a 1x1x1 convolution, is one transposed convolution with the product of both weights:
    the widest tensor at full resolution has as many channels as there are classes, not 32 + 24. And what
    is constant over a frame (biases, the encoding of time) is taken away again by the norm that follows.
    """

    def __init__(self, config: HexplaneVaeConfig) -> None:
        super().__init__()
        low, high = config.hidden_low, config.hidden_high
        self.pe_freq = config.pe_freq
        self.conv_in = nn.Sequential(
            nn.Conv3d(config.query_channels, low, 1), nn.LeakyReLU(SLOPE, inplace=True)
        )
        self.conv_layers = nn.ModuleList((_conv_layer(low, 3), _conv_layer(low, 1)))
        stride = tuple(2**halvings for halvings in config.down)
        self.transpose_conv = nn.ConvTranspose3d(low, high, stride, stride)
        classes = config.num_classes
        self.final_conv = nn.Sequential(
            nn.Conv3d(high + 8 * config.pe_freq, classes, 1),
            InstanceNorm3d(classes),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv3d(classes, classes, 1),
        )

    def hidden(self, features: Float[Tensor, "N Q x y z"]) -> Float[Tensor, "N L x y z"]:
        """Features after the residual layers, at the planes' resolution."""
        x = self.conv_in(features)
        for layer in self.conv_layers:
            x = x + layer(x)
        return x

    def scores(
        self, hidden: Float[Tensor, "N L x y z"], encoding: Float[Tensor, "K X Y Z"]
    ) -> Float[Tensor, "N K X Y Z"]:
        """Scores of the classes.

        Args:
            hidden: as `hidden` gives it.
            encoding: as `encoding` gives it.
        """
        up, first = self.transpose_conv, self.final_conv[0]
        weight = torch.einsum("lhxyz,kh->lkxyz", up.weight, first.weight[:, : up.out_channels, 0, 0, 0])
        x = _spread(hidden, weight) + encoding
        return self.final_conv[1:](x)

    def encoding(self, hidden: Float[Tensor, "N L x y z"]) -> Float[Tensor, "K X Y Z"]:
        """What the first convolution at full resolution makes of the positions of a frame's voxels.

        Of sines and cosines of the integer coordinates t, x, y, z, octave by octave, those of t are constant
        over a frame and left out.
        """
        up, first = self.transpose_conv, self.final_conv[0]
        weight = first.weight[:, up.out_channels :, 0, 0, 0].unflatten(1, (self.pe_freq, 2, 4))
        octaves = 2.0 ** torch.arange(self.pe_freq, device=weight.device, dtype=weight.dtype)
        total: Tensor | None = None
        for axis in range(3):
            length = hidden.shape[2 + axis] * int(up.stride[axis])
            angles = octaves[:, None] * torch.arange(length, device=weight.device, dtype=weight.dtype)
            waves = torch.stack((angles.sin(), angles.cos()), 1)  # [octave, sine or cosine, place]
            term = torch.einsum("kfw,fwn->kn", weight[..., 1 + axis], waves)
            term = term.view(-1, *(length if axis == other else 1 for other in range(3)))
            total = term if total is None else total + term
        assert total is not None
        return total


def _spread(
    low: Float[Tensor, "N L x y z"], weight: Float[Tensor, "L K a b c"]
) -> Float[Tensor, "N K X Y Z"]:
    """A transposed convolution whose stride is its size: a product, and its values put in their places."""
    kernel = weight.flatten(1).T[..., None, None, None]  # [K a b c, L]
    _, classes, a, b, c = weight.shape
    spread = F.conv3d(low, kernel).unflatten(1, (classes, a, b, c))
    count, _, _, _, _, x, y, z = spread.shape
    return spread.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(count, classes, x * a, y * b, z * c)


def _conv_layer(channels: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels, channels, size, padding=size // 2),
        InstanceNorm3d(channels),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv3d(channels, channels, size, padding=size // 2),
        InstanceNorm3d(channels),
        nn.LeakyReLU(SLOPE, inplace=True),
    )
