"""Counts against naive loops, and what the scores of hand-made voxels must be."""

import pytest
import torch
from torch import Tensor

from evaluation.occupancy_scores import ConfusionCounts

CLASSES = 5


def voxels(seed: int, *shape: int) -> Tensor:
    drawn = torch.Generator().manual_seed(seed)
    return torch.randint(0, CLASSES - 1, shape, generator=drawn, dtype=torch.uint8)  # the last is absent


@pytest.fixture
def case() -> tuple[Tensor, Tensor, Tensor]:
    invalid = voxels(3, 2, 4, 4, 3) == 0
    return voxels(1, 2, 4, 4, 3), voxels(2, 2, 4, 4, 3), invalid


def naive(predicted: Tensor, truth: Tensor, invalid: Tensor) -> tuple[list[float], float, float]:
    """IoU of each class, mIoU and binary IoU in percent, voxel by voxel."""
    rows = list(zip(predicted.flatten().tolist(), truth.flatten().tolist(), strict=True))
    rows = [row for row, unseen in zip(rows, invalid.flatten().tolist(), strict=True) if not unseen]

    def iou(own: int) -> float:
        both = sum(p == own and t == own for p, t in rows)
        either = sum(own in (p, t) for p, t in rows)
        return 100 * both / either if either else 0.0

    ious = [iou(own) for own in range(CLASSES)]
    present = [own for own in range(1, CLASSES) if any(t == own for _, t in rows)]
    occupied = sum(p > 0 and t > 0 for p, t in rows), sum(p > 0 or t > 0 for p, t in rows)
    return ious, sum(ious[own] for own in present) / len(present), 100 * occupied[0] / occupied[1]


def test_equals_naive_loops(case: tuple[Tensor, Tensor, Tensor]) -> None:
    counts = ConfusionCounts.of(*case, classes=CLASSES)
    ious, miou, binary = naive(*case)
    assert counts.class_iou.tolist() == pytest.approx(ious)
    assert counts.miou == pytest.approx(miou)
    assert counts.iou == pytest.approx(binary)
    assert counts.removed_share == pytest.approx(case[2].float().mean().item())
    right = (case[0] == case[1])[~case[2]]
    assert counts.accuracy == pytest.approx(100 * right.float().mean().item())


def test_counts_add_up(case: tuple[Tensor, Tensor, Tensor]) -> None:
    predicted, truth, invalid = case
    parts = [ConfusionCounts.of(predicted[t], truth[t], invalid[t], classes=CLASSES) for t in range(2)]
    whole = ConfusionCounts.of(*case, classes=CLASSES)
    total = sum(parts, start=ConfusionCounts.none(CLASSES))
    assert torch.equal(total.as_tensor(), whole.as_tensor())
    assert torch.equal(ConfusionCounts.from_tensor(whole.as_tensor()).class_iou, whole.class_iou)
    assert whole.as_tensor().dtype == torch.int64


def test_what_equals_the_truth_is_perfect() -> None:
    truth = voxels(1, 4, 4, 4)
    counts = ConfusionCounts.of(truth, truth, classes=CLASSES)
    assert (counts.miou, counts.iou, counts.accuracy) == pytest.approx((100, 100, 100))
    assert counts.removed_share == 0
    assert counts.present.tolist() == [True, True, True, True, False]
    assert counts.class_iou[-1] == 0


def test_a_class_only_predicted_leaves_the_mean_alone() -> None:
    """It costs the class that it took the place of, and has no row of its own."""
    truth, predicted = torch.tensor([0, 1, 1, 2]), torch.tensor([0, 1, 4, 2])
    counts = ConfusionCounts.of(predicted, truth, classes=CLASSES)
    assert counts.miou == pytest.approx((50 + 100) / 2)
    assert counts.iou == pytest.approx(100)


def test_nothing_but_free_space() -> None:
    empty = torch.zeros(3, 3, dtype=torch.uint8)
    counts = ConfusionCounts.of(empty, empty, classes=CLASSES)
    assert (counts.miou, counts.iou) == (0, 0)
    assert ConfusionCounts.none(CLASSES).removed_share == 0


def test_classes_out_of_range() -> None:
    good = torch.zeros(3, dtype=torch.uint8)
    with pytest.raises(ValueError, match="predicted holds classes 5 to 5 of 5"):
        ConfusionCounts.of(good + 5, good, classes=CLASSES)
    with pytest.raises(ValueError, match="truth holds classes 0 to 7"):
        ConfusionCounts.of(good, torch.tensor([0, 7, 1]), classes=CLASSES)
