"""The autoencoder as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from generation.rollout import PLANES
from generation.vae.config import HexplaneVaeConfig
from generation.vae.decoder import Decoder
from generation.vae.encoder import Encoder, Voxels
from generation.vae.first_weights import keep_variance

FIRST_LOG_VARIANCE = -8.0
"""Of the latents, before training: less than what the planes of time vary by then."""


@dataclass(frozen=True)
class Posterior:
    """What the encoder knows of a sequence's latents.

    Args:
        mean: of each plane's cells, [B, C, h, w].
        log_variance: likewise.
    """

    mean: Mapping[str, Tensor]
    log_variance: Mapping[str, Tensor]

    def draw(self, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Planes at random."""
        return {
            plane: mean
            + (0.5 * self.log_variance[plane]).exp()
            * torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
            for plane, mean in self.mean.items()
        }


class HexplaneVae(nn.Module):
    """Occupancy sequences to six planes of latents and back. Parameters are named as in published weights.

    Args:
        config: sizes.
    """

    def __init__(self, config: HexplaneVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.vae = _Bottleneck(config.latent_channels)
        self.decoder = Decoder(config)

    def encode(self, voxels: Voxels) -> Posterior:
        """The latents of sequences.

        Args:
            voxels: classes below `num_classes`.

        Raises:
            ValueError: more frames or voxels than the network was made for, or a number of frames that
                cannot be halved.
        """
        _check_size(self.config, voxels)
        return self.vae(self.encoder(voxels))

    def decode(self, planes: Mapping[str, Tensor]) -> Float[Tensor, "B T K X Y Z"]:
        """Scores of every voxel's classes."""
        chunks = list(self.decoder(planes))
        return torch.cat(chunks).unflatten(0, (len(planes["xy"]), -1))

    @torch.no_grad()
    def classes(self, planes: Mapping[str, Tensor]) -> UInt8[Tensor, "B T X Y Z"]:
        """The likeliest class of every voxel, without all scores in memory at once."""
        chunks = [scores.argmax(1).byte() for scores in self.decoder(planes)]
        return torch.cat(chunks).unflatten(0, (len(planes["xy"]), -1))


class _Bottleneck(nn.Module):
    """Mean and log-variance of each latent, plane by plane."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc_mu_logvar = nn.ModuleList(nn.Linear(channels, 2 * channels) for _ in PLANES)
        for linear in self.fc_mu_logvar:
            # Latents begin nearly without noise; else the first steps are spent on getting rid of it.
            assert isinstance(linear, nn.Linear)
            keep_variance(linear, slice(channels))
            nn.init.constant_(linear.bias.data[channels:], FIRST_LOG_VARIANCE)

    def forward(self, planes: Mapping[str, Tensor]) -> Posterior:
        mean: dict[str, Tensor] = {}
        log_variance: dict[str, Tensor] = {}
        for plane, linear in zip(PLANES, self.fc_mu_logvar, strict=True):
            both = linear(planes[plane].movedim(1, -1)).movedim(-1, 1)
            mean[plane], log_variance[plane] = both.chunk(2, 1)
        return Posterior(mean, log_variance)


def _check_size(config: HexplaneVaeConfig, voxels: Voxels) -> None:
    """Raise ValueError where sequences do not suit the network."""
    sizes = tuple(voxels.shape[1:])
    largest = (config.frames, *config.spatial_size)
    halvings = (config.hex_down_t, *(a + b for a, b in zip(config.down, config.hex_down, strict=True)))
    fits = all(
        size <= most and size % 2**halved == 0
        for size, most, halved in zip(sizes, largest, halvings, strict=True)
    )
    if not fits:
        raise ValueError(
            f"sequences of {sizes} (T, X, Y, Z) came to a network for at most {largest}, each divisible by "
            f"{tuple(2**halved for halved in halvings)}"
        )
