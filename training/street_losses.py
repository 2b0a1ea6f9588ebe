"""What the street method minimises beside the photometric difference; each term is a switch."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from scene.deformation import Change
from scene.street_gaussians import StreetGaussians


@dataclass(frozen=True)
class StreetLossConfig:
    """Weights; 0 switches a term off."""

    pyramid_levels: int = 3
    """Halvings of the images at which they are compared too; 0 compares at full size only."""
    pyramid_weight: float = 1.0
    """Of the mean over those."""
    smoothness_weight: float = 0.005
    """Of changes of inverse depth where the photograph has no edge."""
    lidar_weight: float = 0.1
    """Of the difference from the lidar's inverse depths, in units of their mean."""
    sky_weight: float = 0.05
    """Of coverage where the sky is seen, and of its lack elsewhere; needs sky masks."""
    change_l1: float = 1e-3
    """Of the mean absolute change of positions (metres), rotations and colours."""
    change_l2: float = 1e-3
    """Of the mean squared change."""
    feature_l1: float = 1e-5
    """Of the mean absolute feature of the field."""
    feature_l2: float = 1e-4
    """Of the mean squared feature of the field."""
    steadiness_weight: float = 0.01
    """Of the field's second difference in time, metres."""
    rigidity_weight: float = 0.01
    """Of differences of motion between neighbours, m/s."""
    gate_entropy_weight: float = 1e-4
    """Of the gates' entropy: a Gaussian moves or stands still."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {value}")


def change_penalty(change: Change, config: StreetLossConfig) -> Float[Tensor, ""]:
    """l1 and l2 of what the field changes, and of its features."""
    total = change.means.new_zeros(())
    if not len(change.means):
        return total
    for values in change[:3]:
        total = total + config.change_l1 * values.abs().mean() + config.change_l2 * values.square().mean()
    return total + (
        config.feature_l1 * change.features.abs().mean() + config.feature_l2 * change.features.square().mean()
    )


def gate_entropy(logits: Float[Tensor, " M"]) -> Float[Tensor, ""]:
    """Mean entropy of the gates in nats."""
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, logits.sigmoid())


def motion_priors(
    model: StreetGaussians, time_s: float, gap_s: float, config: StreetLossConfig, random: torch.Generator
) -> Float[Tensor, ""]:
    """Steady and rigid motion of a sample of what may move.

    Steady: the field's shift has a small second difference along the path of a Gaussian. Rigid: neighbours
    have nearly the same velocity.

    Args:
        model: the street.
        time_s: of the view.
        gap_s: between two frames.
        config: weights.
        random: picks the sample.
    """
    rows = (model.movable() & (model.presence(time_s).detach() > 0.1)).nonzero()[:, 0]
    total = model.parameters["means"].new_zeros(())
    if len(rows) < 2:
        return total
    chosen = rows[torch.randperm(len(rows), generator=random)[:_SAMPLE]]
    if config.steadiness_weight and model.deformation is not None:
        shifts = [
            model.deformation(model.carried(chosen, at), min(max(at / model.duration_s, 0.0), 1.0)).means
            for at in (time_s - gap_s, time_s, time_s + gap_s)
        ]
        total = total + config.steadiness_weight * (shifts[0] - 2 * shifts[1] + shifts[2]).norm(dim=-1).mean()
    if config.rigidity_weight:
        places = model.carried(chosen, time_s).detach()
        near = torch.cdist(places, places).fill_diagonal_(torch.inf).min(dim=1)
        velocities = model.parameters["velocities"][chosen]
        difference = (velocities - velocities[near.indices]).norm(dim=-1)
        total = total + config.rigidity_weight * (difference * (near.values < _NEAR_M)).mean()
    return total


_SAMPLE = 512
_NEAR_M = 0.5
