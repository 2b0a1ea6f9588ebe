"""What the street method minimises; each term is a switch."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from core import losses
from core.pyramid import Pyramid, edge_aware_smoothness, pyramid_loss
from scene.deformation import Change
from scene.fields.hash_grid import HashGrid
from scene.fields.hexplane import HexPlane
from scene.street_gaussians import StreetGaussians
from training.photometric import TrainingView

_LEAST_STATIC = 1e-3  # mean weight of a view below which its loss is not made up for any further
_SAMPLE = 512
_PLANES_EVERY = 8  # steps, with as many times the weight
_NEAR_M = 0.5


@dataclass(frozen=True)
class StreetLossConfig:
    """Weights; 0 switches a term off."""

    lambda_dssim: float = 0.2
    """Share of 1 - SSIM in the photometric difference, 0 to 1; the rest is L1."""
    cache_mb: int = 128
    """Memory for window moments of the photographs, MiB. Views beyond it are slower, not different."""
    pyramid_levels: int = 3
    """Halvings of the images at which they are compared too; 0 compares at full size only."""
    pyramid_weight: float = 1.0
    """Of the mean over those."""
    lpips_weight: float = 0.0
    """Of how different the images look to a network (LPIPS, AlexNet), whose weight files it needs."""
    lpips_from: float = 0.7
    """Share of the stage after which that counts, 0 to 1."""
    smoothness_weight: float = 0.005
    """Of changes of inverse depth where the photograph has no edge."""
    lidar_weight: float = 0.1
    """Of the difference from the lidar's inverse depths, in units of their mean."""
    sky_weight: float = 0.05
    """Of coverage where the sky is seen, and of its lack elsewhere; needs sky masks."""
    change_l1: float = 1e-3
    """Of the mean absolute change that the field makes: positions (metres), rotations, colours, and what else
    it changes."""
    change_l2: float = 1e-3
    """Of the mean squared change."""
    feature_l1: float = 1e-5
    """Of the mean absolute feature of a hash grid."""
    feature_l2: float = 1e-4
    """Of the mean squared feature of a hash grid."""
    plane_tv: float = 1e-4
    """Of squared second differences in space of the field, if it is six planes; these three are
    S3Gaussian's."""
    plane_time_smoothness: float = 1e-2
    """Of squared second differences in time of such planes."""
    plane_time_l1: float = 1e-4
    """Of the difference of such planes from no change in time."""
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
        for name in ("lambda_dssim", "lpips_from"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name}: 0 to 1 was expected, got {getattr(self, name)}")


def counted(
    image: Float[Tensor, "H W 3"], view: TrainingView, weights: Float[Tensor, "H W"] | None
) -> tuple[Float[Tensor, "H W 3"], float]:
    """An image in which only the pixels that count differ from the photograph, and what makes up for them.

    Where a pixel does not count, the photograph stands in, which disturbs no window of SSIM.

    Args:
        image: drawn.
        view: with the photograph.
        weights: of the pixels, in [0, 1]; None where all count.

    Returns:
        The image; the factor that makes a mean over all pixels one over those that count.
    """
    if weights is None:
        return image, 1.0
    blended = torch.lerp(losses.as_image(view.target, image), image, weights[..., None])
    return blended, 1 / max(float(weights.mean()), _LEAST_STATIC)


def photometric(
    image: Float[Tensor, "H W 3"], view: TrainingView, pyramid: Pyramid, config: StreetLossConfig
) -> Float[Tensor, ""]:
    """The difference at full size, and that of smaller images, as a mean over all pixels.

    Args:
        image: drawn.
        view: with the photograph.
        pyramid: smaller photographs; empty to compare at full size only.
        config: weights.
    """
    loss = losses.photometric_loss(image, view.target, moments=view.moments, lambda_dssim=config.lambda_dssim)
    if not pyramid:
        return loss
    coarse = pyramid_loss(image, pyramid, lambda_dssim=config.lambda_dssim)
    return (loss + config.pyramid_weight * coarse) / (1 + config.pyramid_weight)


def depth_terms(
    inverse_depths: Float[Tensor, "H W"],
    view: TrainingView,
    weights: Float[Tensor, "H W"] | None,
    config: StreetLossConfig,
) -> Float[Tensor, ""]:
    """Smooth inside surfaces, and as far as lidar says.

    Args:
        inverse_depths: drawn.
        view: with the photograph and the lidar's inverse depths.
        weights: of the pixels; lidar speaks where they are above one half.
        config: weights.
    """
    loss = inverse_depths.new_zeros(())
    if config.smoothness_weight:
        loss = loss + config.smoothness_weight * edge_aware_smoothness(inverse_depths, view.target)
    if config.lidar_weight and view.inverse_depth is not None:
        known = view.inverse_depth > 0
        known = (known if weights is None else known & (weights > 0.5)).float()
        # Both are means over the same pixels, so that their number drops out.
        difference = ((inverse_depths - view.inverse_depth).abs() * known).sum()
        loss = loss + config.lidar_weight * difference / (view.inverse_depth * known).sum().clamp(min=1e-9)
    return loss


