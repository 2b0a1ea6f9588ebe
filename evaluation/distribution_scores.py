"""How alike two sets of samples are, by their features: FID, KID, precision and recall, nearest neighbours.

All of them compare numbers that some network or rule made of each sample. A score therefore has no meaning
without the name of the features, and compares only with scores of the same ones and of similar set sizes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from core.randomness import generator

_BLOCK = 1024  # rows of a matrix of distances that are held at a time


@dataclass(frozen=True)
class NearestNeighbours:
    """Distances that tell copies of the training samples from new ones.

    Training samples must be apart themselves: of windows that overlap each has a neighbour that is nearly
    itself, and no copy would be noticed.

    Args:
        generated: from each generated sample to the nearest training sample.
        training: from each training sample to the nearest other one.
    """

    generated: Float64[Tensor, "N"]
    training: Float64[Tensor, "M"]

    @property
    def ratio(self) -> float:
        """Medians of `generated` over `training`: about 1 for new samples of the same kind, 0 for copies.

        Infinite where the training samples are all alike and the generated ones are not.
        """
        between, within = float(self.generated.median()), float(self.training.median())
        if within == 0:
            return 1.0 if between == 0 else float("inf")
        return between / within

    @property
    def copied_share(self) -> float:
        """Share of the generated that are nearer to training than a tenth of the median training distance."""
        return float((self.generated < 0.1 * self.training.median()).double().mean())


@dataclass(frozen=True)
class DistributionScores:
    """A generated set against a reference set.

    Args:
        fid: Fréchet distance, in squared units of the features; 0 is best.
        kid: kernel distance, unbiased and so around 0 for sets alike, or a little below.
        kid_deviation: standard deviation of `kid` over its subsets; 0 where there is only one.
        precision: share of generated samples that lie among the reference, 0 to 1.
        recall: share of reference samples that lie among the generated, 0 to 1.
        neighbour_ratio: `NearestNeighbours.ratio`.
        copied_share: `NearestNeighbours.copied_share`, 0 to 1.
        reference_samples: how many there were.
        generated_samples: how many there were.
    """

    fid: float
    kid: float
    kid_deviation: float
    precision: float
    recall: float
    neighbour_ratio: float
    copied_share: float
    reference_samples: int
    generated_samples: int


def compare(
    reference: Float[Tensor, "M D"], generated: Float[Tensor, "N D"], neighbours: int = 3, seed: int = 0
) -> DistributionScores:
    """All scores of two sets of features.

    Args:
        reference: of real samples.
        generated: of generated ones.
        neighbours: k of precision and recall.
        seed: of the subsets that KID draws.

    Raises:
        ValueError: a set has no more than `neighbours` samples.
    """
    kid, deviation = kernel_distance(reference, generated, seed=seed)
    precision, recall = precision_recall(reference, generated, neighbours)
    nearest = nearest_neighbours(generated, reference)
    return DistributionScores(
        fid=frechet_distance(reference, generated),
        kid=kid,
        kid_deviation=deviation,
        precision=precision,
        recall=recall,
        neighbour_ratio=nearest.ratio,
        copied_share=nearest.copied_share,
        reference_samples=len(reference),
        generated_samples=len(generated),
    )


def frechet_distance(first: Float[Tensor, "M D"], second: Float[Tensor, "N D"]) -> float:
    """FID: the Fréchet distance between Gaussians that have the means and covariances of two sets.

    Also right where there are fewer samples than features; like every FID it then is far from that of many.

    Raises:
        ValueError: a set has fewer than two samples.

    Source: M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", NeurIPS 2017, eq. 6.
    """
    (mean, covariance), (other_mean, other_covariance) = _moments(first), _moments(second)
    return frechet_distance_of_gaussians(mean, covariance, other_mean, other_covariance)


def frechet_distance_of_gaussians(
    mean: Float64[Tensor, "D"],
    covariance: Float64[Tensor, "D D"],
    other_mean: Float64[Tensor, "D"],
    other_covariance: Float64[Tensor, "D D"],
) -> float:
    """The same of two Gaussians: |m - n|² + tr(A) + tr(B) - 2 tr((AB)^½), never below 0.

    The trace of the root is the sum of the singular values of A^½ B^½: both roots are of symmetric matrices,
    so that nothing becomes complex and singular covariances do no harm.
    """
    roots = _symmetric_root(covariance) @ _symmetric_root(other_covariance)
    spread = covariance.trace() + other_covariance.trace() - 2 * torch.linalg.svdvals(roots).sum()
    return max(0.0, float((mean - other_mean).square().sum() + spread))


def _moments(features: Float[Tensor, "N D"]) -> tuple[Float64[Tensor, "D"], Float64[Tensor, "D D"]]:
    if len(features) < 2:
        raise ValueError(f"a covariance needs two samples, got {len(features)}")
    mean = features.double().mean(0)
    centred = features.double() - mean
    return mean, centred.T @ centred / (len(features) - 1)


def _symmetric_root(matrix: Float64[Tensor, "D D"]) -> Float64[Tensor, "D D"]:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def kernel_distance(
    first: Float[Tensor, "M D"],
    second: Float[Tensor, "N D"],
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """KID: the squared maximum mean discrepancy under the kernel (x·y / D + 1)³, unbiased.

    Args:
        first: features of a set.
        second: features of the other.
        subsets: how many pairs of subsets the mean is taken over.
        subset_size: their size; sets that are both no larger are compared once, as a whole.
        seed: of what is drawn.

    Returns:
        The mean over the subsets and the standard deviation; that is 0 of a single comparison.

    Raises:
        ValueError: a set has fewer than two samples.

    Source: M. Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4 and eq. 4.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError(f"two samples of each were expected, got {len(first)} and {len(second)}")
    if max(len(first), len(second)) <= subset_size:
        return _unbiased_discrepancy(first.double(), second.double()), 0.0
    drawn = generator(seed, "subsets of the kernel distance")
    values = torch.tensor(
        [
            _unbiased_discrepancy(_some(first, subset_size, drawn), _some(second, subset_size, drawn))
            for _ in range(subsets)
        ],
        dtype=torch.float64,
    )
    return float(values.mean()), float(values.std(correction=0))


