"""The street method: what stands still and what moves in a driving log, learned without boxes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core import losses
from core.images import to_uint8
from core.optimizers import RowAdam
from core.pyramid import edge_aware_smoothness, pyramid_loss
from core.randomness import generator
from core.schedules import RECIPE_STEPS, Schedule, ScheduleConfig, exponential
from evaluation.street_scores import KnownView, score_street_view, summary
from gaussian_renderer import RenderOutput
from scene.capture import Capture
from scene.deformation import Change
from scene.densification import DefaultConfig, DensificationConfig
from scene.exposure import ExposureConfig, Exposures
from scene.gaussian_model import camera_extent
from scene.sky import Sky, SkyConfig
from scene.staticness import Staticness, StaticnessConfig
from scene.street_gaussians import StreetGaussians
from training.gaussian_fit import GaussianFit, ModelConfig, OptimizerConfig, RenderConfig
from training.photometric import LossConfig, TrainingView, TrainingViews, order
from training.street_losses import StreetLossConfig, change_penalty, gate_entropy, motion_priors
from training.street_scene import StreetScene, before_sky
from training.task import Evaluation, Stepper, StepReport

PICTURES = 3
"""Held-out views shown with an evaluation."""

_EVALUATED = ("psnr", "ssim", "dpsnr_pooled", "separation_iou")
_LEAST_STATIC = 1e-3


@dataclass(frozen=True)
class MotionRates:
    """Learning rates of what moves."""

    velocity_lr: float = 0.02
    """Of velocities, m/s."""
    span_lr: float = 0.01
    """Of the logarithms of the time spans."""
    gate_lr: float = 0.02
    """Of the logits of the gates."""
    field_lr_init: float = 5e-3
    """Of the field's features at the start."""
    field_lr_final: float = 5e-4
    """Of the field's features at the end; it falls exponentially."""
    deformation_lr_init: float = 1e-3
    """Of the network that reads them, at the start."""
    deformation_lr_final: float = 1e-4
    """Of that network at the end."""


@dataclass(frozen=True)
class StreetFitConfig:
    """One stage of the street method."""

    seed: int = 0
    """Of the order of the views and all draws; not negative."""
    schedule: ScheduleConfig = ScheduleConfig(iterations=4_000)
    """How long it is."""
    model: ModelConfig = ModelConfig(sh_degree=1, init_opacity=0.3)
    """The Gaussians at the start."""
    optimizer: OptimizerConfig = OptimizerConfig(
        position_lr_init=1.6e-5,
        position_lr_final=1.6e-6,
        feature_lr=5e-3,
        opacity_lr=0.05,
        scaling_lr=0.01,
    )
    """Adam."""
    motion: MotionRates = MotionRates()
    """Learning rates of what moves."""
    loss: LossConfig = LossConfig()
    """The photometric difference."""
    terms: StreetLossConfig = StreetLossConfig()
    """The other terms."""
    render: RenderConfig = RenderConfig(coarse_to_fine=0)
    """How images are formed."""
    densification: DensificationConfig = DensificationConfig(default=DefaultConfig(opacity_reset_interval=0))
    """How the number of Gaussians changes."""
    sky: SkyConfig = SkyConfig()
    """What is behind everything."""
    exposure: ExposureConfig = ExposureConfig(exposure=True, exposure_lr_init=2e-3, exposure_lr_final=1e-4)
    """Exposure compensation."""
    staticness: StaticnessConfig = StaticnessConfig(mask_dilation_px=0)
    """Weights of pixels that may show something that moves, where only what stands still is learned."""


