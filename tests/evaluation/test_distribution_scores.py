"""Laws of the scores of sets: what equal, shifted, turned and far-off sets must give."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from evaluation import distribution_scores as scores


def normal(count: int, size: int, seed: int = 0) -> Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(size: int) -> Tensor:
    return torch.linalg.qr(normal(size, size, seed=9)).Q


@pytest.mark.parametrize(("count", "size"), [(300, 8), (5, 32)], ids=["many samples", "fewer than features"])
class TestFrechetDistance:
    def test_of_a_set_to_itself(self, count: int, size: int) -> None:
        features = normal(count, size)
        assert scores.frechet_distance(features, features) == pytest.approx(0, abs=1e-9)

    def test_of_a_shift_is_its_square(self, count: int, size: int) -> None:
        features, shift = normal(count, size), normal(1, size, seed=1)
        expected = float(shift.square().sum())
        assert scores.frechet_distance(features, features + shift) == pytest.approx(expected)

    def test_turning_features_changes_nothing(self, count: int, size: int) -> None:
        first, second, turn = normal(count, size), 2 * normal(count + 3, size, seed=1), rotation(size)
        turned = scores.frechet_distance(first @ turn, second @ turn)
        assert turned == pytest.approx(scores.frechet_distance(first, second), rel=1e-6)

    def test_either_order(self, count: int, size: int) -> None:
        first, second = normal(count, size), 2 * normal(count + 3, size, seed=1) + 1
        assert scores.frechet_distance(first, second) == pytest.approx(
            scores.frechet_distance(second, first), rel=1e-6
        )

    def test_equals_the_form_by_products_of_samples(self, count: int, size: int) -> None:
        """tr (AB)^½ is the nuclear norm of X Yᵀ, which knows nothing of covariances and their roots."""
        first, second = normal(count, size), 2 * normal(count + 3, size, seed=1) + 1
        x = (first - first.mean(0)) / (len(first) - 1) ** 0.5
        y = (second - second.mean(0)) / (len(second) - 1) ** 0.5
        expected = (first.mean(0) - second.mean(0)).square().sum() + x.square().sum() + y.square().sum()
        expected -= 2 * torch.linalg.svdvals(x @ y.T).sum()
        assert scores.frechet_distance(first, second) == pytest.approx(float(expected), rel=1e-6)


def test_frechet_distance_of_gaussians() -> None:
    """Against the textbook's square root of a matrix, and the closed form where covariances commute."""
    a, b = (root @ root.T for root in (normal(6, 6, seed=1), normal(6, 6, seed=2)))
    m, n = normal(1, 6, seed=3)[0], normal(1, 6, seed=4)[0]
    root = np.real(scipy.linalg.sqrtm((a @ b).numpy()))
    expected = float((m - n).square().sum() + a.trace() + b.trace()) - 2 * np.trace(root)
    assert scores.frechet_distance_of_gaussians(m, a, n, b) == pytest.approx(expected, rel=1e-6)
    deviations, others = torch.rand(6).double(), torch.rand(6).double()
    closed = float((m - n).square().sum() + (deviations - others).square().sum())
    diagonal = scores.frechet_distance_of_gaussians(m, deviations.square().diag(), n, others.square().diag())
    assert diagonal == pytest.approx(closed)


def test_kernel_distance_against_loops() -> None:
    first, second = normal(5, 3), normal(4, 3, seed=1)

    def k(x: Tensor, y: Tensor) -> float:
        return (float(x @ y) / 3 + 1) ** 3

    def within(rows: Tensor) -> float:
        pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j]
        return sum(k(rows[i], rows[j]) for i, j in pairs) / len(pairs)

    between = sum(k(x, y) for x in first for y in second) / 20
    value, deviation = scores.kernel_distance(first, second)
    assert value == pytest.approx(within(first) + within(second) - 2 * between)
    assert deviation == 0


