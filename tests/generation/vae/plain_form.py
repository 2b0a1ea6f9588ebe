"""The autoencoder written out module by module, the long way round: what `generation.vae` must equal.

Everything is there at once: whole sequences at every stage, all tokens in all layers of all reducers, padded
and stacked planes under grouped convolutions, one-hot channels of time, the product of six expanded planes, a
transposed convolution and an encoding of position at full resolution. Parameters bear the names of published
weights, so that a state dict of either form fits the other. There is no dropout.

Source: Bian et al., "DynamicCity: Large-Scale 4D Occupancy Generation from Dynamic Scenes", ICLR 2025,
sections 4.1 and 4.2.
"""

from collections.abc import Callable
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generation.vae.config import HexplaneVaeConfig

PLANES = ("xy", "xz", "yz", "tx", "ty", "tz")
SLOPE = 0.1

AttentionKernel = Callable[[Tensor, Tensor, Tensor], Tensor]


def softmax_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """[N, H, L, D] each; all scores are held at once."""
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    return scores.softmax(-1) @ value


class PlainVae(nn.Module):
    """Voxels to (mean, log-variance, scores)."""

    def __init__(self, config: HexplaneVaeConfig, attention: AttentionKernel = softmax_attention) -> None:
        super().__init__()
        self.encoder = PlainEncoder(config, attention)
        self.vae = PlainBottleneck(config.latent_channels)
        self.decoder = PlainDecoder(config)

    def forward(self, voxels: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        """The mean is decoded. Scores are [B, T, K, X, Y, Z]."""
        mean, log_variance = self.vae(self.encoder(voxels))
        return mean, log_variance, self.decoder(mean)


class PlainEncoder(nn.Module):
    """Voxels to six planes."""

    def __init__(self, config: HexplaneVaeConfig, attention: AttentionKernel) -> None:
        super().__init__()
        self.config = config
        channels = config.latent_channels
        self.embedding = nn.Embedding(config.num_classes, channels)
        self.voxel_encoder = FrameCnn(channels, channels, config.down)
        if config.separate_t_encoder:
            extra = config.frames if config.one_hot_time else 0
            self.t_encoder = FrameCnn(channels + extra, channels, config.down)
        kept = [*(["xyz"] if config.separate_t_reducer else []), *PLANES]
        tables = {axes: self._table_size(axes) for axes in kept}
        self.tokens = nn.ParameterDict({axes: nn.Parameter(torch.randn(1, 1, channels)) for axes in kept})
        self.pos_encodings = nn.ParameterDict(
            {axes: nn.Parameter(torch.randn(1, prod(tables[axes]) + 1, channels)) for axes in kept}
        )
        self.transformers = nn.ModuleDict({axes: PlainTransformer(config, attention) for axes in kept})
        self.convs = nn.ModuleDict({axes: _mixer(channels, len(axes)) for axes in kept})
        self.downsamplers = nn.ModuleList(PlaneDownsampler(config, plane) for plane in PLANES)

    def _table_size(self, kept: str) -> list[int]:
        """Lengths of the axes that a reducer removes, of the largest sequence."""
        config = self.config
        x, y, z = (size // 2**halved for size, halved in zip(config.spatial_size, config.down, strict=True))
        lengths = {"t": config.frames, "x": x, "y": y, "z": z}
        spatial = config.separate_t_reducer and kept in ("xy", "xz", "yz")
        return [lengths[axis] for axis in ("xyz" if spatial else "txyz") if axis not in kept]

    def forward(self, voxels: Tensor) -> dict[str, Tensor]:
        batch, frames = voxels.shape[:2]
        embedded = self.embedding(voxels.long()).permute(0, 1, 5, 2, 3, 4).flatten(0, 1)  # [B T, C, X, Y, Z]
        volume = self.voxel_encoder(embedded).unflatten(0, (batch, frames)).transpose(1, 2)
        timed = volume
        if self.config.separate_t_encoder:
            if self.config.one_hot_time:
                one_hot = torch.eye(self.config.frames).to(embedded)[:frames].repeat(batch, 1)
                one_hot = one_hot[:, :, None, None, None].expand(-1, -1, *embedded.shape[2:])
                embedded = torch.cat((embedded, one_hot), 1)
            timed = self.t_encoder(embedded).unflatten(0, (batch, frames)).transpose(1, 2)
        if self.config.separate_t_reducer:
            volume, axes = self._reduce(volume, "txyz", "xyz"), "xyz"
        else:
            axes = "txyz"
        planes = [self._reduce(volume, axes, plane) for plane in PLANES[:3]]
        planes += [self._reduce(timed, "txyz", plane) for plane in PLANES[3:]]
        return {
            name: down(plane) for name, plane, down in zip(PLANES, planes, self.downsamplers, strict=True)
        }

    def _reduce(self, volume: Tensor, axes: str, kept: str) -> Tensor:
        """[B, C, *axes] to [B, C, *kept]."""
        removed = [axis for axis in axes if axis not in kept]
        ordered = volume.permute(0, *(2 + axes.index(axis) for axis in (*kept, *removed)), 1)
        sizes = ordered.shape[1 + len(kept) : -1]
        tokens = ordered.flatten(1 + len(kept), -2).flatten(0, len(kept))  # [N, L, C]
        tokens = torch.cat((tokens, self.tokens[kept].expand(len(tokens), -1, -1)), 1)
        tokens = self.transformers[kept](tokens + self._positions(kept, sizes))
        plane = tokens[:, 0].view(*ordered.shape[: 1 + len(kept)], -1).movedim(-1, 1)
        return self.convs[kept](plane)

    def _positions(self, kept: str, sizes: torch.Size) -> Tensor:
        """The table's rows of the places that a sequence has, and of the learned token."""
        table = self.pos_encodings[kept]
        full = self._table_size(kept)
        places = torch.arange(prod(full)).view(full)[tuple(slice(size) for size in sizes)].flatten()
        return torch.cat((table[:, places], table[:, -1:]), 1)


class FrameCnn(nn.Module):
    """Frames to features at half their size."""

    def __init__(self, inputs: int, channels: int, down: tuple[int, int, int]) -> None:
        super().__init__()
        self.conv0 = _replicate_conv(inputs, channels)
        self.conv1 = _frame_block(channels)
        stages: list[nn.Module] = []
        for level in range(max(down)):
            stride = tuple(2 if halvings > level else 1 for halvings in down)
            halve = nn.Conv3d(channels, channels, stride, stride)  # pyright: ignore[reportArgumentType]
            stages += [nn.Sequential(halve, nn.InstanceNorm3d(channels)), _frame_block(channels)]
        self.down = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv0(x)
        x = x + self.conv1(x)
        for place, stage in enumerate(self.down):
            x = stage(x) if place % 2 == 0 else x + stage(x)
        return x


def _replicate_conv(inputs: int, outputs: int) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 3, padding=1, padding_mode="replicate")


def _frame_block(channels: int) -> nn.Sequential:
    return nn.Sequential(
        _replicate_conv(channels, channels), nn.InstanceNorm3d(channels), nn.LeakyReLU(SLOPE),
        _replicate_conv(channels, channels), nn.InstanceNorm3d(channels),
    )  # fmt: skip


def _mixer(channels: int, dimensions: int) -> nn.Sequential:
    conv = nn.Conv3d if dimensions == 3 else nn.Conv2d
    return nn.Sequential(conv(channels, channels, 1), nn.Tanh(), conv(channels, channels, 1))


class PlainTransformer(nn.Module):
    """All tokens through all layers."""

    def __init__(self, config: HexplaneVaeConfig, attention: AttentionKernel) -> None:
        super().__init__()
        channels = config.latent_channels
        self.layers = nn.ModuleList(
            nn.ModuleList(
                nn.Sequential(nn.LayerNorm(channels), block)
                for block in (
                    PlainAttention(channels, config.heads, attention),
                    PlainMlp(channels, config.mlp_channels),
                )
            )
            for _ in range(config.transformer_depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            for block in layer:  # pyright: ignore[reportGeneralTypeIssues]
                x = block(x) + x
        return x


class PlainAttention(nn.Module):
    """Queries, keys and values of all tokens from one linear layer."""

    def __init__(self, channels: int, heads: int, attention: AttentionKernel) -> None:
        super().__init__()
        self.heads = heads
        self.attention = attention
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(x).view(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.proj(self.attention(*qkv).transpose(1, 2).reshape(x.shape))


class PlainMlp(nn.Module):
    """Two linear layers."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class PlaneDownsampler(nn.Module):
    """Strided convolutions."""

    def __init__(self, config: HexplaneVaeConfig, plane: str) -> None:
        super().__init__()
        channels, halvings = config.latent_channels, _plane_halvings(config, plane)
        stages: list[nn.Module] = [nn.Identity()]
        for level in range(max(halvings)):
            stride = tuple(2 if count > level else 1 for count in halvings)
            last = level + 1 == max(halvings)
            conv = nn.Conv2d(channels, channels, stride, stride)  # pyright: ignore[reportArgumentType]
            stages.append(nn.Sequential(conv) if last else nn.Sequential(conv, nn.LeakyReLU(SLOPE)))
        self.down = nn.Sequential(*stages)

    def forward(self, plane: Tensor) -> Tensor:
        return self.down(plane)


def _plane_halvings(config: HexplaneVaeConfig, plane: str) -> list[int]:
    halvings = {"t": config.hex_down_t, **dict(zip("xyz", config.hex_down, strict=True))}
    return [halvings[axis] for axis in plane]


class PlainBottleneck(nn.Module):
    """Mean and log-variance of planes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc_mu_logvar = nn.ModuleList(nn.Linear(channels, 2 * channels) for _ in PLANES)

    def forward(self, planes: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        mean: dict[str, Tensor] = {}
        log_variance: dict[str, Tensor] = {}
        for plane, linear in zip(PLANES, self.fc_mu_logvar, strict=True):
            both = linear(planes[plane].permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            mean[plane], log_variance[plane] = both.chunk(2, 1)
        return mean, log_variance


class PlainDecoder(nn.Module):
    """Planes to scores of all voxels."""

    def __init__(self, config: HexplaneVaeConfig) -> None:
        super().__init__()
        self.hadamard = config.hadamard
        self.conv_block = StackedConvBlock(config.latent_channels, config.query_channels)
        self.hex_upsample_block = nn.ModuleList(PlaneUpsampler(config, plane) for plane in PLANES)
        self.voxel_decoder = PlainVoxelDecoder(config)

    def forward(self, planes: dict[str, Tensor]) -> Tensor:
        widened = self.conv_block(planes)
        xy, xz, yz, tx, ty, tz = (
            up(widened[plane]) for plane, up in zip(PLANES, self.hex_upsample_block, strict=True)
        )
        expanded = (
            xy[:, :, None, :, :, None], xz[:, :, None, :, None, :], yz[:, :, None, None, :, :],
            tx[:, :, :, :, None, None], ty[:, :, :, None, :, None], tz[:, :, :, None, None, :],
        )  # fmt: skip
        volume = expanded[0]
        for plane in expanded[1:]:
            volume = volume * plane if self.hadamard else volume + plane  # [B, Q, T, x, y, z]
        scores = self.voxel_decoder(volume.transpose(1, 2).flatten(0, 1), volume.shape[2])
        return scores.unflatten(0, (len(xy), -1))


class StackedConvBlock(nn.Module):
    """Grouped convolutions of stacks of three zero-padded planes."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.in_layers_h = nn.Conv2d(3 * inputs, 3 * outputs, 3, padding=1, groups=3)
        self.in_layers_t = nn.Conv2d(3 * inputs, 3 * outputs, 3, padding=1, groups=3)
        self.norms = nn.ModuleList(nn.InstanceNorm2d(outputs, eps=1e-6, affine=True) for _ in PLANES)
        self.out_layers_h = _silu_conv(outputs)
        self.out_layers_t = _silu_conv(outputs)
        self.shortcut_h = nn.Conv2d(3 * inputs, 3 * outputs, 1, groups=3)
        self.shortcut_t = nn.Conv2d(3 * inputs, 3 * outputs, 1, groups=3)

    def forward(self, planes: dict[str, Tensor]) -> dict[str, Tensor]:
        space, time = PLANES[:3], PLANES[3:]
        norms = dict(zip(PLANES, self.norms, strict=True))
        widened: dict[str, Tensor] = {}
        for names, first, second, shortcut in (
            (space, self.in_layers_h, self.out_layers_h, self.shortcut_h),
            (time, self.in_layers_t, self.out_layers_t, self.shortcut_t),
        ):
            sizes = [planes[name].shape[-2:] for name in names]
            stack = _stack([planes[name] for name in names])
            cropped = _crop(first(stack), sizes)
            normed = [norms[name](plane) for name, plane in zip(names, cropped, strict=True)]
            out = second(_stack(normed)) + shortcut(stack)
            widened |= dict(zip(names, _crop(out, sizes), strict=True))
        return widened


def _silu_conv(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.SiLU(), nn.Conv2d(3 * channels, 3 * channels, 3, padding=1, groups=3))


def _stack(planes: list[Tensor]) -> Tensor:
    height, width = (max(plane.shape[axis] for plane in planes) for axis in (2, 3))
    return torch.cat(
        [F.pad(plane, (0, width - plane.shape[3], 0, height - plane.shape[2])) for plane in planes], 1
    )


def _crop(stack: Tensor, sizes: list[torch.Size]) -> list[Tensor]:
    return [plane[:, :, :h, :w] for plane, (h, w) in zip(stack.chunk(3, 1), sizes, strict=True)]


class PlaneUpsampler(nn.Module):
    """A transposed convolution and a plain one."""

    def __init__(self, config: HexplaneVaeConfig, plane: str) -> None:
        super().__init__()
        channels = config.query_channels
        height, width = (2**count for count in _plane_halvings(config, plane))
        self.upsample = nn.Sequential(
            nn.ConvTranspose2d(channels, channels, (height, width), (height, width)),
            nn.InstanceNorm2d(channels),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.InstanceNorm2d(channels),
            nn.LeakyReLU(SLOPE),
        )

    def forward(self, plane: Tensor) -> Tensor:
        return self.upsample(plane)


class PlainVoxelDecoder(nn.Module):
    """Frames of the volume to scores."""

    def __init__(self, config: HexplaneVaeConfig) -> None:
        super().__init__()
        low, high, classes = config.hidden_low, config.hidden_high, config.num_classes
        self.pe_freq = config.pe_freq
        self.conv_in = nn.Sequential(nn.Conv3d(config.query_channels, low, 1), nn.LeakyReLU(SLOPE))
        self.conv_layers = nn.ModuleList((_voxel_block(low, 3), _voxel_block(low, 1)))
        x, y, z = (2**count for count in config.down)
        self.transpose_conv = nn.ConvTranspose3d(low, high, (x, y, z), (x, y, z))
        self.final_conv = nn.Sequential(
            nn.Conv3d(high + 8 * config.pe_freq, classes, 1),
            nn.InstanceNorm3d(classes),
            nn.LeakyReLU(SLOPE),
            nn.Conv3d(classes, classes, 1),
        )

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """[B T, Q, x, y, z] to [B T, K, X, Y, Z]."""
        x = self.conv_in(x)
        for layer in self.conv_layers:
            x = x + layer(x)
        x = self.transpose_conv(x)
        encoding = position_encoding((frames, *x.shape[2:]), self.pe_freq).to(x)
        encoding = encoding.repeat(len(x) // frames, 1, 1, 1, 1)
        return self.final_conv(torch.cat((x, encoding), 1))


def _voxel_block(channels: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels, channels, size, padding=size // 2), nn.InstanceNorm3d(channels),
        nn.LeakyReLU(SLOPE),
        nn.Conv3d(channels, channels, size, padding=size // 2), nn.InstanceNorm3d(channels),
        nn.LeakyReLU(SLOPE),
    )  # fmt: skip


def position_encoding(size: tuple[int, ...], octaves: int) -> Tensor:
    """[T, 8 octaves, X, Y, Z]: for each octave sines, then cosines, of 2^octave times t, x, y, z."""
    ranges = [torch.arange(length, dtype=torch.float64) for length in size]
    coordinates = torch.stack(torch.meshgrid(*ranges, indexing="ij"), 1)  # [T, 4, X, Y, Z]
    waves = [wave(2**octave * coordinates) for octave in range(octaves) for wave in (torch.sin, torch.cos)]
    return torch.cat(waves, 1) if waves else coordinates[:, :0]