def _some(features: Float[Tensor, "N D"], count: int, drawn: torch.Generator) -> Float64[Tensor, "n D"]:
    rows = torch.randperm(len(features), generator=drawn)[:count]
    return features[rows.to(features.device)].double()


def _unbiased_discrepancy(first: Float64[Tensor, "M D"], second: Float64[Tensor, "N D"]) -> float:
    def kernel(left: Float64[Tensor, "A D"], right: Float64[Tensor, "B D"]) -> Float64[Tensor, "A B"]:
        return (left @ right.T / left.shape[1] + 1) ** 3

    def within(features: Float64[Tensor, "A D"]) -> Float64[Tensor, ""]:
        values, count = kernel(features, features), len(features)
        return (values.sum() - values.trace()) / (count * (count - 1))

    return float(within(first) + within(second) - 2 * kernel(first, second).mean())


def precision_recall(
    reference: Float[Tensor, "M D"], generated: Float[Tensor, "N D"], neighbours: int = 3
) -> tuple[float, float]:
    """Improved precision and recall: which samples lie among those of the other set.

    A set is where the balls around its samples are that just reach their k-th neighbour.

    Args:
        reference: features of real samples.
        generated: features of generated ones.
        neighbours: k.

    Returns:
        Share of generated samples among the reference; share of reference samples among the generated.

    Raises:
        ValueError: a set has no more than `neighbours` samples.

    Source: T. Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models",
    NeurIPS 2019, eq. 1-2.
    """
    if min(len(reference), len(generated)) <= neighbours:
        raise ValueError(
            f"more than {neighbours} samples of each were expected, got {len(reference)} and {len(generated)}"
        )
    return _share_among(generated, reference, neighbours), _share_among(reference, generated, neighbours)


def _share_among(samples: Float[Tensor, "N D"], others: Float[Tensor, "M D"], neighbours: int) -> float:
    # A sample is its own nearest neighbour, so the k-th of the others is the k + 1-st of all.
    radii = torch.cat([rows.kthvalue(neighbours + 1, dim=1).values for rows in _distances(others, others)])
    inside = torch.cat([(rows <= radii).any(1) for rows in _distances(samples, others)])
    return float(inside.double().mean())


def nearest_neighbours(generated: Float[Tensor, "N D"], training: Float[Tensor, "M D"]) -> NearestNeighbours:
    """How far samples are from what they were learned from.

    Raises:
        ValueError: there is no generated sample, or fewer than two training samples.
    """
    if len(generated) < 1 or len(training) < 2:
        raise ValueError(f"got {len(generated)} generated and {len(training)} training samples")
    return NearestNeighbours(
        generated=torch.cat([rows.min(1).values for rows in _distances(generated, training)]),
        training=torch.cat([rows.kthvalue(2, dim=1).values for rows in _distances(training, training)]),
    )


def _distances(first: Float[Tensor, "N D"], second: Float[Tensor, "M D"]) -> Iterator[Float64[Tensor, "n M"]]:
    """Euclidean distances, some rows at a time."""
    for rows in first.double().split(_BLOCK):
        # Not by a product of matrices: a sample would be a little away from itself.
        yield torch.cdist(rows, second.double(), compute_mode="donot_use_mm_for_euclid_dist")
