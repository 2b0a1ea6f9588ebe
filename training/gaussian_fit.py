"""Gaussians being fitted: what every method that learns from photographs does with them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from core.optimizers import LearningRate, RowAdam
from core.randomness import generator
from core.schedules import RECIPE_STEPS, Schedule, exponential, sh_degree
from gaussian_renderer import RenderOutput, render
from scene.cameras import Cameras
from scene.densification import DensificationConfig, make_densification
from scene.gaussian_model import StaticGaussians
from scene.splats import Splats


@dataclass(frozen=True)
class ModelConfig:
    """The Gaussians at the start."""

    sh_degree: int = 3
    """Highest spherical-harmonic degree, 0 to 3."""
    sh_degree_interval: int = 1_000
    """Recipe steps after which the degree in use rises by one."""
    init_opacity: float = 0.1
    """Opacity of every Gaussian."""
    init_scale: float = 1.0
    """Factor on the standard deviations, which follow from the distances between the points."""

    def __post_init__(self) -> None:
        if not 0 <= self.sh_degree <= 3:
            raise ValueError(f"sh_degree: 0 to 3 was expected, got {self.sh_degree}")
        if self.sh_degree_interval < 1:
            raise ValueError(f"sh_degree_interval: at least 1 was expected, got {self.sh_degree_interval}")
        if not 0 < self.init_opacity < 1:
            raise ValueError(f"init_opacity: a number between 0 and 1 was expected, got {self.init_opacity}")
        if not 0 < self.init_scale < math.inf:
            raise ValueError(f"init_scale: a positive number was expected, got {self.init_scale}")


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam and its learning rates."""

    optimizer: Literal["dense", "visible"] = "visible"
    """Update all Gaussians at each step, or only those that the view shows."""
    position_lr_init: float = 1.6e-4
    """Of the means at the start, in units of the scene's extent."""
    position_lr_final: float = 1.6e-6
    """Of the means at the end; it falls exponentially."""
    feature_lr: float = 2.5e-3
    """Of the constant colour coefficient; the others have a twentieth of it."""
    opacity_lr: float = 0.025
    """Of the opacities' logits."""
    scaling_lr: float = 5e-3
    """Of the logarithms of the standard deviations."""
    rotation_lr: float = 1e-3
    """Of the quaternions."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "optimizer" and not 0 <= value < math.inf:
                raise ValueError(f"{field.name}: a number from 0 on was expected, got {value}")


@dataclass(frozen=True)
class RenderConfig:
    """How images are formed."""

    white_background: bool = False
    """White, not black, behind the Gaussians."""
    random_background: bool = False
    """Another colour behind the Gaussians at every step, so that they must be opaque where the scene is."""
    antialiasing: bool = False
    """Opacities make up for the low pass on the image, as in Mip-Splatting."""
    coarse_to_fine: int = 1
    """Halvings of the resolution at the start: cheaper, and large structures settle first."""
    coarse_to_fine_until: int = 9_000
    """Recipe step from which the resolution is full; it doubles at equal intervals before."""
    backend: str = "auto"
    """Who draws: auto, native or reference."""

    def __post_init__(self) -> None:
        for name in ("coarse_to_fine", "coarse_to_fine_until"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")


@runtime_checkable
class Recipe(Protocol):
    """The parts of a method's configuration that concern its Gaussians."""

    @property
    def seed(self) -> int:
        """Of all draws."""
        ...

    @property
    def model(self) -> ModelConfig:
        """The Gaussians at the start."""
        ...

    @property
    def optimizer(self) -> OptimizerConfig:
        """Adam."""
        ...

    @property
    def render(self) -> RenderConfig:
        """How images are formed."""
        ...

    @property
    def densification(self) -> DensificationConfig:
        """How the number of Gaussians changes."""
        ...


