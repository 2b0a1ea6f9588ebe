"""What a DiT is told beside the noise: the previous clip, vehicles from above, the path, a command.

A condition that is left out, by `kept` or because it is None, has an embedding of zero. Hexplane and layout
keep the codes of places then, because those are added afterwards: this is what training shows the network,
and so also what guidance must compare with.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64, Num
from torch import Tensor, nn

from generation.dit.config import DitConfig
from generation.dit.embeddings import PatchEmbed

NAMES = ("hexplane", "layout", "trajectory", "command")
"""The conditions, in the order of the columns of `Conditions.kept`."""

COMMANDS = 4
"""How many driving commands there are: standing, forward, left, right."""


@dataclass(frozen=True)
class Conditions:
    """Conditions of B samples; None = left out for all.

    Args:
        hexplane: rollout of the previous clip.
        layout: vehicles from above, 0 or 1, in each of F frames; its rows run along x, at any resolution.
        trajectory: x and y in metres, yaw in radians, in each of F frames.
        command: 0 standing, 1 forward, 2 left, 3 right.
        kept: whether each condition, in the order of `NAMES`, is kept for each sample; None = all are.
    """

    hexplane: Float[Tensor, "B D H W"] | None = None
    layout: Num[Tensor, "B F h w"] | None = None
    trajectory: Float[Tensor, "B F 3"] | None = None
    command: Int64[Tensor, "B"] | None = None
    kept: Bool[Tensor, "B 4"] | None = None

    def kept_of(self, name: str) -> Bool[Tensor, "B"] | None:
        """Which samples keep a condition; None = all."""
        return None if self.kept is None else self.kept[:, NAMES.index(name)]

    def to(self, device: torch.device) -> "Conditions":
        """The same on another device."""
        tensors = {
            name: value.to(device)
            for name in (*NAMES, "kept")
            if isinstance(value := getattr(self, name), Tensor)
        }
        return Conditions(**tensors)

    def with_null(self, samples: int) -> "Conditions":
        """The same samples twice: as they are, then with all conditions left out."""
        tensors = {
            name: torch.cat([value, value])
            for name in NAMES
            if isinstance(value := getattr(self, name), Tensor)
        }
        kept = torch.ones(samples, len(NAMES), dtype=torch.bool) if self.kept is None else self.kept
        return Conditions(**tensors, kept=torch.cat([kept, torch.zeros_like(kept)]))


def kept_at_random(several: bool, probability: float, generator: torch.Generator) -> Bool[Tensor, "4"]:
    """Which conditions a sample keeps in training: each is left out on its own.

    Where there are several, all are left out at once as often. That is what guidance compares with, and by
    chance alone it would come up once in a hundred samples of two conditions, in ten thousand of four.

    Args:
        several: whether the network knows more than one.
        probability: of being left out.
        generator: on the CPU.
    """
    kept = torch.rand(len(NAMES) + 1, generator=generator) >= probability
    return kept[:-1] & kept[-1] if several else kept[:-1]


def _where_kept(embedding: Float[Tensor, "B *rest"], kept: Bool[Tensor, "B"] | None) -> Tensor:
    if kept is None:
        return embedding
    return embedding * kept.to(embedding).view(-1, *[1] * (embedding.dim() - 1))


class HexplaneEmbedder(nn.Module):
    """The previous clip's rollout as tokens."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.embedder = PatchEmbed(config.channels, config.width, config.patch)

    def forward(
        self,
        rollout: Float[Tensor, "B D H W"] | None,
        kept: Bool[Tensor, "B"] | None,
        places: Float[Tensor, "1 N width"],
    ) -> Float[Tensor, "B_or_1 N width"]:
        """Tokens of all patches, with the codes of their places."""
        if rollout is None:
            return places
        return _where_kept(self.embedder(rollout.to(self.embedder.proj.weight.dtype)), kept) + places


class LayoutEmbedder(nn.Module):
    """Vehicles from above as tokens, of which each has a single number of its own."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.size = config.size
        self.embedder = PatchEmbed(config.frames, 1, config.patch)

    def forward(
        self,
        layout: Num[Tensor, "B F h w"] | None,
        kept: Bool[Tensor, "B"] | None,
        places: Float[Tensor, "1 N width"],
    ) -> Float[Tensor, "B_or_1 N width"]:
        """Tokens of all patches, with the codes of their places. The layout lies where the xy plane does."""
        if layout is None:
            return places
        size, (rows, columns) = self.size, self.size.rollout_shape
        image = F.interpolate(layout.to(self.embedder.proj.weight.dtype), (size.x, size.y), mode="nearest")
        image = F.pad(image, (0, columns - size.y, 0, rows - size.x))
        return _where_kept(self.embedder(image), kept) + places


class TrajectoryEmbedder(nn.Module):
    """A path as a vector."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        width = config.width
        self.embedder = nn.Sequential(
            nn.Linear(3 * config.frames, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, width),
        )  # fmt: skip

    def forward(
        self, trajectory: Float[Tensor, "B F 3"], kept: Bool[Tensor, "B"] | None
    ) -> Float[Tensor, "B width"]:
        """The vectors."""
        numbers = trajectory.flatten(1).to(next(self.embedder.parameters()).dtype)
        return _where_kept(self.embedder(numbers), kept)


class CommandEmbedder(nn.Module):
    """A command as a vector."""

    def __init__(self, config: DitConfig) -> None:
        super().__init__()
        self.embedder = nn.Embedding(COMMANDS, config.width)

    def forward(
        self, command: Int64[Tensor, "B"], kept: Bool[Tensor, "B"] | None
    ) -> Float[Tensor, "B width"]:
        """The vectors."""
        return _where_kept(self.embedder(command), kept)
