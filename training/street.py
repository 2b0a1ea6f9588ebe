"""The street method: what stands still and what moves in a driving log, learned without boxes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core import losses
from core.errors import UserError
from core.images import to_uint8
from core.optimizers import RowAdam
from core.pyramid import Pyramid, pyramid_of
from core.randomness import generator
from core.schedules import RECIPE_STEPS, Schedule, exponential
from evaluation.lpips import Lpips, how_to_get, load_lpips
from evaluation.street_scores import KnownView, score_street_view, summary
from gaussian_renderer import RenderOutput
from scene.cameras import Cameras
from scene.capture import Capture
from scene.exposure import Exposures
from scene.sky import Sky
from scene.staticness import Staticness
from scene.street_gaussians import Moment, StreetGaussians
from training.gaussian_fit import GaussianFit
from training.photometric import TrainingView, TrainingViews, order
from training.pose_refinement import PoseRefinement
from training.street_fit_config import StreetFitConfig
from training.street_losses import (
    change_penalty,
    counted,
    depth_terms,
    field_penalty,
    gate_entropy,
    motion_priors,
    photometric,
    sky_term,
)
from training.street_scene import StreetScene, before_sky
from training.task import Evaluation, Stepper, StepReport

PICTURES = 3
"""Held-out views shown with an evaluation."""

_EVALUATED = ("psnr", "ssim", "dpsnr_pooled", "separation_iou")
_DEPTH_M = 20.0
"""What a translation of a camera is measured by: at this depth it moves pixels as a turn does."""


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
            config.extent_m,
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
        self.poses = PoseRefinement(
            capture.cameras,
            train,
            _DEPTH_M,
            config.poses,
            paths=self.drive.view_cameras,
            times=self.drive.view_times_s,
        )
        self.staticness = None if moving is None else Staticness(moving, None, config.staticness)
        self.lpips = _lpips(capture) if config.loss.lpips_weight else None
        self._pyramids: dict[tuple[int, int], Pyramid] = {}

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
        cameras = self._camera(view)
        time = self.time_of(self.train[batch])
        moment = self.model.moment(time, self.fit.sh_degree(position), cameras=cameras)
        output = self.fit.draw(
            cameras, self.schedule, step, splats=moment.splats, inverse_depth=self._wants_depth(view)
        )
        image = before_sky(output, self.sky, cameras)
        if self.exposures is not None:
            image = self.exposures.apply(image, batch)
        weights = self._weights(view, position)
        loss = self._appearance(image, view, weights, position) + self._geometry(output, view, weights)
        value = stepper.backward(self.fit.regularized(loss + self._priors(moment, view, step)))
        truth = losses.as_image(view.target, image)
        if self.staticness is not None and weights is not None:
            self.staticness.observe(batch, (image.detach() - truth).abs().mean(-1), weights)
        if self.config.poses.optim_pose:
            psnr = losses.psnr(counted(image.detach().clamp(0, 1), view, weights)[0], truth)
            self.poses.update(batch, position, psnr, scale)
        self._update(position, scale)
        self.fit.advance(output, self.schedule, step, scale)
        if not stepper.reporting:
            return StepReport(value, {})
        psnr = losses.psnr(image.detach().clamp(0, 1), truth)
        return StepReport(value, {"psnr": psnr, "gaussians": float(len(self.model))})

    def scene(self) -> StreetScene:
        """What has been learned so far."""
        transforms, render = None, self.config.render
        if self.exposures is not None:
            transforms = dict(zip(self.train, self.exposures.transforms.detach(), strict=True))
        return StreetScene(
            self.model,
            self.sky,
            transforms,
            self.poses.cameras(),
            backend=render.backend,
            antialiased=render.antialiasing,
            white=render.white_background,
        )

    def evaluate(self) -> Evaluation:
        """The scores of held-out views that say how it goes, as at the end of a run."""
        scores, pictures = [], {}
        scene = self.scene()
        cameras = scene.placed(self.capture).cameras
        for view in self.test:
            transform = scene.transform_of(view, self.drive)
            drawn = scene.draw(cameras[view], self.time_of(view), transform=transform)
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
        states["poses"] = self.poses.state_dict()
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
        self.poses.load_state_dict(state["poses"])
        self.optimizer.load_state_dict(state["others"])

    def _zero_grad(self) -> None:
        self.fit.optimizer.zero_grad()
        self.optimizer.zero_grad()
        self.poses.zero_grad()
        if self.exposures is not None:
            self.exposures.zero_grad()

    def _camera(self, view: TrainingView) -> Cameras:
        return self.poses.moved(view.row, view.cameras) if self.config.poses.optim_pose else view.cameras

    def _wants_depth(self, view: TrainingView) -> bool:
        terms = self.config.loss
        has_lidar = bool(terms.lidar_weight) and view.inverse_depth is not None
        return has_lidar or bool(terms.smoothness_weight)

    def _weights(self, view: TrainingView, position: float) -> Float[Tensor, "H W"] | None:
        if self.staticness is None:
            return view.weights
        weights = self.staticness.weights(view.row, position, *view.target.shape[1:])
        return weights if view.weights is None else weights * view.weights

    def _appearance(
        self,
        image: Float[Tensor, "H W 3"],
        view: TrainingView,
        weights: Float[Tensor, "H W"] | None,
        position: float,
    ) -> Tensor:
        """How the image differs from the photograph where pixels count."""
        terms = self.config.loss
        image, scale = counted(image, view, weights)
        loss = photometric(image, view, self._pyramid(view), terms)
        if self.lpips is not None and position >= terms.lpips_from * RECIPE_STEPS:
            truth = losses.as_image(view.target, image)
            loss = loss + terms.lpips_weight * self.lpips.distance(image, truth)
        return scale * loss

    def _pyramid(self, view: TrainingView) -> Pyramid:
        """The photograph's halvings, which take a third of its memory, kept from the first visit on."""
        terms = self.config.loss
        if not (terms.pyramid_weight and terms.pyramid_levels):
            return ()
        key = (view.row, self.views.halvings)
        if key not in self._pyramids:
            self._pyramids[key] = pyramid_of(view.target, terms.pyramid_levels)
        return self._pyramids[key]

    def _geometry(
        self, output: RenderOutput, view: TrainingView, weights: Float[Tensor, "H W"] | None
    ) -> Tensor:
        """Lidar, smoothness, sky."""
        terms, loss = self.config.loss, output.images.new_zeros(())
        if output.inverse_depths is not None:
            loss = loss + depth_terms(output.inverse_depths[0], view, weights, terms)
        skies = self.drive.sky_masks
        seen = None if skies is None else skies[self.train[view.row]]
        if terms.sky_weight and seen is not None:
            loss = loss + terms.sky_weight * sky_term(output.alphas[0], seen.float(), view.weights)
        return loss

    def _priors(self, moment: Moment, view: TrainingView, step: int) -> Tensor:
        """What is known beforehand of motion, of its field and of the cameras."""
        terms, change, deformation = self.config.loss, moment.change, self.model.deformation
        loss = self.model.parameters["means"].new_zeros(())
        if change is not None and deformation is not None:
            loss = (
                loss
                + change_penalty(change, terms)
                + field_penalty(deformation.field, change.features, step, terms)
            )
        if len(moment.there) and (terms.steadiness_weight or terms.rigidity_weight):
            time, gap = self.time_of(self.train[view.row]), self.drive.gap_s
            random = generator(self.config.seed, "motion", step)
            loss = loss + motion_priors(self.model, moment.there, time, gap, terms, random)
        if len(moment.there) and terms.gate_entropy_weight:
            gates = self.model.parameters["logit_gates"].index_select(0, moment.there)
            loss = loss + terms.gate_entropy_weight * gate_entropy(gates)
        penalty = self.poses.penalty(view.row) if self.config.poses.optim_pose else None
        return loss if penalty is None else loss + penalty

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


def _lpips(capture: Capture) -> Lpips:
    """The network that judges images, which must be large enough for it.

    Raises:
        UserError: its weight files are not on this machine, or an image is too small.
    """
    network = load_lpips("alex", like_inria=False)
    if network is None:
        raise UserError(f"--lpips-weight: {how_to_get('alex')}; or leave it out")
    smallest = int(min(capture.cameras.width.min(), capture.cameras.height.min()))
    if smallest < network.smallest_side:
        raise UserError(
            f"--lpips-weight: images with sides of {network.smallest_side} pixels or more were expected, the "
            f"smallest has {smallest}; give a larger --long-side, or leave it out"
        )
    return network
