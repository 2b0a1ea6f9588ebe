"""What the autoencoder minimises. Every term is a mean over the samples of a batch.

So a batch may be split over steps or processes, and the sum over its parts is the same. (DynamicCity mixes
all voxels of a batch; the two agree for batches of one, which it is trained with.)
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from generation.vae.model import Posterior

Labels = Int[Tensor, "B *P"] | UInt8[Tensor, "B *P"]
"""Classes of voxels, by sample."""


@dataclass(frozen=True)
class VaeLossConfig:
    """How the terms weigh."""

    ce_weight: float = 1.0
    """Cross-entropy, with rare classes weighing more."""
    lovasz_weight: float = 1.0
    """Lovasz softmax: a smooth stand-in for the intersection over union."""
    kl_weight: float = 0.0015
    """Divergence of the latents from a standard normal distribution."""


@dataclass(frozen=True)
class VaeLosses:
    """The terms, unweighted."""

    cross_entropy: Float[Tensor, ""]
    lovasz: Float[Tensor, ""]
    kl: Float[Tensor, ""]

    def total(self, config: VaeLossConfig) -> Float[Tensor, ""]:
        """Their weighted sum."""
        return (
            config.ce_weight * self.cross_entropy
            + config.lovasz_weight * self.lovasz
            + config.kl_weight * self.kl
        )


def vae_losses(
    scores: Float[Tensor, "B T K X Y Z"],
    voxels: Int[Tensor, "B T X Y Z"] | UInt8[Tensor, "B T X Y Z"],
    posterior: Posterior,
    class_weights: Float[Tensor, " K"],
) -> VaeLosses:
    """All terms of a batch.

    Args:
        scores: of every voxel's classes.
        voxels: the true classes; unobserved voxels count too.
        posterior: of the latents.
        class_weights: of the cross-entropy.
    """
    by_class = scores.float().transpose(1, 2).flatten(2)
    labels = voxels.flatten(1).long()
    log_probabilities = by_class.log_softmax(1)
    return VaeLosses(
        cross_entropy=cross_entropy(log_probabilities, labels, class_weights),
        lovasz=lovasz_softmax(log_probabilities.exp(), labels),
        kl=kl_divergence(posterior),
    )


def cross_entropy(
    log_probabilities: Float[Tensor, "B K P"], labels: Int[Tensor, "B P"], class_weights: Float[Tensor, " K"]
) -> Float[Tensor, ""]:
    """Weighted cross-entropy: a weighted mean over each sample's voxels, then a mean over samples."""
    picked = -log_probabilities.gather(1, labels[:, None]).squeeze(1)
    weights = class_weights.to(picked)[labels]
    return ((picked * weights).sum(1) / weights.sum(1)).mean()


def lovasz_softmax(probabilities: Float[Tensor, "B K P"], labels: Int[Tensor, "B P"]) -> Float[Tensor, ""]:
    """The Lovasz extension of 1 - IoU, a mean over each sample's classes that occur, then over samples.

    Source: M. Berman, A. Rannen Triki and M. Blaschko, "The Lovasz-Softmax loss", CVPR 2018, algorithm 1.
    """
    samples: list[Tensor] = []
    for sample, truth in zip(probabilities, labels, strict=True):
        present = truth.unique().tolist()
        terms = [_lovasz(sample[k], truth == k) for k in present]
        samples.append(torch.stack(terms).mean())
    return torch.stack(samples).mean()


def _lovasz(probability: Float[Tensor, " P"], is_class: Tensor) -> Float[Tensor, ""]:
    """Of one class, which occurs."""
    errors = torch.where(is_class, 1 - probability, probability)
    with torch.no_grad():
        # Where an error stands among the others decides its weight, which is constant between two changes of
        # their order: only the errors carry a gradient.
        order = errors.argsort(descending=True)
        hit = is_class[order]
        total = hit.sum()
        hits = hit.cumsum(0)
        misses = torch.arange(1, len(hit) + 1, device=hit.device) - hits
        jaccard = 1 - (total - hits).to(errors) / (total + misses).to(errors)
        jaccard[1:] -= jaccard[:-1].clone()
        weights = torch.empty_like(errors).scatter_(0, order, jaccard)
    return (errors * weights).sum()  # no product of matrices, which autocast would round


def kl_divergence(posterior: Posterior) -> Float[Tensor, ""]:
    """Divergence from a standard normal distribution: a mean over all latents of all planes.

    Source: D. P. Kingma and M. Welling, "Auto-encoding variational Bayes", 2014, appendix B.
    """
    total, count = torch.zeros(()), 0
    for plane, mean in posterior.mean.items():
        log_variance = posterior.log_variance[plane]
        mean, log_variance = mean.float(), log_variance.float()
        terms = 1 + log_variance - mean.square() - log_variance.exp()
        total, count = total.to(terms) - 0.5 * terms.sum(), count + terms.numel()
    return total / count
