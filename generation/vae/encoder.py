"""Occupancy sequences to six planes."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from generation.rollout import AXES, PLANES, SPATIAL, TEMPORAL
from generation.vae.attention import Transformer
from generation.vae.config import HexplaneVaeConfig
from generation.vae.first_weights import keep_variance
from generation.vae.frame_encoder import SLOPE, FrameEncoder, frames_at_a_time, pad

Voxels = Int[Tensor, "B T X Y Z"] | UInt8[Tensor, "B T X Y Z"]
"""Classes of voxels."""


class Encoder(nn.Module):
    """Frame by frame to features, then each plane by attention along the axes that it lacks.

    Args:
        config: sizes.

    Source: DynamicCity, section 4.1 (projection module).
    """

    def __init__(self, config: HexplaneVaeConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.latent_channels
        self.embedding = nn.Embedding(config.num_classes, channels)
        self.voxel_encoder = FrameEncoder(channels, 0, config.down)
        if config.separate_t_encoder:
            self.t_encoder = FrameEncoder(channels, config.frames if config.one_hot_time else 0, config.down)
        outputs = ("xyz", *PLANES) if config.separate_t_reducer else PLANES
        self.tokens = _parameters(dict.fromkeys(outputs, (1, 1, channels)))
        self.pos_encodings = _parameters({kept: (1, _tokens(config, kept) + 1, channels) for kept in outputs})
        self.transformers = nn.ModuleDict(
            {
                kept: Transformer(
                    channels, config.transformer_depth, config.heads, config.mlp_channels, config.dropout
                )
                for kept in outputs
            }
        )
        self.convs = nn.ModuleDict({kept: _mixer(channels, len(kept)) for kept in outputs})
        self.downsamplers = nn.ModuleList(_Downsampler(config, plane) for plane in PLANES)

    def forward(self, voxels: Voxels) -> dict[str, Float[Tensor, "B C h w"]]:
        """The six planes, before the bottleneck."""
        volume, timed = self._features(voxels)
        planes: dict[str, Tensor] = {}
        axes = "txyz"
        if self.config.separate_t_reducer:
            volume, axes = self._reduce(volume, axes, "xyz").movedim(1, -1), "xyz"
        for plane in SPATIAL:
            planes[plane] = self._reduce(volume, axes, plane)
        for plane in TEMPORAL:
            planes[plane] = self._reduce(timed, "txyz", plane)
        return {plane: down(planes[plane]) for plane, down in zip(PLANES, self.downsamplers, strict=True)}

    def _features(self, voxels: Voxels) -> tuple[Float[Tensor, "B T x y z C"], Float[Tensor, "B T x y z C"]]:
        """What the two frame encoders see; channels last, as attention wants them."""
        batch, frames = voxels.shape[:2]
        volume: list[Tensor] = []
        timed: list[Tensor] = []
        for chunk, times in _chunks(voxels):
            padded = pad(self.embedding(chunk.int()).movedim(-1, 1).contiguous())
            volume.append(self.voxel_encoder(padded, times).movedim(1, -1))
            if self.config.separate_t_encoder:
                timed.append(self.t_encoder(padded, times).movedim(1, -1))
        stacked = torch.cat(volume).unflatten(0, (batch, frames))
        return stacked, torch.cat(timed).unflatten(0, (batch, frames)) if timed else stacked

    def _reduce(self, features: Tensor, axes: str, kept: str) -> Tensor:
        """Keep some axes of [B, *axes, C]; the others become a sequence, of which one token remains."""
        removed = [axis for axis in axes if axis not in kept]
        order = [1 + axes.index(axis) for axis in (*kept, *removed)]
        features = features.permute(0, *order, -1)
        kept_sizes, removed_sizes = features.shape[1 : 1 + len(kept)], features.shape[1 + len(kept) : -1]
        sequence = features.reshape(-1, removed_sizes.numel(), features.shape[-1])
        positions, last = self._positions(kept, removed, removed_sizes)
        token = (self.tokens[kept] + last).expand(len(sequence), -1, -1)
        sequence = torch.cat((sequence + positions, token.to(sequence)), 1)
        # The first of the removed tokens is read out, not the learned one: so the published weights have it.
        reduced = self.transformers[kept](sequence)
        reduced = reduced.view(features.shape[0], *kept_sizes, -1).movedim(-1, 1)
        return self.convs[kept](reduced)

    def _positions(
        self, kept: str, removed: list[str], sizes: torch.Size
    ) -> tuple[Float[Tensor, "1 L C"], Float[Tensor, "1 1 C"]]:
        """The positional table of a sequence, and the learned token's; a shorter one takes its corner."""
        table = self.pos_encodings[kept]
        volume = self.config.volume
        grid = table[0, :-1].unflatten(0, [volume[axis] for axis in removed])
        for axis, size in enumerate(sizes):
            grid = grid.narrow(axis, 0, size)
        return grid.reshape(1, sizes.numel(), -1), table[:, -1:]


def _tokens(config: HexplaneVaeConfig, kept: str) -> int:
    """How many tokens a reducer that keeps some axes is given, beside the learned one."""
    spatial_plane = config.separate_t_reducer and kept in SPATIAL
    length = 1
    for axis in AXES:
        if axis not in kept and not (spatial_plane and axis == "t"):
            length *= config.volume[axis]
    return length


def _chunks(voxels: Voxels) -> Iterator[tuple[Int[Tensor, "N X Y Z"] | UInt8[Tensor, "N X Y Z"], list[int]]]:
    """Frames of all sequences, some at a time, and the number of each in its sequence."""
    frames = voxels.flatten(0, 1)
    step = frames_at_a_time(frames.shape[1:])
    for first in range(0, len(frames), step):
        chunk = frames[first : first + step]
        yield chunk, [(first + row) % voxels.shape[1] for row in range(len(chunk))]


def _parameters(shapes: dict[str, tuple[int, ...]]) -> nn.ParameterDict:
    return nn.ParameterDict({name: nn.Parameter(torch.randn(shape)) for name, shape in shapes.items()})


def _mixer(channels: int, dimensions: int) -> nn.Sequential:
    conv = nn.Conv3d if dimensions == 3 else nn.Conv2d
    first, second = (keep_variance(conv(channels, channels, 1)) for _ in range(2))
    return nn.Sequential(first, nn.Tanh(), second)


class _Downsampler(nn.Module):
    """Halves a plane as often as its axes ask for."""

    def __init__(self, config: HexplaneVaeConfig, plane: str) -> None:
        super().__init__()
        halvings = tuple(config.plane_halvings(axis) for axis in plane)
        channels = config.latent_channels
        stages: list[nn.Module] = [nn.Identity()]
        for level in range(max(halvings)):
            rows, columns = (2 if count > level else 1 for count in halvings)
            conv = keep_variance(nn.Conv2d(channels, channels, (rows, columns), (rows, columns)))
            last = level + 1 == max(halvings)
            stages.append(nn.Sequential(conv) if last else nn.Sequential(conv, nn.LeakyReLU(SLOPE)))
        self.down = nn.Sequential(*stages)

    def forward(self, plane: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h2 w2"]:
        """The smaller plane."""
        return self.down(plane)