def test_kernel_distance_is_unbiased() -> None:
    """Of sets that are alike it is negative as often as positive, and its mean is 0 within its error."""
    values = torch.tensor(
        [scores.kernel_distance(normal(20, 4, seed=s), normal(20, 4, seed=1000 + s))[0] for s in range(300)]
    )
    error = float(values.std()) / 300**0.5
    assert abs(float(values.mean())) < 3 * error
    assert 0.25 < float((values < 0).double().mean()) < 0.75
    shifted = scores.kernel_distance(normal(20, 4), normal(20, 4, seed=1) + 1)[0]
    assert shifted > float(values.max())


def test_kernel_distance_by_subsets() -> None:
    first, second = normal(60, 4), normal(80, 4, seed=1) + 0.5
    whole, _ = scores.kernel_distance(first, second)
    value, deviation = scores.kernel_distance(first, second, subsets=200, subset_size=30)
    assert value == pytest.approx(whole, abs=4 * deviation / 200**0.5)
    assert deviation > 0
    assert scores.kernel_distance(first, second, subset_size=30, subsets=5) == scores.kernel_distance(
        first, second, subset_size=30, subsets=5
    )


class TestPrecisionRecall:
    def test_of_a_set_to_itself(self) -> None:
        features = normal(50, 6)
        assert scores.precision_recall(features, features) == (1, 1)

    def test_of_sets_far_apart(self) -> None:
        assert scores.precision_recall(normal(50, 6), normal(50, 6, seed=1) + 100) == (0, 0)

    def test_one_of_two_kinds_is_never_generated(self) -> None:
        reference = torch.cat([normal(40, 3), normal(40, 3, seed=1) + 100])
        precision, recall = scores.precision_recall(reference, normal(40, 3))
        assert (precision, recall) == (1, 0.5)

    def test_against_loops(self) -> None:
        reference, generated = normal(30, 2), normal(25, 2, seed=1) * 1.5

        def share(samples: Tensor, others: Tensor) -> float:
            radii = [sorted(float((o - p).norm()) for p in others)[3] for o in others]
            hits = [any((s - o).norm() <= r for o, r in zip(others, radii, strict=True)) for s in samples]
            return sum(hits) / len(hits)

        precision, recall = scores.precision_recall(reference, generated)
        assert 0 < recall < 1
        assert (precision, recall) == (share(generated, reference), share(reference, generated))


def test_copies_are_told_from_new_samples() -> None:
    training = normal(100, 4)
    copies = scores.nearest_neighbours(training[:40] + 1e-4, training)
    assert copies.ratio < 0.01
    assert copies.copied_share == 1
    new = scores.nearest_neighbours(normal(100, 4, seed=1), training)
    assert 0.8 < new.ratio < 1.25
    assert new.copied_share < 0.1
    assert new.training.shape == (100,)


def test_training_samples_that_are_all_alike() -> None:
    same = torch.ones(4, 2).double()
    assert scores.nearest_neighbours(same, same).ratio == 1
    assert scores.nearest_neighbours(same + 1, same).ratio == float("inf")


def test_compare_gathers_them() -> None:
    reference, generated = normal(40, 3).float(), normal(30, 3, seed=1).float()
    found = scores.compare(reference, generated)
    assert found.fid == scores.frechet_distance(reference, generated)
    assert (found.precision, found.recall) == scores.precision_recall(reference, generated)
    assert (found.reference_samples, found.generated_samples) == (40, 30)


def test_too_few_samples() -> None:
    few, many = normal(1, 3), normal(9, 3)
    with pytest.raises(ValueError, match="two samples, got 1"):
        scores.frechet_distance(few, many)
    with pytest.raises(ValueError, match="got 9 and 1"):
        scores.kernel_distance(many, few)
    with pytest.raises(ValueError, match="more than 3 samples"):
        scores.precision_recall(normal(3, 3), many)
    with pytest.raises(ValueError, match="1 training"):
        scores.nearest_neighbours(many, few)
