"""The diffusion transformer: from a noisy rollout to its noise and the variance of the next step."""

from dataclasses import replace

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from generation.diffusion import linear_schedule, noise_from_velocity
from generation.dit.blocks import DitBlock, FinalLayer
from generation.dit.conditions import (
    NAMES,
    CommandEmbedder,
    Conditions,
    HexplaneEmbedder,
    LayoutEmbedder,
    TrajectoryEmbedder,
)
from generation.dit.config import DitConfig
from generation.dit.embeddings import PatchEmbed, TimestepEmbedder, position_table
from generation.rollout import cell_mask, token_index


class Dit(nn.Module):
    """A DiT over padded rollouts. Patches of padding are no tokens; the output is zero there.

    Args:
        config: what it looks like.
        generator: of the first weights; torch's own if None.

    Raises:
        UserError: the planes have cells along an axis that patches do not divide.
    """

    pos_embed: Tensor
    tokens: Tensor
    cells: Tensor

    def __init__(self, config: DitConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        width, patch = config.width, config.patch
        rows, columns = config.size.rollout_shape
        self.chain = linear_schedule()
        self.register_buffer("tokens", token_index(config.size, config.patch), persistent=False)
        self.register_buffer("cells", cell_mask(config.size), persistent=False)
        self.register_buffer("pos_embed", position_table(rows // patch, columns // patch, width))
        self.x_embedder = PatchEmbed(config.channels, width, patch)
        self.t_embedder = TimestepEmbedder(width)
        self.hex_emb = HexplaneEmbedder(config) if config.hexplane else None
        self.layout_emb = LayoutEmbedder(config) if config.layout else None
        self.traj_emb = TrajectoryEmbedder(config) if config.trajectory else None
        self.cmd_emb = CommandEmbedder(config) if config.command else None
        self.blocks = nn.ModuleList(
            DitBlock(width, config.heads, config.cross_attention) for _ in range(config.depth)
        )
        self.final_layer = FinalLayer(width, patch * patch * 2 * config.channels)
        _initialize(self, generator)

    def forward(
        self,
        x: Float[Tensor, "B D H W"],
        t: Num[Tensor, "B"],
        conditions: Conditions | None = None,
    ) -> Float[Tensor, "B 2*D H W"]:
        """The noise, and above it the numbers in [-1, 1] that choose the next step's variance.

        Args:
            x: noisy rollouts.
            t: steps of the training's chain.
            conditions: those that the network knows; what is None is left out.

        Raises:
            ValueError: a condition is given that the network does not know, or x has another shape.
        """
        if tuple(x.shape[1:]) != (self.config.channels, *self.config.size.rollout_shape):
            raise ValueError(
                f"rollouts {(self.config.channels, *self.config.size.rollout_shape)} were expected, "
                f"got {tuple(x.shape[1:])}"
            )
        conditions = self._checked(conditions or Conditions(), x)
        tokens = (self.x_embedder(x) + self.pos_embed)[:, self.tokens]
        context = self._context(conditions)
        c = self._vector(t, conditions)[:, None]
        if self.config.varies_by_token:
            c = c + context
        # Attention needs the context of each sample; one token of zeros says what many of them say.
        context = context.expand(len(x), -1, -1) if self.config.cross_attention else None
        for block in self.blocks:
            tokens = block(tokens, c, context)
        output = self._image(self.final_layer(tokens, c))
        return output if self.config.predicts == "noise" else self._with_noise(output, x, t)

    def forward_with_guidance(
        self,
        x: Float[Tensor, "B D H W"],
        t: Num[Tensor, "B"],
        conditions: Conditions,
        scale: float,
    ) -> Float[Tensor, "B 2*D H W"]:
        """The noise moved away from what it were without conditions; the variance of the conditional branch.

        Args:
            x: noisy rollouts.
            t: steps of the training's chain.
            conditions: those that the network knows.
            scale: 0 = without conditions, 1 = with them, above 1 = beyond.

        Source: Ho and Salimans, "Classifier-Free Diffusion Guidance", 2021, equation 6 (with scale = 1 + w).
        """
        if scale == 1 or not self.config.is_conditional:
            return self(x, t, conditions)
        output = self(torch.cat([x, x]), torch.cat([t, t]), conditions.with_null(len(x)))
        with_all, without = output.chunk(2)
        noise, variance = with_all.chunk(2, dim=1)
        null_noise = without[:, : self.config.channels]
        return torch.cat([null_noise + scale * (noise - null_noise), variance], dim=1)

    def _checked(self, conditions: Conditions, x: Tensor) -> Conditions:
        unknown = [
            name for name in NAMES if getattr(conditions, name) is not None and not getattr(self.config, name)
        ]
        if unknown:
            raise ValueError(f"this network was made without the condition {unknown[0]}")
        kept = conditions.kept
        return conditions if kept is None else replace(conditions, kept=kept.to(x.device))

    def _vector(self, t: Tensor, conditions: Conditions) -> Float[Tensor, "B width"]:
        """What conditions all tokens of a sample."""
        vector = self.t_embedder(t)
        if self.traj_emb is not None and conditions.trajectory is not None:
            vector = vector + self.traj_emb(conditions.trajectory, conditions.kept_of("trajectory"))
        if self.cmd_emb is not None and conditions.command is not None:
            vector = vector + self.cmd_emb(conditions.command, conditions.kept_of("command"))
        return vector

    def _context(self, conditions: Conditions) -> Float[Tensor, "B_or_1 M width"]:
        """Tokens of the hexplane and layout conditions; a single zero where the network knows neither."""
        context = self.pos_embed.new_zeros(1, 1, self.config.width)
        if self.hex_emb is not None:
            tokens = self.hex_emb(conditions.hexplane, conditions.kept_of("hexplane"), self.pos_embed)
            context = context + tokens[:, self.tokens]
        if self.layout_emb is not None:
            tokens = self.layout_emb(conditions.layout, conditions.kept_of("layout"), self.pos_embed)
            context = context + tokens[:, self.tokens]
        return context

    def _with_noise(
        self, output: Float[Tensor, "B D2 H W"], x: Float[Tensor, "B D H W"], t: Num[Tensor, "B"]
    ) -> Float[Tensor, "B D2 H W"]:
        """The noise in place of the velocity; in the precision of x, as half of it would be lost in sums."""
        velocity, choice = output.to(x.dtype).chunk(2, dim=1)
        noise = noise_from_velocity(self.chain, x * self.cells, t.long(), velocity)
        return torch.cat([noise, choice], dim=1)

    def _image(self, numbers: Float[Tensor, "B N numbers"]) -> Float[Tensor, "B C H W"]:
        """Tokens put back where their patches are; zeros on padding."""
        patch = self.config.patch
        rows, columns = (cells // patch for cells in self.config.size.rollout_shape)
        patches = numbers.new_zeros(len(numbers), rows * columns, numbers.shape[2])
        patches = patches.index_copy(1, self.tokens, numbers)
        patches = patches.view(len(numbers), rows, columns, patch, patch, -1)
        return patches.permute(0, 5, 1, 3, 2, 4).reshape(len(numbers), -1, rows * patch, columns * patch)


@torch.no_grad()
def _initialize(model: Dit, generator: torch.Generator | None) -> None:
    """First weights: the network returns zeros, and each block passes its input on.

    Source: Peebles and Xie 2023, section 3.2.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            nn.init.zeros_(module.bias)
        elif isinstance(module, PatchEmbed):
            # As the linear layer that it is: Xavier's bound counts the numbers of a patch, not of a kernel.
            nn.init.xavier_uniform_(module.proj.weight.flatten(1), generator=generator)
            if module.proj.bias is not None:
                nn.init.zeros_(module.proj.bias)
    for name, parameter in model.named_parameters():
        if name.startswith(("t_embedder.", "cmd_emb.")) and name.endswith("weight"):
            nn.init.normal_(parameter, std=0.02, generator=generator)
        elif "adaLN_modulation" in name or name.startswith("final_layer."):
            nn.init.zeros_(parameter)
