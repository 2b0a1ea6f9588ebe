"""The terms: DynamicCity's numbers, textbook forms, and laws of batches."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal
from torch.distributions import kl_divergence as torchs_divergence

from generation.rollout import PLANES
from generation.vae.losses import VaeLossConfig, cross_entropy, kl_divergence, lovasz_softmax, vae_losses
from generation.vae.model import Posterior
from scene.datasets.carlasc import CLASS_WEIGHTS
from tests.generation.vae.conftest import GoldenPass
from tests.generation.vae.golden import GOLDEN

CLASSES = 4


def naive_lovasz(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Of one sample, [K, P] and [P], by the definition: the Jaccard loss of sets that grow voxel by voxel."""
    terms: list[Tensor] = []
    for each in sorted({int(label) for label in labels}):
        truth = [int(label) == each for label in labels]
        errors = [1 - p if true else p for p, true in zip(probabilities[each], truth, strict=True)]
        wrong: set[int] = set()
        loss, total = 0.0, probabilities.new_zeros(())
        for voxel in sorted(range(len(truth)), key=lambda place: -float(errors[place].detach())):
            wrong.add(voxel)
            union = {place for place, true in enumerate(truth) if true} | wrong
            total = total + errors[voxel] * (len(wrong) / len(union) - loss)
            loss = len(wrong) / len(union)
        terms.append(total)
    return torch.stack(terms).mean()


