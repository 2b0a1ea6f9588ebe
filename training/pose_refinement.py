"""Cameras learned together with the scene: a small rigid motion for each, and a common focal length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from core.optimizers import RowAdam
from core.schedules import RECIPE_STEPS, exponential
from scene.cameras import Cameras

_ONE_PLACE = 1e-6  # of the depth of the scene: nearer to each other than any camera is known


@dataclass(frozen=True)
class PoseConfig:
    """Refinement of the cameras."""

    optim_pose: bool = True
    """Refine the poses of the training frames."""
    optim_focal: bool = False
    """Refine the focal length too: one factor for all frames."""
    psnr_threshold: float = 0.0
    """A frame's pose takes a step only while its PSNR over static pixels, in dB, is above this. DAS3R has 26,
    which shuts out frames that need it most; 0 = always."""
    pose_lr_init: float = 5e-5
    """Learning rate at the start, in radians; translations have it times the median depth of the scene."""
    pose_lr_final: float = 5e-6
    """Learning rate at the end; it falls exponentially."""
    pose_from_iter: int = 1_500
    """Recipe step before which cameras stay as predicted: a scene not seen yet says nothing about them."""
    pose_prior: float = 0.0
    """Weight of the mean squared motion from the prediction, in units of milliradians."""
    focal_lr: float = 1e-5
    """Learning rate of the logarithm of the focal length."""

    def __post_init__(self) -> None:
        for name in (
            "psnr_threshold",
            "pose_lr_init",
            "pose_lr_final",
            "pose_from_iter",
            "pose_prior",
            "focal_lr",
        ):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")
        if self.optim_focal and not self.optim_pose:
            raise ValueError(
                "optim_focal: the focal length is refined with the poses only; optim_pose is off"
            )


def se3_exp(twists: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 4 4"]:
    """Rigid transforms of twists (rotation vector in radians, then translation part).

    Source: Murray, Li, Sastry, "A Mathematical Introduction to Robotic Manipulation", 1994, proposition 2.8.
    """
    x, y, z, a, b, c = twists.unbind(-1)
    none = torch.zeros_like(x)
    rows = [none, -z, y, a, z, none, -x, b, -y, x, none, c, none, none, none, none]
    return torch.linalg.matrix_exp(torch.stack(rows, dim=-1).unflatten(-1, (4, 4)))


class PoseRefinement:
    """The cameras of a capture, moved by twists that are learned on the training frames.

    A camera-from-world transform V becomes exp(twist) V: the motion is that of the camera about itself.
    Twists of frames that do not train are interpolated in time between those of their neighbours, so that the
    whole path keeps one gauge. Where all cameras are predicted to be in one place, as of a camera that stands
    or only turns, they stay in one: nothing has parallax that could tell translations.

    Args:
        cameras: as predicted, in the order of time.
        train: rows that train.
        unit: world units that a translation of one counts, such as the median depth: one radian and one unit
            then move pixels about as far.
        config: settings.
    """

    def __init__(self, cameras: Cameras, train: Sequence[int], unit: float, config: PoseConfig) -> None:
        self.config = config
        self.initial = cameras
        self.train = torch.tensor(train)
        self.unit = unit
        centers = cameras.centers
        keeps_place = bool((centers - centers[0]).norm(dim=-1).max() <= _ONE_PLACE * unit)
        self._scales = torch.tensor([1.0] * 3 + [0.0 if keeps_place and len(cameras) > 1 else unit] * 3)
        self._poses = {"twists": torch.zeros(len(train), 6).requires_grad_()}
        self._focal = {"log_focal": torch.zeros(1).requires_grad_()}
        self._pose_optimizer = RowAdam(self._poses)
        self._focal_optimizer = RowAdam(self._focal)

    @property
    def twists(self) -> Float[Tensor, "V 6"]:
        """Motions of the training cameras: rotation vectors in radians, then translations in `unit`."""
        return self._poses["twists"]

    @property
    def focal_factor(self) -> float:
        """By which all focal lengths are multiplied."""
        return float(self._focal["log_focal"].detach().exp())

    def moved(self, row: int, cameras: Cameras) -> Cameras:
        """A training frame's camera where it is now; differentiable to the twist and the focal length.

        Args:
            row: of the frame among those that train.
            cameras: its camera as predicted, one, for an image of any size.
        """
        viewmats = se3_exp(self._scaled(self.twists[row])) @ cameras.viewmats
        Ks = cameras.Ks
        if self.config.optim_focal:
            # A focal length is a stretch of the camera's x and y. The intrinsics carry its value and the
            # transform, which is what renderers differentiate by, its derivative.
            log_focal = self._focal["log_focal"]
            Ks = _stretched(Ks, self.focal_factor)
            stretch = (log_focal - log_focal.detach()).exp()
            one = torch.ones(1)
            viewmats = torch.cat([stretch, stretch, one, one])[:, None] * viewmats
        return replace(cameras, viewmats=viewmats, Ks=Ks)

    @torch.no_grad()
    def cameras(self) -> Cameras:
        """All cameras of the capture where they are now."""
        twists = interpolated(self.twists, self.train, len(self.initial))
        viewmats = se3_exp(self._scaled(twists)) @ self.initial.viewmats
        return replace(self.initial, viewmats=viewmats, Ks=_stretched(self.initial.Ks, self.focal_factor))

    def penalty(self, row: int) -> Tensor | None:
        """The term in the loss that holds a training camera near its prediction; None if there is none."""
        if not self.config.pose_prior:
            return None
        return self.config.pose_prior * (1e3 * self.twists[row]).square().mean()

    def zero_grad(self) -> None:
        """Forget the gradients, such as those of a step that was broken off."""
        self._pose_optimizer.zero_grad()
        self._focal_optimizer.zero_grad()

    def update(self, row: int, position: float, psnr: float, scale: float = 1.0) -> None:
        """One step of Adam for the camera of a training frame.

        Args:
            row: of the frame among those that train.
            position: where in the recipe.
            psnr: of the frame over static pixels, dB.
            scale: factor on the learning rates.
        """
        config = self.config
        if position >= config.pose_from_iter and psnr >= config.psnr_threshold:
            rate = scale * exponential(position, config.pose_lr_init, config.pose_lr_final, RECIPE_STEPS)
            chosen = torch.zeros(len(self.train), dtype=torch.bool)
            chosen[row] = True
            self._pose_optimizer.step({"twists": rate}, visible=chosen)
            self._focal_optimizer.step({"log_focal": scale * config.focal_lr})
        self.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Motions, focal length and moments."""
        return {
            "twists": self.twists.detach(),
            "log_focal": self._focal["log_focal"].detach(),
            "pose_optimizer": self._pose_optimizer.state_dict(),
            "focal_optimizer": self._focal_optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self._poses["twists"] = state["twists"].clone().requires_grad_()
        self._focal["log_focal"] = state["log_focal"].clone().requires_grad_()
        self._pose_optimizer.load_state_dict(state["pose_optimizer"])
        self._focal_optimizer.load_state_dict(state["focal_optimizer"])

    def _scaled(self, twists: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 6"]:
        return twists * self._scales


def interpolated(
    values: Float[Tensor, "V *shape"], rows: Int[Tensor, " V"], count: int
) -> Float[Tensor, "C *shape"]:
    """Values known at some rows of a sequence, for all its rows: linear between neighbours, constant beyond.

    Args:
        values: at the rows.
        rows: ascending, at least one.
        count: rows of the whole sequence, C.
    """
    places = torch.arange(count)
    after = torch.searchsorted(rows, places).clamp(max=len(rows) - 1)
    before = (torch.searchsorted(rows, places, right=True) - 1).clamp(min=0)
    gaps = (rows[after] - rows[before]).clamp(min=1)
    shares = ((places - rows[before]) / gaps).clamp(0, 1).to(values)
    return torch.lerp(values[before], values[after], shares.view(-1, *[1] * (values.dim() - 1)))


def _stretched(Ks: Float[Tensor, "C 3 3"], factor: float) -> Float[Tensor, "C 3 3"]:
    """Intrinsics with focal lengths multiplied."""
    factors = torch.ones(3, 3)
    factors[0, 0] = factors[1, 1] = factor
    return Ks * factors