class StreetTask:
    """One stage on a driving log: batches are views, a step fits one of them.

    Without a deformation the stage is static: what moves is left out of the loss as far as `moving` and the
    residuals tell. With one, every pixel counts.

    Args:
        config: the stage.
        capture: of a driving log.
        train: the capture's rows to learn from.
        test: the rows to score.
        model: the Gaussians at the start; taken over.
        moving: [H, W] in [0, 1], how likely it is that something moves, of each view that trains; None where
            all pixels count.
    """

    def __init__(
        self,
        config: StreetFitConfig,
        capture: Capture,
        train: Sequence[int],
        test: Sequence[int],
        model: StreetGaussians,
        moving: Sequence[Float[Tensor, "_H _W"]] | None,
    ) -> None:
        if capture.drive is None:
            raise ValueError("StreetTask needs the capture of a driving log")
        self.config = config
        self.capture = capture
        self.drive = capture.drive
        self.train, self.test = tuple(train), tuple(test)
        self.views = TrainingViews(capture, train, config.loss.cache_mb)
        self.schedule = Schedule.of(config.schedule)
        self.model = model
        rates = config.motion
        self.fit = GaussianFit(
            config,
            model,
            max(camera_extent(capture.cameras.centers[list(train)]), 10.0),
            {
                "velocities": rates.velocity_lr,
                "times_s": 0.0,
                "log_spans": rates.span_lr,
                "logit_gates": rates.gate_lr,
            },
        )
        self.sky = Sky(config.sky) if config.sky.sky else None
        self.optimizer = RowAdam(_beside_gaussians(model, self.sky))
        names = [capture.image_names[view] for view in train]
        self.exposures = Exposures(names, config.exposure) if config.exposure.exposure else None
        self.staticness = None if moving is None else Staticness(moving, None, config.staticness)

    def adopt(self, before: StreetScene) -> None:
        """Start from the sky and the exposures that an earlier stage has learned."""
        if self.sky is not None and before.sky is not None:
            self.sky.load_state_dict(before.sky.state_dict())
        if self.exposures is not None and before.transforms is not None:
            with torch.no_grad():
                for row, view in enumerate(self.train):
                    if view in before.transforms:
                        self.exposures.transforms[row] = before.transforms[view]

    def time_of(self, view: int) -> float:
        """When a view of the capture was taken, seconds."""
        return float(self.drive.view_times_s[view])

    def batches(self, first_step: int) -> Iterator[int]:
        """Rows of the training views."""
        return order(len(self.views), self.config.seed, first_step)

    def step(self, step: int, batch: int, stepper: Stepper) -> StepReport:
        """Fit one view."""
        position, scale = self.schedule.position(step), stepper.learning_rate_scale
        view = self.views.get(batch, self.fit.halvings(position))
        self._zero_grad()
        time = self.time_of(self.train[batch])
        moment = self.model.moment(time, self.fit.sh_degree(position))
        wants_depth = bool(self.config.terms.smoothness_weight) or view.inverse_depth is not None
        output = self.fit.draw(
            view.cameras, self.schedule, step, splats=moment.splats, inverse_depth=wants_depth
        )
        image = before_sky(output, self.sky, view.cameras)
        if self.exposures is not None:
            image = self.exposures.apply(image, batch)
        weights = self._weights(view, position)
        loss = self._photometric(image, view, weights) + self._geometry(output, view, weights)
        value = stepper.backward(self.fit.regularized(loss + self._priors(moment.change, time, step)))
        truth = losses.as_image(view.target, image)
        if self.staticness is not None and weights is not None:
            self.staticness.observe(batch, (image.detach() - truth).abs().mean(-1), weights)
        self._update(position, scale)
        self.fit.advance(output, self.schedule, step, scale)
        if not stepper.reporting:
            return StepReport(value, {})
        psnr = losses.psnr(image.detach().clamp(0, 1), truth)
        return StepReport(value, {"psnr": psnr, "gaussians": float(len(self.model))})

    def scene(self) -> StreetScene:
        """What has been learned so far."""
        transforms = None
        if self.exposures is not None:
            transforms = dict(zip(self.train, self.exposures.transforms.detach(), strict=True))
        return StreetScene(self.model, self.sky, transforms, self.config.render.backend)

    def evaluate(self) -> Evaluation:
        """The scores of held-out views that say how it goes, as at the end of a run."""
        scores, pictures = [], {}
        scene = self.scene()
        for view in self.test:
            transform = scene.transform_of(view, self.drive)
            drawn = scene.draw(self.capture.cameras[view], self.time_of(view), transform=transform)
            known = KnownView.of(self.capture, view)
            scores.append(score_street_view(known, drawn.raw, drawn.moving))
            if len(pictures) < PICTURES:
                pictures[f"test/{known.name}"] = torch.cat([to_uint8(drawn.image), known.photograph], dim=1)
        numbers = summary(scores)
        return Evaluation({name: numbers[name] for name in _EVALUATED if name in numbers}, pictures)

    def state_dict(self) -> dict[str, Any]:
        """Gaussians, field, moments, densification statistics, sky, exposures, weights, schedule."""
        parts = {"sky": self.sky, "exposures": self.exposures, "staticness": self.staticness}
        states = {name: None if part is None else part.state_dict() for name, part in parts.items()}
        states["others"] = self.optimizer.state_dict()
        return {**self.fit.state_dict(), "schedule": self.schedule.state_dict(), **states}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.schedule = self.schedule.restored(state["schedule"])
        self.fit.load_state_dict(state)
        for name in ("sky", "exposures", "staticness"):
            part = getattr(self, name)
            if part is not None:
                part.load_state_dict(state[name])
        self.optimizer.load_state_dict(state["others"])

    def _zero_grad(self) -> None:
        self.fit.optimizer.zero_grad()
        self.optimizer.zero_grad()
        if self.exposures is not None:
            self.exposures.zero_grad()

    def _weights(self, view: TrainingView, position: float) -> Float[Tensor, "H W"] | None:
        if self.staticness is None:
            return view.weights
        weights = self.staticness.weights(view.row, position, *view.target.shape[1:])
        return weights if view.weights is None else weights * view.weights

    def _photometric(
        self, image: Float[Tensor, "H W 3"], view: TrainingView, weights: Float[Tensor, "H W"] | None
    ) -> Tensor:
        """The difference at full size, and that of smaller images; a mean over the pixels that count."""
        config, terms, scale = self.config.loss, self.config.terms, 1.0
        if weights is not None:
            # Where a pixel does not count, the photograph stands in, which disturbs no window of SSIM.
            image = torch.lerp(losses.as_image(view.target, image), image, weights[..., None])
            scale = 1 / max(float(weights.mean()), _LEAST_STATIC)
        loss = losses.photometric_loss(
            image, view.target, moments=view.moments, lambda_dssim=config.lambda_dssim
        )
        if terms.pyramid_levels and terms.pyramid_weight:
            coarse = pyramid_loss(
                image, view.target, levels=terms.pyramid_levels, lambda_dssim=config.lambda_dssim
            )
            loss = (loss + terms.pyramid_weight * coarse) / (1 + terms.pyramid_weight)
        return scale * loss

    def _geometry(
        self, output: RenderOutput, view: TrainingView, weights: Float[Tensor, "H W"] | None
    ) -> Tensor:
        """Lidar, smoothness, sky."""
        terms, loss = self.config.terms, output.images.new_zeros(())
        if output.inverse_depths is not None:
            inverse_depths = output.inverse_depths[0]
            if terms.smoothness_weight:
                smooth = edge_aware_smoothness(inverse_depths, view.target)
                loss = loss + terms.smoothness_weight * smooth
            if terms.lidar_weight and view.inverse_depth is not None:
                known = view.inverse_depth > 0
                known = known if weights is None else known & (weights > 0.5)
                if known.any():
                    truth = view.inverse_depth[known]
                    difference = (inverse_depths[known] - truth).abs().mean() / truth.mean()
                    loss = loss + terms.lidar_weight * difference
        skies = self.drive.sky_masks
        if terms.sky_weight and skies is not None:
            seen = skies[self.train[view.row]].float()
            alphas = output.alphas[0].clamp(1e-4, 1 - 1e-4)
            if seen.shape == alphas.shape:
                covered = torch.nn.functional.binary_cross_entropy(alphas, 1 - seen)
                loss = loss + terms.sky_weight * covered
        return loss

    def _priors(self, change: Change | None, time: float, step: int) -> Tensor:
        terms = self.config.terms
        loss = self.model.parameters["means"].new_zeros(())
        movable = self.model.movable()
        if not movable.any():
            return loss
        if change is not None:
            loss = loss + change_penalty(change, terms)
        if terms.steadiness_weight or terms.rigidity_weight:
            random = generator(self.config.seed, "motion", step)
            loss = loss + motion_priors(self.model, time, self.drive.gap_s, terms, random)
        if terms.gate_entropy_weight:
            gates = self.model.parameters["logit_gates"][movable]
            loss = loss + terms.gate_entropy_weight * gate_entropy(gates)
        return loss

    def _update(self, position: float, scale: float) -> None:
        """Everything but the Gaussians."""
        rates = self.config.motion
        by_kind = {
            "field": exponential(position, rates.field_lr_init, rates.field_lr_final, RECIPE_STEPS),
            "network": exponential(
                position, rates.deformation_lr_init, rates.deformation_lr_final, RECIPE_STEPS
            ),
            "sky": self.config.sky.sky_lr,
        }
        self.optimizer.step(
            {name: scale * by_kind[name.partition(".")[0]] for name in self.optimizer.parameters}
        )
        if self.exposures is not None:
            self.exposures.update(position, scale)


def _beside_gaussians(model: StreetGaussians, sky: Sky | None) -> dict[str, Tensor]:
    """What else is learned, by names that begin with its kind."""
    found: dict[str, Tensor] = {} if sky is None else {"sky": sky.texture}
    if model.deformation is not None:
        for name, parameter in model.deformation.named_parameters():
            kind = "field" if name.startswith("field.") else "network"
            found[f"{kind}.{name}"] = parameter
    return found
