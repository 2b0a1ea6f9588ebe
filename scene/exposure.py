"""A colour transform for each training image, so that the scene need not explain the camera's exposure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core.optimizers import RowAdam
from core.schedules import RECIPE_STEPS, exponential


@dataclass(frozen=True)
class ExposureConfig:
    """Exposure compensation."""

    exposure: bool = False
    """Learn a 3x4 affine colour transform for every training image."""
    exposure_lr_init: float = 0.01
    """Learning rate at the start."""
    exposure_lr_final: float = 0.001
    """Learning rate at the end; it falls exponentially."""
    exposure_lr_delay_steps: int = 0
    """Recipe steps over which the rate rises at first."""
    exposure_lr_delay_mult: float = 0.0
    """Factor on the rate at the very start of that rise."""


class Exposures:
    """Affine colour transforms, one row an image, with their own Adam.

    Args:
        names: image names, in the order of the rows.
        config: learning rates.
    """

    def __init__(self, names: Sequence[str], config: ExposureConfig) -> None:
        self.names = tuple(names)
        self.config = config
        identity = torch.eye(3, 4).repeat(len(names), 1, 1)
        self._parameters = {"exposure": identity.requires_grad_()}
        self._optimizer = RowAdam(self._parameters)

    @property
    def transforms(self) -> Float[Tensor, "V 3 4"]:
        """The transforms: colour' = A[:, :3] colour + A[:, 3]."""
        return self._parameters["exposure"]

    def apply(self, image: Float[Tensor, "H W 3"], row: int) -> Float[Tensor, "H W 3"]:
        """An image as that view's camera would have exposed it."""
        transform = self.transforms[row]
        planes = torch.addmm(transform[:, 3:], transform[:, :3], image.permute(2, 0, 1).flatten(1))
        # Planar in memory, as the renderer's images are, for the fused loss.
        return planes.unflatten(1, image.shape[:2]).permute(1, 2, 0)

    def zero_grad(self) -> None:
        """Forget the gradients, such as those of a step that was broken off."""
        self._optimizer.zero_grad()

    def update(self, position: float, scale: float = 1.0) -> None:
        """One step of Adam.

        Args:
            position: where in the recipe.
            scale: factor on the learning rate.
        """
        config = self.config
        rate = exponential(
            position,
            config.exposure_lr_init,
            config.exposure_lr_final,
            RECIPE_STEPS,
            config.exposure_lr_delay_steps,
            config.exposure_lr_delay_mult,
        )
        self._optimizer.step({"exposure": scale * rate})
        self.zero_grad()

    def to_json(self) -> dict[str, list[list[float]]]:
        """The transforms by image name, as Inria's `exposure.json` has them."""
        return dict(zip(self.names, self.transforms.detach().tolist(), strict=True))

    def state_dict(self) -> dict[str, Any]:
        """Transforms and moments."""
        return {"transforms": self.transforms.detach(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self._parameters["exposure"] = state["transforms"].clone().requires_grad_()
        self._optimizer.load_state_dict(state["optimizer"])
