"""What is behind everything: a texture of directions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from scene.cameras import Cameras


@dataclass(frozen=True)
class SkyConfig:
    """The sky."""

    sky: bool = True
    """Learn what is seen behind everything; otherwise it is black."""
    sky_rows: int = 128
    """Rows of the texture, from the zenith to the nadir; it has twice as many columns."""
    sky_lr: float = 5e-3
    """Learning rate of its colours."""


class Sky:
    """Colours by direction, in a world whose z points up.

    Args:
        config: its size.
        device: where it is.
    """

    def __init__(self, config: SkyConfig) -> None:
        self.config = config
        self.texture = torch.full((1, 3, config.sky_rows, 2 * config.sky_rows), 0.5).requires_grad_()

    def seen(self, cameras: Cameras) -> Float[Tensor, "H W 3"]:
        """What one camera sees of it."""
        return self.colors(rays(cameras))

    def colors(self, directions: Float[Tensor, "H W 3"]) -> Float[Tensor, "H W 3"]:
        """The colours in directions of the world, of any length; bilinear, and without a seam behind."""
        x, y, z = directions.unbind(-1)
        azimuth = torch.atan2(y, x) / math.pi
        elevation = torch.atan2(-z, torch.hypot(x, y)) * (2 / math.pi)
        # One column of the other end is added on each side, so that interpolation goes around.
        columns = self.texture.shape[-1]
        wrapped = F.pad(self.texture, (1, 1, 0, 0), mode="circular")
        place = torch.stack([azimuth * columns / (columns + 2), elevation], dim=-1)
        found = F.grid_sample(wrapped, place[None], padding_mode="border", align_corners=False)
        return found[0].permute(1, 2, 0)

    def state_dict(self) -> dict[str, Any]:
        """The texture."""
        return {"texture": self.texture.detach()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        with torch.no_grad():
            self.texture.copy_(state["texture"])


def rays(cameras: Cameras) -> Float[Tensor, "H W 3"]:
    """Directions of the pixels of one camera, in the world, as long as they are at a depth of one."""
    width, height = cameras.size
    K, world_from_camera = cameras.Ks[0], cameras.viewmats[0, :3, :3].T
    x = (torch.arange(width, device=K.device) + 0.5 - K[0, 2]) / K[0, 0]
    y = (torch.arange(height, device=K.device) + 0.5 - K[1, 2]) / K[1, 1]
    # A direction is a sum of one vector a column and one a row; planes in memory, as each is read alone.
    right, down, ahead = world_from_camera.T
    planes = (right[:, None] * x)[:, None, :] + (down[:, None] * y + ahead[:, None])[:, :, None]
    return planes.permute(1, 2, 0)
