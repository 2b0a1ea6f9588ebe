"""What a DiT looks like, and the sizes that have names."""

from dataclasses import dataclass
from typing import Literal

from generation.rollout import PATCH, LatentSize


@dataclass(frozen=True)
class DitConfig:
    """A diffusion transformer over padded rollouts. The defaults are DiT-DC/2, unconditional, for CarlaSC."""

    depth: int = 16
    """Blocks."""
    width: int = 384
    """Channels of a token, a multiple of `heads` and of 4."""
    heads: int = 8
    """Heads of attention."""
    latent: tuple[int, int, int, int] = (8, 64, 64, 4)
    """Cells of the planes along t, x, y, z, each a multiple of `patch`."""
    patch: int = PATCH
    """Edge of the patches that become tokens, cells."""
    channels: int = 16
    """Channels of the planes."""
    frames: int = 16
    """Frames of a clip, which layouts and trajectories have."""
    hexplane: bool = False
    """Whether the previous clip is a condition, by its rollout."""
    layout: bool = False
    """Whether vehicles seen from above, in each frame, are a condition."""
    trajectory: bool = False
    """Whether the vehicle's path is a condition."""
    command: bool = False
    """Whether one of the driving commands is a condition."""
    cross_attention: bool = False
    """Whether each block also attends to the tokens of the hexplane and layout conditions."""
    predicts: Literal["noise", "velocity"] = "noise"
    """What the last layer estimates. Where nearly all is noise, data that follow from an estimate of it have
    its error a hundred times over; those that follow from the velocity have it once, so short trainings get
    the large forms right. DynamicCity's weights estimate the noise."""
    condition_dropout: float = 0.1
    """How often training leaves a condition out, each on its own, and all at once; between 0 and 1."""

    def __post_init__(self) -> None:
        if self.patch < 1:
            raise ValueError(f"patch: at least 1 cell was expected, got {self.patch}")
        if min(self.depth, self.width, self.heads) < 1:
            raise ValueError(
                f"depth {self.depth}, width {self.width}, heads {self.heads}: numbers from 1 on were expected"
            )
        if not 0 <= self.condition_dropout <= 1:
            raise ValueError(f"condition_dropout: 0 to 1 was expected, got {self.condition_dropout}")
        if self.width % self.heads or self.width % 4:
            raise ValueError(f"a width of {self.width} is no multiple of 4 and of {self.heads} heads")

    @property
    def size(self) -> LatentSize:
        """The planes' size."""
        return LatentSize(*self.latent)

    @property
    def varies_by_token(self) -> bool:
        """Whether what conditions the blocks differs from token to token."""
        return self.hexplane or self.layout

    @property
    def is_conditional(self) -> bool:
        """Whether there is any condition, so that guidance means something."""
        return self.conditions > 0

    @property
    def conditions(self) -> int:
        """How many conditions there are."""
        return sum((self.hexplane, self.layout, self.trajectory, self.command))


DIT_DC_1 = DitConfig(depth=18, width=768, heads=12)
DIT_DC_2 = DitConfig()
SIZES = {"DiT-DC/1": DIT_DC_1, "DiT-DC/2": DIT_DC_2}
"""The sizes by the names that DynamicCity gives them."""
