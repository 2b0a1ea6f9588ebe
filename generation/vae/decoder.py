"""Six planes to voxels: the expansion and squeeze strategy."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from generation.rollout import PLANES, SPATIAL, TEMPORAL
from generation.vae.config import HexplaneVaeConfig
from generation.vae.frame_encoder import SLOPE, Residual, frames_at_a_time
from generation.vae.norms import InstanceNorm2d, InstanceNorm3d

Planes = Mapping[str, Tensor]
"""By name, [B, C, h, w] each."""


class Decoder(nn.Module):
    """Planes are widened, multiplied into a volume, and squeezed into classes frame by frame.

    Args:
        config: sizes.

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

    Args:
        inputs: channels of the planes.
        outputs: channels of the widened planes.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.in_layers_h, self.in_layers_t = (_PlaneConvs(inputs, outputs, 3) for _ in range(2))
        self.norms = nn.ModuleList(InstanceNorm2d(outputs, eps=1e-6, affine=True) for _ in PLANES)
        zeroed = [_PlaneConvs(outputs, outputs, 3) for _ in range(2)]
        for convs in zeroed:
            nn.init.zeros_(convs.weight)
            nn.init.zeros_(convs.bias)
        self.out_layers_h, self.out_layers_t = (nn.Sequential(_PlaneSilu(), convs) for convs in zeroed)
        self.shortcut_h, self.shortcut_t = (_PlaneConvs(inputs, outputs, 1) for _ in range(2))

    def forward(self, planes: Planes) -> dict[str, Float[Tensor, "B Q h w"]]:
        """The widened planes, at the same sizes."""
        norms = dict(zip(PLANES, self.norms, strict=True))
        widened: dict[str, Tensor] = {}
        for names, first, second, shortcut in (
            (SPATIAL, self.in_layers_h, self.out_layers_h, self.shortcut_h),
            (TEMPORAL, self.in_layers_t, self.out_layers_t, self.shortcut_t),
        ):
            given = [planes[name] for name in names]
            hidden = [norms[name](plane) for name, plane in zip(names, first(given), strict=True)]
            for name, residual, kept in zip(names, second(hidden), shortcut(given), strict=True):
                widened[name] = residual + kept
        return widened


class _PlaneConvs(nn.Module):
    """Convolutions of three planes, each with weights of its own.

    The published weights hold them as the groups of one convolution over planes that are stacked and padded
    to one size; as padding and border are both zero, each plane can be convolved at its own size.
    """

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        grouped = nn.Conv2d(3 * inputs, 3 * outputs, size, groups=3)
        self.weight, self.bias = grouped.weight, grouped.get_parameter("bias")

    def forward(self, planes: Sequence[Float[Tensor, "B C _ _"]]) -> list[Float[Tensor, "B Q _ _"]]:
        weights_and_biases = zip(self.weight.chunk(3), self.bias.chunk(3), strict=True)
        return [
            F.conv2d(plane, weight, bias, padding=weight.shape[-1] // 2)
            for plane, (weight, bias) in zip(planes, weights_and_biases, strict=True)
        ]


class _PlaneSilu(nn.Module):
    """Of each plane."""

    def forward(self, planes: Sequence[Tensor]) -> list[Tensor]:
        return [F.silu(plane) for plane in planes]


class _Upsampler(nn.Module):
    """Undoes the halvings of a plane."""

    def __init__(self, config: HexplaneVaeConfig, plane: str) -> None:
        super().__init__()
        channels = config.query_channels
        rows, columns = (2 ** config.plane_halvings(axis) for axis in plane)
        self.upsample = nn.Sequential(
            nn.ConvTranspose2d(channels, channels, (rows, columns), (rows, columns)),
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
        self.conv_layers = nn.Sequential(_conv_layer(low, 3), _conv_layer(low, 1))
        x, y, z = (2**halvings for halvings in config.down)
        self.transpose_conv = nn.ConvTranspose3d(low, high, (x, y, z), (x, y, z))
        classes = config.num_classes
        self.final_conv = nn.Sequential(
            nn.Conv3d(high + 8 * config.pe_freq, classes, 1),
            InstanceNorm3d(classes),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv3d(classes, classes, 1),
        )

    def hidden(self, features: Float[Tensor, "N Q x y z"]) -> Float[Tensor, "N L x y z"]:
        """Features after the residual layers, at the planes' resolution."""
        return self.conv_layers(self.conv_in(features))

    def scores(
        self, hidden: Float[Tensor, "N L x y z"], encoding: Float[Tensor, "K X Y Z"]
    ) -> Float[Tensor, "N K X Y Z"]:
        """Scores of the classes.

        Args:
            hidden: as `hidden` gives it.
            encoding: as `encoding` gives it.
        """
        of_features, _ = self._first_weights()
        weight = torch.einsum("lhxyz,kh->lkxyz", self.transpose_conv.weight, of_features)
        x = _spread(hidden, weight) + encoding
        return self.final_conv[1:](x)

    def encoding(self, hidden: Float[Tensor, "N L x y z"]) -> Float[Tensor, "K X Y Z"]:
        """What the first convolution at full resolution makes of the positions of a frame's voxels.

        Of sines and cosines of the integer coordinates t, x, y, z, octave by octave, those of t are constant
        over a frame and left out.
        """
        _, of_waves = self._first_weights()
        weight = of_waves.unflatten(1, (self.pe_freq, 2, 4))
        octaves = 2.0 ** torch.arange(self.pe_freq, device=weight.device, dtype=weight.dtype)
        terms: list[Tensor] = []
        for axis, stride in enumerate(self.transpose_conv.stride):
            length = hidden.shape[2 + axis] * stride
            angles = octaves[:, None] * torch.arange(length, device=weight.device, dtype=weight.dtype)
            waves = torch.stack((angles.sin(), angles.cos()), 1)  # [octave, sine or cosine, place]
            terms.append(torch.einsum("kfw,fwn->kn", weight[..., 1 + axis], waves))
        x, y, z = terms
        return x[:, :, None, None] + y[:, None, :, None] + z[:, None, None, :]

    def _first_weights(self) -> tuple[Float[Tensor, "K H"], Float[Tensor, "K W"]]:
        """What the first convolution at full resolution has for features, and for the encoding."""
        high = self.transpose_conv.out_channels
        weight = self.final_conv.get_parameter("0.weight").flatten(1)
        return weight[:, :high], weight[:, high:]


def _spread(
    low: Float[Tensor, "N L x y z"], weight: Float[Tensor, "L K a b c"]
) -> Float[Tensor, "N K X Y Z"]:
    """A transposed convolution whose stride is its size: a product, and its values put in their places."""
    kernel = weight.flatten(1).T[..., None, None, None]  # [K a b c, L]
    _, classes, a, b, c = weight.shape
    spread = F.conv3d(low, kernel).unflatten(1, (classes, a, b, c))
    count, _, _, _, _, x, y, z = spread.shape
    return spread.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(count, classes, x * a, y * b, z * c)


def _conv_layer(channels: int, size: int) -> Residual:
    return Residual(
        nn.Conv3d(channels, channels, size, padding=size // 2),
        InstanceNorm3d(channels),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv3d(channels, channels, size, padding=size // 2),
        InstanceNorm3d(channels),
        nn.LeakyReLU(SLOPE, inplace=True),
    )
