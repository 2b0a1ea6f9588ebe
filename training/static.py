"""The static method: one set of Gaussians fitted to photographs by the 3DGS recipe."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from core import losses
from core.optimizers import LearningRate, RowAdam
from core.randomness import generator
from core.schedules import RECIPE_STEPS, Schedule, ScheduleConfig, exponential, sh_degree
from gaussian_renderer import RenderOutput, render
from scene.capture import Capture
from scene.datasets import CaptureOptions
from scene.densification import DensificationConfig, make_densification
from scene.exposure import ExposureConfig, Exposures
from scene.gaussian_model import StaticGaussians, camera_extent
from scene.splits import SplitOptions
from training.loop import LoopConfig
from training.photometric import LossConfig, TrainingView, TrainingViews, depth_loss, order
from training.task import Evaluation, Stepper, StepReport

PICTURES = 3
"""Held-out views shown with an evaluation."""


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


@dataclass(frozen=True)
class StaticConfig:
    """The static method on one capture."""

    seed: int = 0
    """Of the split, the order of the views and all draws; not negative."""
    capture: CaptureOptions = CaptureOptions()
    """How the source is read."""
    split: SplitOptions = SplitOptions()
    """Which views are held out."""
    schedule: ScheduleConfig = ScheduleConfig()
    """How long the run is."""
    model: ModelConfig = ModelConfig()
    """The Gaussians at the start."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """Adam."""
    loss: LossConfig = LossConfig()
    """What is minimised."""
    render: RenderConfig = RenderConfig()
    """How images are formed."""
    densification: DensificationConfig = DensificationConfig()
    """How the number of Gaussians changes."""
    exposure: ExposureConfig = ExposureConfig()
    """Exposure compensation."""
    loop: LoopConfig = LoopConfig()
    """When to report and save."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed: a number from 0 on was expected, got {self.seed}")


