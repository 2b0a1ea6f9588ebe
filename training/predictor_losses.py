"""What the predictor's training minimises: errors of points up to scale, and the cross-entropy of what moves.

Points of both images are told in the first camera's axes, and predicted and true ones are each divided by
their mean distance from that camera, because two images do not tell the scale.

Source: S. Wang et al., "DUSt3R: Geometric 3D Vision Made Easy", 2024, eq. 2 to 4; K. Xu et al., "DAS3R:
Dynamics-Aware Gaussian Splatting for Static Scene Reconstruction", 2024, for the masks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.distributed import Team
from dynamic_predictor.network.model import PairPrediction
from training.predictor_batches import PairTargets

_SMALLEST_SCALE = 1e-8
_SMALLEST_PROBABILITY = 1e-7  # about what float32 can tell from 0 in 1 - p


@dataclass(frozen=True)
class PredictorLossConfig:
    """Terms of the loss."""

    mask_weight: float = 1.0
    """Of the cross-entropy of what moves."""
    pointmap_weight: float = 0.0
    """Of the points' term; it moves nothing while the trunk is frozen, and is logged in any case."""
    confidence_weighting: bool = True
    """Weight each pixel's cross-entropy by the confidence that the network has in its point."""
    confidence_alpha: float = 0.2
    """Of the logarithm that keeps confidences from falling."""
    moving_weight: float = 1.0
    """Factor on the cross-entropy of pixels that move, which are few."""

    def __post_init__(self) -> None:
        for name in ("mask_weight", "pointmap_weight", "confidence_alpha"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")
        if not self.moving_weight > 0:
            raise ValueError(f"moving_weight: a positive number was expected, got {self.moving_weight}")


@dataclass(frozen=True)
class PixelMean:
    """A mean over pixels of which others, batches or processes, hold a part.

    Args:
        total: sum over the pixels at hand.
        count: how many they are.
    """

    total: Float[Tensor, ""]
    count: Float[Tensor, ""]

    @staticmethod
    def of(values: Float[Tensor, "*shape"], where: Bool[Tensor, "*shape"]) -> "PixelMean":
        """The mean of some pixels. What the others hold does not matter, not even if it is no number."""
        return PixelMean(torch.where(where, values, 0).sum(), where.sum().to(values.dtype))

    def __add__(self, other: "PixelMean") -> "PixelMean":
        return PixelMean(self.total + other.total, self.count + other.count)

    def over(self, count: Float[Tensor, ""]) -> "PixelMean":
        """This sum over another number of pixels, of which these are a part."""
        return PixelMean(self.total, count)

    @property
    def value(self) -> Float[Tensor, ""]:
        """The mean; 0 where there is no pixel."""
        return self.total / self.count.clamp(min=1)


@dataclass(frozen=True)
class PixelCounts:
    """How many pixels a step's means are over, whatever the parts in which it is taken.

    Args:
        labelled: in first images and in second ones, of which it is known whether they move.
        valid: likewise, whose points are known.
    """

    labelled: tuple[Float[Tensor, ""], Float[Tensor, ""]]
    valid: tuple[Float[Tensor, ""], Float[Tensor, ""]]

    @staticmethod
    def of(truths: Sequence[PairTargets], team: Team) -> "PixelCounts":
        """Of a step, over all processes.

        Args:
            truths: of this process, in both orders of its pairs.
            team: the processes.
        """
        masks = [(each.labelled_1, each.labelled_2, each.valid_1, each.valid_2) for each in truths]
        counts = torch.tensor([[float(mask.sum()) for mask in row] for row in masks]).sum(0)
        labelled_1, labelled_2, valid_1, valid_2 = team.sum(counts.to(team.device)).unbind()
        return PixelCounts((labelled_1, labelled_2), (valid_1, valid_2))


@dataclass(frozen=True)
class LossTerms:
    """Means over the pixels of first images and of second ones; the two add up.

    Args:
        masks: weighted cross-entropy.
        entropy: cross-entropy as it is.
        weighted_points: the points' error weighted by confidence.
        points: the points' error as it is.
    """

    masks: tuple[PixelMean, PixelMean]
    entropy: tuple[PixelMean, PixelMean]
    weighted_points: tuple[PixelMean, PixelMean]
    points: tuple[PixelMean, PixelMean]

    def __add__(self, other: "LossTerms") -> "LossTerms":
        sums = {
            name: (mine[0] + getattr(other, name)[0], mine[1] + getattr(other, name)[1])
            for name, mine in vars(self).items()
        }
        return LossTerms(**sums)

    def over(self, counts: PixelCounts) -> "LossTerms":
        """These sums over a whole step's numbers of pixels: the values of all parts and processes add up."""

        def both(
            means: tuple[PixelMean, PixelMean], of: tuple[Tensor, Tensor]
        ) -> tuple[PixelMean, PixelMean]:
            return means[0].over(of[0]), means[1].over(of[1])

        return LossTerms(
            masks=both(self.masks, counts.labelled),
            entropy=both(self.entropy, counts.labelled),
            weighted_points=both(self.weighted_points, counts.valid),
            points=both(self.points, counts.valid),
        )

    def loss(self, config: PredictorLossConfig) -> Float[Tensor, ""]:
        """What is minimised."""
        loss = config.mask_weight * _both(self.masks)
        return loss + config.pointmap_weight * _both(self.weighted_points) if config.pointmap_weight else loss

    @property
    def logged(self) -> Float[Tensor, "2"]:
        """Means of the cross-entropy and of the points' error, as they are."""
        return torch.stack([_both(self.entropy), _both(self.points)]).detach() / 2


def _both(means: tuple[PixelMean, PixelMean]) -> Float[Tensor, ""]:
    return means[0].value + means[1].value


def terms_of(prediction: PairPrediction, truth: PairTargets, config: PredictorLossConfig) -> LossTerms:
    """The terms of B pairs.

    Raises:
        ValueError: the network has no mask heads.
    """
    if prediction.dynamic_1 is None or prediction.dynamic_2 is None:
        raise ValueError("a network with mask heads for both images was expected")
    said, moves = (prediction.dynamic_1, prediction.dynamic_2), (truth.dynamic_1, truth.dynamic_2)
    masks = [mask_errors(*each, config.moving_weight) for each in zip(said, moves, strict=True)]
    entropies = [mask_errors(one.detach(), other) for one, other in zip(said, moves, strict=True)]
    errors = point_errors(
        (prediction.pts3d_1, prediction.pts3d_2),
        (truth.points_1, truth.points_2),
        (truth.valid_1, truth.valid_2),
    )
    confidences = (prediction.conf_1, prediction.conf_2)
    labelled, valid = (truth.labelled_1, truth.labelled_2), (truth.valid_1, truth.valid_2)
    # What moves must not teach how sure points are: confidences are taken as they are.
    weights = [
        each.detach() if config.confidence_weighting else torch.ones_like(each) for each in confidences
    ]
    weighted = [
        weighted_by_confidence(error, confidence, config.confidence_alpha)
        for error, confidence in zip(errors, confidences, strict=True)
    ]
    return LossTerms(
        masks=_means([mask * weight for mask, weight in zip(masks, weights, strict=True)], labelled),
        entropy=_means(entropies, labelled),
        weighted_points=_means(weighted, valid),
        points=_means([error.detach() for error in errors], valid),
    )


def _means(values: list[Tensor], where: tuple[Tensor, Tensor]) -> tuple[PixelMean, PixelMean]:
    return PixelMean.of(values[0], where[0]), PixelMean.of(values[1], where[1])


def mask_errors(
    probabilities: Float[Tensor, "B H W"], dynamic: Bool[Tensor, "B H W"], moving_weight: float = 1.0
) -> Float[Tensor, "B H W"]:
    """The cross-entropy of each pixel.

    Args:
        probabilities: that the pixel's thing moves.
        dynamic: whether it does.
        moving_weight: factor where it does.
    """
    # Not torch's own, which fails at a probability that is no number; the loop can go on after one.
    chosen = torch.where(dynamic, probabilities, 1 - probabilities).clamp(min=_SMALLEST_PROBABILITY)
    return -chosen.log() * torch.where(dynamic, moving_weight, 1.0)


def weighted_by_confidence(
    errors: Float[Tensor, "*shape"], confidences: Float[Tensor, "*shape"], alpha: float
) -> Float[Tensor, "*shape"]:
    """Confidence times error - alpha log confidence: to be sure is cheap where the error is small."""
    return confidences * errors - alpha * confidences.log()


def point_errors(
    predicted: tuple[Float[Tensor, "B H W 3"], Float[Tensor, "B h w 3"]],
    true: tuple[Float[Tensor, "B H W 3"], Float[Tensor, "B h w 3"]],
    valid: tuple[Bool[Tensor, "B H W"], Bool[Tensor, "B h w"]],
) -> tuple[Float[Tensor, "B H W"], Float[Tensor, "B h w"]]:
    """Distances between predicted and true points, both divided by their mean distance from the origin.

    Args:
        predicted: points of the first and of the second image, in the first camera's axes.
        true: likewise.
        valid: where the true points are known; the mean distances are over these.
    """
    mine, truth = (_mean_distance(points, valid)[:, None, None, None] for points in (predicted, true))
    return (
        torch.linalg.vector_norm(predicted[0] / mine - true[0] / truth, dim=-1),
        torch.linalg.vector_norm(predicted[1] / mine - true[1] / truth, dim=-1),
    )


def _mean_distance(
    points: tuple[Float[Tensor, "B H W 3"], Float[Tensor, "B h w 3"]],
    valid: tuple[Bool[Tensor, "B H W"], Bool[Tensor, "B h w"]],
) -> Float[Tensor, " B"]:
    """Of the valid points of both images from the origin."""
    distances = [torch.linalg.vector_norm(each, dim=-1).flatten(1) for each in points]
    known = torch.cat([mask.flatten(1) for mask in valid], dim=1)
    total = torch.where(known, torch.cat(distances, dim=1), 0).sum(dim=1)
    return (total / known.sum(dim=1).clamp(min=1)).clamp(min=_SMALLEST_SCALE)