class GaussianFit:
    """Gaussians that are being fitted: drawn, observed, updated and refined by a recipe.

    Args:
        recipe: the configuration.
        model: the Gaussians at the start.
        extent: radius of the cameras' volume, world units.
        further_rates: learning rates of tables that the model has beside those of the static one.
    """

    def __init__(
        self,
        recipe: Recipe,
        model: StaticGaussians,
        extent: float,
        further_rates: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.recipe = recipe
        self.further_rates = further_rates
        self.model = model
        self.extent = extent
        self.optimizer = RowAdam(model.parameters, splits={"sh": 3})
        self.densification = make_densification(
            recipe.densification,
            extent=extent,
            seed=recipe.seed,
            white_background=recipe.render.white_background,
        )
        self.background = torch.ones(3) if recipe.render.white_background else None

    def draw(
        self,
        cameras: Cameras,
        schedule: Schedule,
        step: int,
        *,
        splats: Splats | None = None,
        inverse_depth: bool = False,
    ) -> RenderOutput:
        """What a training step sees of the Gaussians; gradients are kept where densification wants them.

        Args:
            cameras: one.
            schedule: of the run.
            step: the present one.
            splats: the model's at the time of the view, where that matters.
            inverse_depth: whether to blend 1/z.
        """
        wants_gradients = self.densification.wants_gradients(schedule, step)
        absolute = wants_gradients and self.recipe.densification.default.absgrad
        output = render(
            splats or self.model.splats(sh_degree=self.sh_degree(schedule.position(step))), cameras,
            background=self._step_background(step), inverse_depth=inverse_depth,
            antialiased=self.recipe.render.antialiasing, abs_gradients=absolute,
            backend=self.recipe.render.backend,
        )  # fmt: skip
        if wants_gradients and not absolute:
            output.means2d.retain_grad()
        return output

    @torch.no_grad()
    def view(self, cameras: Cameras) -> Float[Tensor, "H W 3"]:
        """The image of one camera as it is judged: all colours, in [0, 1]."""
        output = render(
            self.model.splats(),
            cameras,
            background=self.background,
            antialiased=self.recipe.render.antialiasing,
            backend=self.recipe.render.backend,
        )
        return output.images[0].clamp(0, 1)

    def regularized(self, loss: Tensor) -> Tensor:
        """A loss with the densification's own terms."""
        extra = self.densification.regularization(self.model.parameters)
        return loss if extra is None else loss + extra

    def advance(self, output: RenderOutput, schedule: Schedule, step: int, scale: float) -> None:
        """After the backward pass: observe the view, update the Gaussians, and refine their number.

        Args:
            output: of `draw`, in this step.
            schedule: of the run.
            step: the present one.
            scale: factor on the learning rates.
        """
        if self.densification.wants_gradients(schedule, step):
            gradients = output.means2d.grad if output.abs_gradients is None else output.abs_gradients
            assert gradients is not None  # retained in draw
            height, width = output.images.shape[1:3]
            self.densification.observe(gradients[0], output.radii[0], width, height)
        means_lr = self._update(schedule.position(step), scale, output.radii[0])
        self.densification.refine(self.optimizer, schedule, step, means_lr)

    def halvings(self, position: float) -> int:
        """How often the images are halved at a position of the recipe."""
        config = self.recipe.render
        if not config.coarse_to_fine or position >= config.coarse_to_fine_until:
            return 0
        return config.coarse_to_fine - int(position / config.coarse_to_fine_until * config.coarse_to_fine)

    def state_dict(self) -> dict[str, Any]:
        """Gaussians, moments, densification statistics."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "densification": self.densification.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.densification.load_state_dict(state["densification"])

    def _step_background(self, step: int) -> Float[Tensor, "3"] | None:
        if self.recipe.render.random_background:
            return torch.rand(3, generator=generator(self.recipe.seed, "background", step))
        return self.background

    def _update(self, position: float, scale: float, radii: Int[Tensor, "N 2"]) -> float:
        """One step of Adam; returns the learning rate of the means."""
        config = self.recipe.optimizer
        means = (
            scale
            * self.extent
            * exponential(position, config.position_lr_init, config.position_lr_final, RECIPE_STEPS)
        )
        rates: dict[str, LearningRate] = {
            "means": means,
            "quats": scale * config.rotation_lr,
            "log_scales": scale * config.scaling_lr,
            "logit_opacities": scale * config.opacity_lr,
            "sh": (scale * config.feature_lr, scale * config.feature_lr / 20),
            **{name: scale * rate for name, rate in self.further_rates.items()},
        }
        visible = radii[:, 0] > 0 if config.optimizer == "visible" else None
        self.optimizer.step(
            rates, visible=visible, active_columns={"sh": 3 * (self.sh_degree(position) + 1) ** 2}
        )
        return means

    def sh_degree(self, position: float) -> int:
        """The spherical-harmonic degree in use at a position of the recipe."""
        return sh_degree(position, self.recipe.model.sh_degree, self.recipe.model.sh_degree_interval)
