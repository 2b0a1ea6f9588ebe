"""The static method: one set of Gaussians fitted to photographs by the 3DGS recipe."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core import losses
from core.schedules import Schedule, ScheduleConfig
from gaussian_renderer import RenderOutput
from scene.capture import Capture
from scene.datasets import CaptureOptions
from scene.densification import DensificationConfig
from scene.exposure import ExposureConfig, Exposures
from scene.gaussian_model import StaticGaussians, camera_extent
from scene.splits import SplitOptions
from training.gaussian_fit import GaussianFit, ModelConfig, OptimizerConfig, RenderConfig
from training.loop import LoopConfig
from training.photometric import LossConfig, TrainingView, TrainingViews, depth_loss, order
from training.task import Evaluation, Stepper, StepReport

PICTURES = 3
"""Held-out views shown with an evaluation."""


@dataclass(frozen=True)
class StaticOutputs:
    """What is written beside the Gaussians. Nothing here changes the result."""

    save_mode: bool = False
    """Write partition.json and cam_*.npy, and do not train: for runs that were trained without them."""


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
    outputs: StaticOutputs = StaticOutputs()
    """What is written beside the Gaussians."""

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
        self.model = StaticGaussians.from_points(
            capture.points,
            sh_degree=config.model.sh_degree,
            opacity=config.model.init_opacity,
            scale=config.model.init_scale,
        )
        self.fit = GaussianFit(config, self.model, camera_extent(capture.cameras.centers[list(train)]))
        names = [capture.image_names[view] for view in train]
        self.exposures = Exposures(names, config.exposure) if config.exposure.exposure else None

    def batches(self, first_step: int) -> Iterator[int]:
        """Rows of the training views."""
        return order(len(self.views), self.config.seed, first_step)

    def step(self, step: int, batch: int, stepper: Stepper) -> StepReport:
        """Fit one view."""
        position = self.schedule.position(step)
        view = self.views.get(batch, self.fit.halvings(position))
        self.fit.optimizer.zero_grad()
        if self.exposures is not None:
            self.exposures.zero_grad()
        output = self.fit.draw(
            view.cameras, self.schedule, step, inverse_depth=view.inverse_depth is not None
        )
        image = output.images.squeeze(0)  # not [0], whose gradient is a copy
        if self.exposures is not None:
            image = self.exposures.apply(image, batch)
        value = stepper.backward(self._loss(image, output, view, position))
        if self.exposures is not None:
            self.exposures.update(position, stepper.learning_rate_scale)
        self.fit.advance(output, self.schedule, step, stepper.learning_rate_scale)
        return StepReport(value, self._numbers(image, view) if stepper.reporting else {})

    def evaluate(self) -> Evaluation:
        """PSNR and SSIM over the held-out views, each clamped to [0, 1]."""
        scores: list[tuple[float, float]] = []
        pictures = {}
        for view in self.test:
            target = self.capture.images[view]
            image = self.fit.view(self.capture.cameras[view])
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
        exposures = None if self.exposures is None else self.exposures.state_dict()
        return {**self.fit.state_dict(), "schedule": self.schedule.state_dict(), "exposures": exposures}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.schedule = self.schedule.restored(state["schedule"])
        self.fit.load_state_dict(state)
        if self.exposures is not None:
            self.exposures.load_state_dict(state["exposures"])

    def _loss(
        self, image: Float[Tensor, "H W 3"], output: RenderOutput, view: TrainingView, position: float
    ) -> Tensor:
        config = self.config.loss
        loss = losses.photometric_loss(
            image, view.target, moments=view.moments, lambda_dssim=config.lambda_dssim, weights=view.weights
        )
        if view.inverse_depth is not None and output.inverse_depths is not None:
            loss = loss + depth_loss(output.inverse_depths[0], view.inverse_depth, position, config)
        return self.fit.regularized(loss)

    @torch.no_grad()
    def _numbers(self, image: Float[Tensor, "H W 3"], view: TrainingView) -> dict[str, float]:
        return {
            "psnr": losses.psnr(image.clamp(0, 1), losses.as_image(view.target, image)),
            "gaussians": float(len(self.model)),
        }