class StaticTask:
    """The recipe as a task: batches are views, a step fits one of them.

    Args:
        config: the method.
        capture: the scene, with points.
        train: the capture's rows to learn from.
        test: the rows to score.
    """

    def __init__(
        self, config: StaticConfig, capture: Capture, train: Sequence[int], test: Sequence[int]
    ) -> None:
        if capture.points is None or not len(capture.points):
            raise ValueError("StaticTask needs a capture with points")
        self.config = config
        self.capture = capture
        self.test = tuple(test)
        self.views = TrainingViews(capture, train, config.loss.cache_mb)
        self.schedule = Schedule.of(config.schedule)
        self.extent = camera_extent(capture.cameras.centers[list(train)])
        self.model = StaticGaussians.from_points(
            capture.points,
            sh_degree=config.model.sh_degree,
            opacity=config.model.init_opacity,
            scale=config.model.init_scale,
        )
        self.optimizer = RowAdam(self.model.parameters, splits={"sh": 3})
        self.densification = make_densification(
            config.densification,
            extent=self.extent,
            seed=config.seed,
            white_background=config.render.white_background,
        )
        names = [capture.image_names[view] for view in train]
        self.exposures = Exposures(names, config.exposure) if config.exposure.exposure else None
        self._background = torch.ones(3) if config.render.white_background else None

    def batches(self, first_step: int) -> Iterator[int]:
        """Rows of the training views."""
        return order(len(self.views), self.config.seed, first_step)

    def step(self, step: int, batch: int, stepper: Stepper) -> StepReport:
        """Fit one view."""
        position = self.schedule.position(step)
        view = self.views.get(batch, self._halvings(position))
        wants_gradients = self.densification.wants_gradients(self.schedule, step)
        self.optimizer.zero_grad()
        if self.exposures is not None:
            self.exposures.zero_grad()
        output = self._draw(view, step, position, wants_gradients)
        image = output.images.squeeze(0)  # not [0], whose gradient is a copy
        if self.exposures is not None:
            image = self.exposures.apply(image, batch)
        loss = self._loss(image, output, view, position)
        value = stepper.backward(loss)
        if wants_gradients:
            gradients = output.means2d.grad if output.abs_gradients is None else output.abs_gradients
            assert gradients is not None  # retained in _draw
            height, width = image.shape[:2]
            self.densification.observe(gradients[0], output.radii[0], width, height)
        means_lr = self._update(position, stepper.learning_rate_scale, output.radii[0])
        if self.exposures is not None:
            self.exposures.update(position, stepper.learning_rate_scale)
        self.densification.refine(self.optimizer, self.schedule, step, means_lr)
        return StepReport(value, self._numbers(image, view) if stepper.reporting else {})

    @torch.no_grad()
    def evaluate(self) -> Evaluation:
        """PSNR and SSIM over the held-out views, each clamped to [0, 1]."""
        scores: list[tuple[float, float]] = []
        pictures = {}
        for view in self.test:
            target = self.capture.images[view]
            output = render(
                self.model.splats(),
                self.capture.cameras[view],
                background=self._background,
                antialiased=self.config.render.antialiasing,
                backend=self.config.render.backend,
            )
            image = output.images[0].clamp(0, 1)
            planes = target.permute(2, 0, 1).contiguous()
            structure = 1 - losses.photometric_loss(image, planes, lambda_dssim=1.0)
            scores.append((losses.psnr(image, target / 255), float(structure)))
            if len(pictures) < PICTURES:
                drawn = (image * 255).round().to(torch.uint8)
                pictures[f"test/{self.capture.image_names[view]}"] = torch.cat([drawn, target], dim=1)
        if not scores:
            return Evaluation({})
        psnr, ssim = (sum(column) / len(scores) for column in zip(*scores, strict=True))
        return Evaluation({"psnr": psnr, "ssim": ssim}, pictures)

    def state_dict(self) -> dict[str, Any]:
        """Gaussians, moments, densification statistics, exposures, schedule."""
        schedule = {"iterations": self.schedule.iterations, "knots": list(self.schedule.knots)}
        exposures = None if self.exposures is None else self.exposures.state_dict()
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": schedule,
            "densification": self.densification.state_dict(),
            "exposures": exposures,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        knots = tuple((int(step), float(position)) for step, position in state["schedule"]["knots"])
        self.schedule = Schedule(
            state["schedule"]["iterations"], self.schedule.scaled, knots, self.schedule.resets_end
        )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.densification.load_state_dict(state["densification"])
        if self.exposures is not None:
            self.exposures.load_state_dict(state["exposures"])

    def _draw(self, view: TrainingView, step: int, position: float, wants_gradients: bool) -> RenderOutput:
        config = self.config
        absolute = wants_gradients and config.densification.default.absgrad
        output = render(
            self.model.splats(sh_degree=self._sh_degree(position)), view.cameras,
            background=self._step_background(step), inverse_depth=view.inverse_depth is not None,
            antialiased=config.render.antialiasing, abs_gradients=absolute, backend=config.render.backend,
        )  # fmt: skip
        if wants_gradients and not absolute:
            output.means2d.retain_grad()
        return output

    def _step_background(self, step: int) -> Float[Tensor, "3"] | None:
        if self.config.render.random_background:
            return torch.rand(3, generator=generator(self.config.seed, "background", step))
        return self._background

    def _loss(
        self, image: Float[Tensor, "H W 3"], output: RenderOutput, view: TrainingView, position: float
    ) -> Tensor:
        config = self.config.loss
        loss = losses.photometric_loss(
            image, view.target, moments=view.moments, lambda_dssim=config.lambda_dssim, weights=view.weights
        )
        if view.inverse_depth is not None and output.inverse_depths is not None:
            loss = loss + depth_loss(output.inverse_depths[0], view.inverse_depth, position, config)
        extra = self.densification.regularization(self.model.parameters)
        return loss if extra is None else loss + extra

    def _update(self, position: float, scale: float, radii: Int[Tensor, "N 2"]) -> float:
        """One step of Adam; returns the learning rate of the means."""
        config = self.config.optimizer
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
        }
        visible = radii[:, 0] > 0 if config.optimizer == "visible" else None
        self.optimizer.step(
            rates, visible=visible, active_columns={"sh": 3 * (self._sh_degree(position) + 1) ** 2}
        )
        return means

    def _sh_degree(self, position: float) -> int:
        return sh_degree(position, self.config.model.sh_degree, self.config.model.sh_degree_interval)

    def _halvings(self, position: float) -> int:
        config = self.config.render
        if not config.coarse_to_fine or position >= config.coarse_to_fine_until:
            return 0
        return config.coarse_to_fine - int(position / config.coarse_to_fine_until * config.coarse_to_fine)

    @torch.no_grad()
    def _numbers(self, image: Float[Tensor, "H W 3"], view: TrainingView) -> dict[str, float]:
        return {
            "psnr": losses.psnr(image.clamp(0, 1), losses.as_image(view.target, image)),
            "gaussians": float(len(self.model)),
        }
