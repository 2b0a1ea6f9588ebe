"""The dynamic method: the static scene of a video in which things move."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core import losses
from core.schedules import Schedule, ScheduleConfig
from dynamic_predictor.config import PredictorConfig
from gaussian_renderer import RenderOutput
from scene.cameras import Cameras
from scene.capture import Capture
from scene.datasets import CaptureOptions
from scene.densification import DefaultConfig, DensificationConfig
from scene.depth_points import DepthPointsConfig, starting_gaussians
from scene.exposure import ExposureConfig, Exposures
from scene.frames import FrameOptions
from scene.gaussian_model import camera_extent
from scene.splits import SplitOptions
from scene.staticness import Staticness, StaticnessConfig
from training.gaussian_fit import GaussianFit, ModelConfig, OptimizerConfig, RenderConfig
from training.loop import LoopConfig
from training.motion_blur import MotionBlur
from training.photometric import LossConfig, TrainingView, TrainingViews, depth_loss, order
from training.pose_refinement import PoseConfig, PoseRefinement, interpolated
from training.task import Evaluation, Stepper, StepReport

PICTURES = 3
"""Held-out views shown with an evaluation."""

_SHUTTER_ROUNDS = 20  # the shutter is searched for so often in a run, up to ...
_SHUTTER_UNTIL = 0.7  # ... this share of it
_SHUTTER_FRAMES = 6  # the fastest ones tell most
_LEAST_STATIC = 1e-3  # mean weight of a frame below which its loss is not made up for any further


@dataclass(frozen=True)
class DynamicConfig:
    """The dynamic method on one video."""

    seed: int = 0
    """Of the split, the order of the views and all draws; not negative."""
    frames: FrameOptions = FrameOptions()
    """Which frames of the video, and at what size."""
    predictor: PredictorConfig = PredictorConfig()
    """Where cameras, moving things and depth come from."""
    capture: CaptureOptions = CaptureOptions()
    """How the source is read."""
    split: SplitOptions = SplitOptions()
    """Which frames are held out."""
    predict_without_held_out: bool = False
    """Keep the frames that `hold_out` or `eval` hold out from the predictor too: their cameras then lie
    between those of their neighbours, until scores refine them. DAS3R's predictor sees them."""
    schedule: ScheduleConfig = ScheduleConfig(iterations=4_000)
    """How long the run is."""
    model: ModelConfig = ModelConfig(sh_degree=1, init_opacity=0.6)
    """The Gaussians at the start."""
    points: DepthPointsConfig = DepthPointsConfig()
    """Where the Gaussians start."""
    optimizer: OptimizerConfig = OptimizerConfig(
        position_lr_init=4e-4,
        position_lr_final=4e-6,
        feature_lr=7.5e-3,
        opacity_lr=0.05,
        scaling_lr=0.0125,
    )
    """Adam."""
    loss: LossConfig = LossConfig()
    """What is minimised."""
    render: RenderConfig = RenderConfig()
    """How images are formed."""
    densification: DensificationConfig = DensificationConfig(default=DefaultConfig(opacity_reset_interval=0))
    """How the number of Gaussians changes."""
    exposure: ExposureConfig = ExposureConfig(exposure=True, exposure_lr_init=2e-3, exposure_lr_final=1e-4)
    """Exposure compensation."""
    poses: PoseConfig = PoseConfig()
    """Refinement of the cameras."""
    motion_blur: bool = True
    """Frames are compared as the moving camera blurs them; how long its shutter is open is found."""
    staticness: StaticnessConfig = StaticnessConfig()
    """Weights of pixels that may show something that moves."""
    loop: LoopConfig = LoopConfig()
    """When to report and save."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed: a number from 0 on was expected, got {self.seed}")


class DynamicTask:
    """The static scene of a video: batches are frames, a step fits the static part of one of them.

    Args:
        config: the method.
        capture: the frames in the order of time, with what is known of their depth and of what moves.
        train: the capture's rows to learn from, ascending.
        test: the rows to score.
    """

    def __init__(
        self, config: DynamicConfig, capture: Capture, train: Sequence[int], test: Sequence[int]
    ) -> None:
        self.config = config
        self.capture = capture
        self.train = tuple(train)
        self.test = tuple(test)
        self.views = TrainingViews(capture, train, config.loss.cache_mb)
        self.schedule = Schedule.of(config.schedule)
        self.model, depth = starting_gaussians(
            capture, train, config.points, sh_degree=config.model.sh_degree, opacity=config.model.init_opacity
        )
        # The path of a video may be nothing beside the depth of its scene, which Gaussians move in.
        extent = max(camera_extent(capture.cameras.centers[list(train)]), 0.3 * depth)
        self.fit = GaussianFit(config, self.model, extent)
        names = [capture.image_names[view] for view in train]
        self.exposures = Exposures(names, config.exposure) if config.exposure.exposure else None
        self.poses = PoseRefinement(capture.cameras, train, depth, config.poses)
        self.staticness = Staticness(*_predictions(capture, train), config.staticness)
        self.blur = MotionBlur(capture, depth) if config.motion_blur and len(capture) > 1 else None

    def cameras(self) -> Cameras:
        """All cameras of the capture, refined; those that do not train are carried along."""
        return self.poses.cameras()

    def held_out_exposures(self) -> Float[Tensor, "C 3 4"] | None:
        """Colour transforms of all frames; those that do not train have their neighbours'."""
        if self.exposures is None:
            return None
        rows = torch.tensor(self.train)
        return interpolated(self.exposures.transforms.detach(), rows, len(self.capture))

    def batches(self, first_step: int) -> Iterator[int]:
        """Rows of the training frames."""
        return order(len(self.views), self.config.seed, first_step)

    def step(self, step: int, batch: int, stepper: Stepper) -> StepReport:
        """Fit one frame."""
        position, scale = self.schedule.position(step), stepper.learning_rate_scale
        view = self.views.get(batch, self.fit.halvings(position))
        self._zero_grad()
        cameras = self.poses.moved(batch, view.cameras) if self.config.poses.optim_pose else view.cameras
        output = self.fit.draw(cameras, self.schedule, step, inverse_depth=view.inverse_depth is not None)
        image = output.images.squeeze(0)  # not [0], whose gradient is a copy
        if self.blur is not None:
            image = self.blur.apply(image, self.train[batch])
        if self.exposures is not None:
            image = self.exposures.apply(image, batch)
        weights = self._weights(view, position)
        truth = losses.as_image(view.target, image)
        loss = self._photometric(image, truth, view, weights)
        value = stepper.backward(self._with_priors(loss, output, view, weights, position))
        errors = image.detach() - truth
        self.staticness.observe(batch, errors.abs().mean(-1), weights)
        psnr = _weighted_psnr(errors, weights)
        if self.exposures is not None:
            self.exposures.update(position, scale)
        if self.config.poses.optim_pose:
            self.poses.update(batch, position, psnr, scale)
        self.fit.advance(output, self.schedule, step, scale)
        self._search_shutter(step)
        numbers = {"psnr": psnr, "gaussians": float(len(self.model)), "static": float(weights.mean())}
        return StepReport(value, numbers if stepper.reporting else {})

    @torch.no_grad()
    def evaluate(self) -> Evaluation:
        """PSNR over the pixels that are predicted to be static, of held-out frames."""
        scores, pictures = [], {}
        cameras, exposures = self.cameras(), self.held_out_exposures()
        for view in self.test:
            target = self.capture.images[view]
            image = self.fit.view(cameras[view])
            if self.blur is not None:
                image = self.blur.apply(image, view)
            if exposures is not None:
                image = (image @ exposures[view, :, :3].T + exposures[view, :, 3]).clamp(0, 1)
            masks = self.capture.dynamic_masks
            weights = torch.ones(image.shape[:2]) if masks is None else 1 - masks[view].float()
            scores.append(_weighted_psnr(image - target / 255, weights))
            if len(pictures) < PICTURES:
                drawn = (image * 255).round().to(torch.uint8)
                pictures[f"test/{self.capture.image_names[view]}"] = torch.cat([drawn, target], dim=1)
        return Evaluation({"psnr_static": sum(scores) / len(scores)} if scores else {}, pictures)

    def state_dict(self) -> dict[str, Any]:
        """Gaussians, moments, densification statistics, cameras, weights, exposures, schedule."""
        return {
            **self.fit.state_dict(),
            "schedule": self.schedule.state_dict(),
            "poses": self.poses.state_dict(),
            "staticness": self.staticness.state_dict(),
            "exposures": None if self.exposures is None else self.exposures.state_dict(),
            "shutter": 0.0 if self.blur is None else self.blur.shutter,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.schedule = self.schedule.restored(state["schedule"])
        self.fit.load_state_dict(state)
        self.poses.load_state_dict(state["poses"])
        self.staticness.load_state_dict(state["staticness"])
        if self.exposures is not None:
            self.exposures.load_state_dict(state["exposures"])
        if self.blur is not None:
            self.blur.shutter = float(state["shutter"])

    @torch.no_grad()
    def _search_shutter(self, step: int) -> None:
        """From time to time, see which shutter explains the fastest training frames best."""
        every = max(1, self.schedule.iterations // _SHUTTER_ROUNDS)
        if self.blur is None or step % every or step > _SHUTTER_UNTIL * self.schedule.iterations:
            return
        speeds = [self.blur.speed_px(row) for row in self.train]
        fastest = sorted(range(len(self.train)), key=lambda batch: -speeds[batch])[:_SHUTTER_FRAMES]
        rows, sharp, truth, weights = [], [], [], []
        for batch in fastest:
            view = self.views.full(batch)
            cameras = self.poses.moved(batch, view.cameras) if self.config.poses.optim_pose else view.cameras
            image = self.fit.view(cameras)
            rows.append(self.train[batch])
            sharp.append(image if self.exposures is None else self.exposures.apply(image, batch))
            truth.append(losses.as_image(view.target, image))
            weights.append(self._weights(view, self.schedule.position(step)))
        self.blur.search(rows, sharp, truth, weights)

    def _zero_grad(self) -> None:
        self.fit.optimizer.zero_grad()
        self.poses.zero_grad()
        if self.exposures is not None:
            self.exposures.zero_grad()

    def _weights(self, view: TrainingView, position: float) -> Float[Tensor, "H W"]:
        weights = self.staticness.weights(view.row, position, *view.target.shape[1:])
        return weights if view.weights is None else weights * view.weights

    def _photometric(
        self,
        image: Float[Tensor, "H W 3"],
        truth: Float[Tensor, "H W 3"],
        view: TrainingView,
        weights: Float[Tensor, "H W"],
    ) -> Tensor:
        """The mean over static pixels.

        Where a pixel's weight is s, the image compared is the photograph plus s times the difference to it: a
        masked pixel is the photograph itself and so disturbs no window of SSIM that reaches over it.
        """
        blended = torch.lerp(truth, image, weights[..., None])
        loss = losses.photometric_loss(
            blended, view.target, moments=view.moments, lambda_dssim=self.config.loss.lambda_dssim
        )
        return loss / weights.mean().clamp(min=_LEAST_STATIC)

    def _with_priors(
        self,
        loss: Tensor,
        output: RenderOutput,
        view: TrainingView,
        weights: Float[Tensor, "H W"],
        position: float,
    ) -> Tensor:
        if view.inverse_depth is not None and output.inverse_depths is not None:
            # Depth is compared in units of the scene, whatever the world's are.
            prior = torch.where(weights > 0.5, view.inverse_depth, 0)
            difference = depth_loss(output.inverse_depths[0], prior, position, self.config.loss)
            loss = loss + self.poses.unit * difference
        penalty = self.poses.penalty(view.row)
        return self.fit.regularized(loss if penalty is None else loss + penalty)


def _weighted_psnr(errors: Float[Tensor, "H W 3"], weights: Float[Tensor, "H W"]) -> float:
    """PSNR in dB where the squared errors of pixels count by their weights."""
    error = (weights * errors.square().mean(-1)).sum() / weights.sum().clamp(min=1e-6)
    return float(-10 * torch.log10(error.clamp(min=1e-10)))


def _predictions(capture: Capture, train: Sequence[int]) -> tuple[list[Tensor], list[Tensor] | None]:
    """Dynamic probabilities and masks of the training frames; without probabilities the masks are those."""
    masks = None if capture.dynamic_masks is None else [capture.dynamic_masks[view] for view in train]
    if capture.dynamic_probabilities is not None:
        return [capture.dynamic_probabilities[view] for view in train], masks
    if masks is not None:
        return [mask.float() for mask in masks], masks
    sizes = capture.cameras
    return [torch.zeros(int(sizes.height[view]), int(sizes.width[view])) for view in train], None
