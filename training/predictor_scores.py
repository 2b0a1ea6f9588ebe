"""How well the network does on held-out pairs, in numbers and pictures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

from dynamic_predictor.network.model import PairPrediction
from evaluation.segmentation import score_masks
from training.predictor_batches import PairBatch, PairTargets

THRESHOLD = 0.5
"""Probability from which on a pixel counts as moving."""

_SMALLEST_SCALE = 1e-8


@dataclass(frozen=True)
class PairScores:
    """Sums over pairs.

    Args:
        both: pixels that move and are said to.
        either: pixels that move or are said to.
        point_error: of all pairs.
        pairs: how many have known points.
        regions: J of all images; see `evaluation.segmentation`.
        boundaries: likewise F.
        images: how many have masks.
    """

    both: float = 0.0
    either: float = 0.0
    point_error: float = 0.0
    pairs: float = 0.0
    regions: float = 0.0
    boundaries: float = 0.0
    images: float = 0.0

    @staticmethod
    def of(prediction: PairPrediction, truth: PairTargets) -> "PairScores":
        """The scores of a batch of one pair."""
        both = either = 0.0
        masks: list[tuple[ndarray, ndarray]] = []
        for said, moves, labelled in (
            (prediction.dynamic_1, truth.dynamic_1, truth.labelled_1),
            (prediction.dynamic_2, truth.dynamic_2, truth.labelled_2),
        ):
            if said is not None:
                told, true = (said > THRESHOLD) & labelled, moves & labelled
                both += float((told & true).sum())
                either += float((told | true).sum())
                if labelled.any():
                    masks.append((told[0].cpu().numpy(), true[0].cpu().numpy()))
        error = point_error(
            (prediction.pts3d_1[0], prediction.pts3d_2[0]),
            (truth.points_1[0], truth.points_2[0]),
            (truth.valid_1[0], truth.valid_2[0]),
        )
        known = math.isfinite(error)
        found = score_masks(masks)
        agreement = (0.0, 0.0) if found is None else (sum(found.regions), sum(found.boundaries))
        return PairScores(both, either, error if known else 0.0, float(known), *agreement, float(len(masks)))

    def as_tensor(self, device: torch.device) -> Float[Tensor, "7"]:
        """The sums, for adding up over processes."""
        return torch.tensor(list(vars(self).values()), dtype=torch.float64, device=device)

    @staticmethod
    def numbers(sums: Sequence[float]) -> dict[str, float]:
        """Intersection over union of all pixels; means of J and F over images, of points' errors over pairs.

        What cannot be told is left out.
        """
        scores = PairScores(*sums)
        numbers = {}
        if scores.either:
            numbers["mask_iou"] = scores.both / scores.either
        if scores.images:
            numbers["mask_j"] = scores.regions / scores.images
            numbers["mask_f"] = scores.boundaries / scores.images
        if scores.pairs:
            numbers["point_error"] = scores.point_error / scores.pairs
        return numbers


def point_error(
    predicted: tuple[Float[Tensor, "H W 3"], Float[Tensor, "h w 3"]],
    true: tuple[Float[Tensor, "H W 3"], Float[Tensor, "h w 3"]],
    valid: tuple[Bool[Tensor, "H W"], Bool[Tensor, "h w"]],
) -> float:
    """Mean distance in world units of a pair's points, shifted in depth and scaled to fit the truth.

    The shift brings the median depths of both to zero, the scale makes the median distances from there equal.

    Returns:
        The error; not a number if no pixel is valid.
    """
    mine, truth = (
        torch.cat([xyz[mask] for xyz, mask in zip(points, valid, strict=True)])
        for points in (predicted, true)
    )
    if not len(mine):
        return math.nan
    mine, truth = (points - points.new_tensor([0, 0, 1]) * points[:, 2].median() for points in (mine, truth))
    spread, true_spread = (torch.linalg.vector_norm(points, dim=1).median() for points in (mine, truth))
    difference = mine * (true_spread / spread.clamp(min=_SMALLEST_SCALE)) - truth
    return float(torch.linalg.vector_norm(difference, dim=1).mean())


def picture(batch: PairBatch, prediction: PairPrediction) -> UInt8[Tensor, "H W3 3"]:
    """The first image of a pair, what moves in it, and what is said to, side by side."""
    image = (batch.images_1[0].permute(1, 2, 0) * 0.5 + 0.5).clamp(0, 1)
    said = prediction.dynamic_1
    panels = [image, batch.forward.dynamic_1[0].float()[..., None].expand_as(image)]
    if said is not None:
        panels.append(said[0].float()[..., None].expand_as(image))
    return (torch.cat(panels, dim=1) * 255).round().to(torch.uint8).cpu()
