"""Cameras of held-out frames, found anew against a finished scene: for scores that pose errors spare."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from core.geometry import transform_points
from core.optimizers import RowAdam
from core.schedules import exponential
from gaussian_renderer import render
from gaussian_renderer.views import Develop, ImageFormation
from scene.cameras import Cameras
from scene.splats import Splats
from training.pose_refinement import se3_exp


@dataclass(frozen=True)
class RefinePosesOptions:
    """How held-out cameras are found."""

    refine_steps: int = 100
    """Steps of Adam for each camera."""
    refine_lr_init: float = 5e-4
    """Learning rate at the start, in radians; translations have it times the median depth of the view."""
    refine_lr_final: float = 2e-5
    """Learning rate at the end; it falls exponentially."""

    def __post_init__(self) -> None:
        for name in ("refine_steps", "refine_lr_init", "refine_lr_final"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")


def refine_poses(
    splats: Splats,
    cameras: Cameras,
    images: Sequence[UInt8[Tensor, "_H _W 3"]],
    static_masks: Sequence[Bool[Tensor, "_H _W"]],
    options: RefinePosesOptions = RefinePosesOptions(),
    *,
    formation: ImageFormation | None = None,
    develop: Develop | None = None,
) -> Cameras:
    """Cameras moved to where their photographs agree best with frozen Gaussians.

    The difference is the mean absolute one over static pixels; of all motions tried, the first among them
    none, the best is kept. No Gaussian changes.

    Args:
        splats: the scene.
        cameras: C cameras to start from.
        images: their photographs.
        static_masks: True where a photograph shows what stands still.
        options: steps and rates.
        formation: how the scene is drawn; on black when None.
        develop: what the cameras make of a drawn image.
    """
    scene = _frozen(splats)
    formation = formation or ImageFormation()
    found = [
        _refine_one(
            scene,
            cameras[view],
            images[view],
            static_masks[view],
            options,
            formation,
            develop,
            view,
        )
        for view in range(len(cameras))
    ]
    return replace(cameras, viewmats=torch.cat(found)) if found else cameras


def _refine_one(
    scene: Splats,
    camera: Cameras,
    image: UInt8[Tensor, "H W 3"],
    static: Bool[Tensor, "H W"],
    options: RefinePosesOptions,
    formation: ImageFormation,
    develop: Develop | None,
    row: int,
) -> Float[Tensor, "1 4 4"]:
    depths = transform_points(camera.viewmats[0], scene.means)[:, 2]
    unit = float(depths[depths > 0].median()) if bool((depths > 0).any()) else 1.0
    units = torch.tensor([1.0, 1.0, 1.0, unit, unit, unit])
    target, weights = image / 255, static.float()[..., None]
    parameters = {"twist": torch.zeros(1, 6).requires_grad_()}
    adam = RowAdam(parameters)
    best, best_loss = camera.viewmats, float("inf")
    for step in range(options.refine_steps + 1):
        viewmats = se3_exp(parameters["twist"] * units) @ camera.viewmats
        drawn = render(
            scene, replace(camera, viewmats=viewmats), background=formation.background,
            antialiased=formation.antialiased, backend=formation.backend,
        ).images[0]  # fmt: skip
        if develop is not None:
            drawn = develop(drawn, row)
        loss = ((drawn - target).abs() * weights).sum() / (3 * weights.sum()).clamp(min=1)
        if loss.item() < best_loss:
            best, best_loss = viewmats.detach(), loss.item()
        if step == options.refine_steps:
            break
        adam.zero_grad()
        loss.backward()
        rate = exponential(float(step), options.refine_lr_init, options.refine_lr_final, options.refine_steps)
        adam.step({"twist": rate})
    return best


def _frozen(splats: Splats) -> Splats:
    names = ("means", "quats", "scales", "opacities", "sh")
    return replace(splats, **{name: getattr(splats, name).detach() for name in names})