def sky_term(
    alphas: Float[Tensor, "H W"], seen: Float[Tensor, "_h _w"], weights: Float[Tensor, "H W"] | None
) -> Float[Tensor, ""]:
    """Cross entropy of coverage with there being no sky.

    Args:
        alphas: coverage as it is drawn.
        seen: 1 where the sky is seen, in an image of any size.
        weights: of the pixels.
    """
    if seen.shape != alphas.shape:
        seen = F.adaptive_avg_pool2d(seen[None], (alphas.shape[0], alphas.shape[1]))[0]
    return F.binary_cross_entropy(alphas.clamp(1e-4, 1 - 1e-4), 1 - seen, weight=weights)


def change_penalty(change: Change, config: StreetLossConfig) -> Float[Tensor, ""]:
    """l1 and l2 of what the field changes."""
    total = change.means.new_zeros(())
    if not len(change.means):
        return total
    for values in change.values():
        if config.change_l1:
            total = total + config.change_l1 * values.abs().mean()
        if config.change_l2:
            total = total + config.change_l2 * values.square().mean()
    return total


def field_penalty(
    field: HashGrid | HexPlane, features: Float[Tensor, "M C"], step: int, config: StreetLossConfig
) -> Float[Tensor, ""]:
    """What each kind of field is kept small and smooth by.

    Args:
        field: of space and time.
        features: that a step has read of it; of a hash grid they alone are penalised, not all its tables.
        step: the present one; planes, which take longer than a step, are looked at now and then.
        config: weights.
    """
    if isinstance(field, HexPlane):
        if (step - 1) % _PLANES_EVERY:
            return features.new_zeros(())
        return _PLANES_EVERY * field.regularisation(
            plane_tv=config.plane_tv,
            time_smoothness=config.plane_time_smoothness,
            time_l1=config.plane_time_l1,
        )
    total = features.new_zeros(())
    if config.feature_l1 and len(features):
        total = total + config.feature_l1 * features.abs().mean()
    if config.feature_l2 and len(features):
        total = total + config.feature_l2 * features.square().mean()
    return total


def gate_entropy(logits: Float[Tensor, " M"]) -> Float[Tensor, ""]:
    """Mean entropy of the gates in nats."""
    return F.binary_cross_entropy_with_logits(logits, logits.sigmoid())


def motion_priors(
    model: StreetGaussians,
    there: Int64[Tensor, " P"],
    time_s: float,
    gap_s: float,
    config: StreetLossConfig,
    random: torch.Generator,
) -> Float[Tensor, ""]:
    """Steady and rigid motion of a sample of what may move.

    Steady: the field's shift has a small second difference along the path of a Gaussian; this steadies the
    field alone. Rigid: neighbours have nearly the same velocity.

    Args:
        model: the street.
        there: Gaussians that may move and are there at the time.
        time_s: of the view.
        gap_s: between two frames.
        config: weights.
        random: picks the sample.
    """
    total = model.parameters["means"].new_zeros(())
    if len(there) < 2:
        return total
    chosen = there[torch.randperm(len(there), generator=random)[:_SAMPLE]]
    if config.steadiness_weight and model.deformation is not None:
        moments = [time_s - gap_s, time_s, time_s + gap_s]
        with torch.no_grad():
            places = torch.cat([model.carried(chosen, at) for at in moments])
        times = (places.new_tensor(moments) / model.duration_s).clamp(0, 1).repeat_interleave(len(chosen))
        before, now, after = model.deformation(places, times).means.chunk(3)
        total = total + config.steadiness_weight * (before - 2 * now + after).norm(dim=-1).mean()
    if config.rigidity_weight:
        with torch.no_grad():
            places = model.carried(chosen, time_s)
            near = torch.cdist(places, places).fill_diagonal_(torch.inf).min(dim=1)
        velocities = model.parameters["velocities"].index_select(0, chosen)
        difference = (velocities - velocities[near.indices]).norm(dim=-1)
        total = total + config.rigidity_weight * (difference * (near.values < _NEAR_M)).mean()
    return total
