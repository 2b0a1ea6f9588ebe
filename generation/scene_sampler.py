"""From noise to voxels: a transformer's rollouts at its own scale, and an autoencoder that reads them."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from core.errors import UserError
from generation.diffusion import Known, SamplingConfig
from generation.dit import Conditions
from generation.dit.checkpoints import LoadedDit
from generation.precision import Precision, autocast
from generation.rollout import roll_out, unroll
from generation.sampling import sample_rollouts
from generation.vae.checkpoints import LoadedVae


class SceneSampler:
    """Draws scenes.

    Args:
        vae: the autoencoder, on the device to compute on.
        dit: the transformer, on the same.
        config: how samples are drawn.
        precision: what layers compute in.

    Raises:
        UserError: the two do not go together.
    """

    def __init__(
        self, vae: LoadedVae, dit: LoadedDit, config: SamplingConfig, precision: Precision = "float32"
    ) -> None:
        size, channels = vae.network.config.latent_size, vae.network.config.latent_channels
        model = dit.model.config
        if (size, channels) != (model.latent, model.channels):
            raise UserError(
                f"the transformer was made for planes of {model.latent} cells (t, x, y, z) and "
                f"{model.channels} channels, the autoencoder writes {size} and {channels}; give the pair "
                "that was trained together"
            )
        self.vae = vae
        self.dit = dit
        self.config = config
        self.precision: Precision = precision

    @property
    def device(self) -> torch.device:
        """Where both networks are."""
        return self.dit.model.pos_embed.device

    def rollouts(
        self,
        seed: int,
        indices: Sequence[int],
        conditions: Conditions | None = None,
        known: Known | None = None,
        on_step: Callable[[int, int], None] | None = None,
    ) -> Float[Tensor, "B C H W"]:
        """Rollouts at the transformer's scale; see `sample_rollouts`."""
        with autocast(self.device, self.precision):
            return sample_rollouts(
                self.dit.model, self.config, seed, indices, conditions, known, on_step
            ).float()

    @torch.no_grad()
    def scenes(self, rollouts: Float[Tensor, "B C H W"]) -> UInt8[Tensor, "B T X Y Z"]:
        """The voxels of rollouts."""
        size = self.dit.model.config.size
        planes = unroll(self.dit.facts.normalization.undo(rollouts, size), size)
        with autocast(self.device, self.precision):
            return torch.cat(
                [
                    self.vae.network.classes(
                        {name: plane[row : row + 1] for name, plane in planes.items()}
                    ).cpu()
                    for row in range(len(rollouts))
                ]
            )

    @torch.no_grad()
    def encoded(self, voxels: UInt8[Tensor, "B T X Y Z"]) -> Float[Tensor, "B C H W"]:
        """Rollouts of voxels, at the transformer's scale."""
        with autocast(self.device, self.precision):
            mean = self.vae.network.encode(voxels.to(self.device)).mean
        return self.at_scale({name: plane.float() for name, plane in mean.items()})

    def at_scale(self, planes: Mapping[str, Tensor]) -> Float[Tensor, "B C H W"]:
        """The rollout of an autoencoder's planes, at the transformer's scale."""
        return self.dit.facts.normalization.apply(roll_out(planes), self.dit.model.config.size)
