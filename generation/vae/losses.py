"""What the autoencoder minimises. Every term is a mean over the samples of a batch.

So a batch may be split over steps or processes, and the sum over its parts is the same. (DynamicCity mixes
all voxels of a batch; the two agree for batches of one, which it is trained with.)
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from generation.vae.encoder import Voxels
from generation.vae.model import Posterior


@dataclass(frozen=True)
class VaeLossConfig:
    """How the terms weigh."""

    ce_weight: float = 1.0
    """Cross-entropy, with rare classes weighing more."""
    lovasz_weight: float = 1.0
    """Lovasz softmax: a smooth stand-in for the intersection over union."""
    kl_weight: float = 0.0015
    """Divergence of the latents from a standard normal distribution."""
    kl_warmup_steps: int = 0
    """Over which its weight rises from 0: planes that are of no use yet would be pressed flat for good."""

    def kl_share(self, step: int) -> float:
        """Of the divergence's weight in a step, counted from 1."""
        return min(1.0, step / max(1, self.kl_warmup_steps))


@dataclass(frozen=True)
class VaeLosses:
    """The terms, unweighted."""

    cross_entropy: Float[Tensor, ""]
    lovasz: Float[Tensor, ""]
    kl: Float[Tensor, ""]

    def total(self, config: VaeLossConfig, kl_share: float = 1.0) -> Float[Tensor, ""]:
        """Their weighted sum.

        Args:
            config: the weights.
            kl_share: of the divergence's weight.
        """
        return (
            config.ce_weight * self.cross_entropy
            + config.lovasz_weight * self.lovasz
            + kl_share * config.kl_weight * self.kl
        )


def vae_losses(
    scores: Float[Tensor, "B T K X Y Z"],
    voxels: Voxels,
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
        present = truth.unique()
        is_class = truth == present[:, None]
        errors = torch.where(is_class, 1 - sample[present], sample[present])
        # A sum of products, not a product of matrices, which autocast would round.
        samples.append((errors * _weights_by_rank(errors.detach(), is_class)).sum() / len(present))
    return torch.stack(samples).mean()


def _weights_by_rank(errors: Float[Tensor, "K P"], is_class: Bool[Tensor, "K P"]) -> Float[Tensor, "K P"]:
    """By how much IoU falls with each voxel, class by class, if voxels are lost in the order of their errors.

    It is constant between two changes of their order, so that only the errors carry a gradient.
    """
    order = errors.argsort(dim=1, descending=True)
    hits = is_class.gather(1, order).cumsum(1, dtype=torch.int32)
    total = hits[:, -1:]
    misses = torch.arange(1, hits.shape[1] + 1, device=hits.device, dtype=torch.int32) - hits
    jaccard = 1 - (total - hits).to(errors) / (total + misses).to(errors)
    falls = jaccard.diff(dim=1, prepend=jaccard.new_zeros(len(jaccard), 1))
    return torch.empty_like(errors).scatter_(1, order, falls)


def kl_divergence(posterior: Posterior) -> Float[Tensor, ""]:
    """Divergence from a standard normal distribution: a mean over all latents of all planes.

    Source: D. P. Kingma and M. Welling, "Auto-encoding variational Bayes", 2014, appendix B.
    """
    terms: list[Tensor] = []
    for plane, mean in posterior.mean.items():
        log_variance = posterior.log_variance[plane].float()
        terms.append((1 + log_variance - mean.float().square() - log_variance.exp()).flatten())
    return -0.5 * torch.cat(terms).mean()