def random_sample(seed: int, voxels: int = 12, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Scores [B, K, P] in float64 and labels."""
    random = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(batch, CLASSES, voxels, generator=random, dtype=torch.float64)
    return scores, torch.randint(CLASSES, (batch, voxels), generator=random)


def test_losses_are_dynamiccitys(golden_pass: GoldenPass) -> None:
    """Which mixes all voxels of a batch: here the batch is made one sample."""
    losses = vae_losses(
        golden_pass.scores.flatten(0, 1)[None],
        golden_pass.voxels.flatten(0, 1)[None],
        golden_pass.posterior,
        CLASS_WEIGHTS,
    )
    assert float(losses.cross_entropy) == pytest.approx(GOLDEN["loss_ce"], rel=1e-6)
    assert float(losses.lovasz) == pytest.approx(GOLDEN["loss_lovasz"], rel=1e-6)
    assert float(losses.kl) == pytest.approx(GOLDEN["loss_kl"], rel=1e-6)
    total = GOLDEN["loss_ce"] + GOLDEN["loss_lovasz"] + 0.0015 * GOLDEN["loss_kl"]
    assert float(losses.total(VaeLossConfig())) == pytest.approx(total, rel=1e-6)


def test_class_weights_are_dynamiccitys() -> None:
    assert CLASS_WEIGHTS.tolist() == pytest.approx(GOLDEN["ce_class_weight"], rel=1e-6)


def test_cross_entropy_equals_torchs() -> None:
    scores, labels = random_sample(0)
    weights = torch.tensor([1.0, 2.0, 0.5, 7.0], dtype=torch.float64)
    torch.testing.assert_close(
        cross_entropy(scores.log_softmax(1), labels, weights), F.cross_entropy(scores, labels, weights)
    )


@given(st.integers(0, 10**6), st.integers(1, 9))
def test_lovasz_equals_the_naive_loop(seed: int, voxels: int) -> None:
    scores, labels = random_sample(seed, voxels)
    scores.requires_grad_()
    found, expected = lovasz_softmax(scores.softmax(1), labels), naive_lovasz(scores.softmax(1)[0], labels[0])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, scores)[0], torch.autograd.grad(expected, scores)[0]
    )


@given(st.integers(0, 10**6))
def test_of_certain_predictions_lovasz_is_one_minus_iou(seed: int) -> None:
    scores, labels = random_sample(seed)
    predicted = scores.argmax(1)[0]
    found = lovasz_softmax(F.one_hot(predicted, CLASSES).T[None].double(), labels)
    ious = [
        ((predicted == each) & (labels[0] == each)).sum() / ((predicted == each) | (labels[0] == each)).sum()
        for each in labels.unique()
    ]
    assert float(found) == pytest.approx(1 - float(torch.stack(ious).mean()), abs=1e-6)


def test_lovasz_of_the_truth_is_zero() -> None:
    _, labels = random_sample(1)
    assert float(lovasz_softmax(F.one_hot(labels, CLASSES).movedim(-1, 1).double(), labels)) == 0


def test_lovasz_gradients_are_finite_differences() -> None:
    """Away from ties, where the order of errors is not to be had."""
    scores, labels = random_sample(2, voxels=6)
    assert torch.autograd.gradcheck(lambda x: lovasz_softmax(x.softmax(1), labels), scores.requires_grad_())


def random_posterior(seed: int, batch: int) -> Posterior:
    random = torch.Generator().manual_seed(seed)
    sizes = {plane: (batch, 3, place + 1, 2) for place, plane in enumerate(PLANES)}
    return Posterior(
        {plane: torch.randn(size, generator=random) for plane, size in sizes.items()},
        {plane: torch.randn(size, generator=random) for plane, size in sizes.items()},
    )


def test_divergence_equals_torchs() -> None:
    posterior = random_posterior(0, 2)
    terms = [
        torchs_divergence(
            Normal(posterior.mean[plane], (0.5 * posterior.log_variance[plane]).exp()), Normal(0.0, 1.0)
        ).flatten()
        for plane in PLANES
    ]
    torch.testing.assert_close(kl_divergence(posterior), torch.cat(terms).mean())


def test_divergence_of_a_standard_normal_distribution_is_zero() -> None:
    nothing = {plane: torch.zeros(1, 2, 3, 3) for plane in PLANES}
    assert float(kl_divergence(Posterior(nothing, nothing))) == 0
    away = {**nothing, "tx": torch.full((1, 2, 3, 3), 0.1)}
    assert float(kl_divergence(Posterior(away, nothing))) > 0
    assert float(kl_divergence(Posterior(nothing, away))) > 0


def test_losses_of_a_batch_are_the_mean_of_its_samples() -> None:
    """So a batch may be split; classes are rare in one sample and frequent in another."""
    random = torch.Generator().manual_seed(0)
    scores = torch.randn(3, 2, CLASSES, 3, 4, 2, generator=random)
    voxels = torch.randint(CLASSES, (3, 2, 3, 4, 2), generator=random)
    voxels[1] = voxels[1].clamp(max=1)
    voxels[2, 0] = 3
    posterior = random_posterior(1, 3)
    weights = torch.tensor([1.0, 3.0, 9.0, 27.0])
    whole = vae_losses(scores, voxels, posterior, weights)
    parts = [
        vae_losses(
            scores[row : row + 1],
            voxels[row : row + 1].byte(),
            Posterior(
                *(
                    {k: v[row : row + 1] for k, v in each.items()}
                    for each in (posterior.mean, posterior.log_variance)
                )
            ),
            weights,
        )
        for row in range(3)
    ]
    for term in ("cross_entropy", "lovasz", "kl"):
        torch.testing.assert_close(
            getattr(whole, term), torch.stack([getattr(part, term) for part in parts]).mean()
        )


def test_low_precision_scores_are_summed_in_float32() -> None:
    scores, labels = random_sample(3, voxels=64)
    voxels = labels.view(1, 1, 4, 4, 4)
    rounded = scores.bfloat16().view(1, 1, CLASSES, 4, 4, 4)
    posterior = random_posterior(0, 1)
    low, full = (
        vae_losses(each, voxels, posterior, torch.ones(CLASSES)) for each in (rounded, rounded.float())
    )
    assert low.cross_entropy.dtype == low.lovasz.dtype == torch.float32
    assert torch.equal(low.cross_entropy, full.cross_entropy)
    assert torch.equal(low.lovasz, full.lovasz)


def test_weights_of_terms() -> None:
    losses = vae_losses(
        torch.randn(1, 1, CLASSES, 2, 2, 2), torch.zeros(1, 1, 2, 2, 2, dtype=torch.uint8),
        random_posterior(0, 1), torch.ones(CLASSES),
    )  # fmt: skip
    only = VaeLossConfig(ce_weight=0.0, lovasz_weight=2.0, kl_weight=0.0)
    torch.testing.assert_close(losses.total(only), 2 * losses.lovasz)


def test_the_divergence_weighs_more_with_each_step_of_the_warm_up() -> None:
    config = VaeLossConfig(kl_warmup_steps=8)
    assert [config.kl_share(step) for step in (1, 4, 8, 9)] == [0.125, 0.5, 1.0, 1.0]
    assert VaeLossConfig().kl_share(1) == 1.0
    losses = vae_losses(
        torch.randn(1, 1, CLASSES, 2, 2, 2), torch.zeros(1, 1, 2, 2, 2, dtype=torch.uint8),
        random_posterior(0, 1), torch.ones(CLASSES),
    )  # fmt: skip
    total = losses.cross_entropy + losses.lovasz + 0.5 * config.kl_weight * losses.kl
    torch.testing.assert_close(losses.total(config, config.kl_share(4)), total)
