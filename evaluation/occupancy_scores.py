"""How well voxels with classes agree with the truth: counts that add up, and IoU and mIoU of them.

Source: the semantic scene completion benchmark of SemanticKITTI (J. Behley et al., ICCV 2019), as DynamicCity
reports it: free space has no part in the mean, nor has a class that the truth does not hold, and counts are
summed over all frames before anything is divided.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64, Int64, Shaped
from torch import Tensor

from scene.occupancy.classes import FREE

EPSILON = 1e-10
"""Added to denominators, so that a class that neither side holds scores 0."""


@dataclass(frozen=True)
class ConfusionCounts:
    """Voxels by outcome. Counts of disjoint voxels add up: `first + second`.

    Args:
        true_positives: voxels of each class that were predicted as that class.
        false_positives: voxels that were predicted as a class which they are not.
        false_negatives: voxels of a class that were predicted as another.
        removed: voxels that were left out because nothing observed them; a scalar.
    """

    true_positives: Int64[Tensor, "C"]
    false_positives: Int64[Tensor, "C"]
    false_negatives: Int64[Tensor, "C"]
    removed: Int64[Tensor, ""]

    @classmethod
    def of(
        cls,
        predicted: Shaped[Tensor, "*shape"],
        truth: Shaped[Tensor, "*shape"],
        invalid: Bool[Tensor, "*shape"] | None = None,
        *,
        classes: int,
    ) -> "ConfusionCounts":
        """Counts of some voxels, on the device they are on.

        Args:
            predicted: class of each voxel, any integer type.
            truth: the same of the truth.
            invalid: voxels to be left out; None = none of them.
            classes: how many there are, free space included.

        Raises:
            ValueError: a class is out of range.
        """
        pairs = truth.long() * classes + predicted.long()
        for name, voxels in (("predicted", predicted), ("truth", truth)):
            if voxels.numel() and not 0 <= int(voxels.min()) <= int(voxels.max()) < classes:
                raise ValueError(
                    f"{name} holds classes {int(voxels.min())} to {int(voxels.max())} of {classes}"
                )
        kept = pairs.flatten() if invalid is None else pairs[~invalid]
        confusion = torch.bincount(kept, minlength=classes**2).reshape(classes, classes)
        hits = confusion.diagonal()
        return cls(
            true_positives=hits.clone(),
            false_positives=confusion.sum(0) - hits,
            false_negatives=confusion.sum(1) - hits,
            removed=torch.as_tensor(pairs.numel() - kept.numel(), device=pairs.device),
        )

    @classmethod
    def none(cls, classes: int) -> "ConfusionCounts":
        """Counts of no voxel: where a sum begins."""
        return cls.from_tensor(torch.zeros(3 * classes + 1, dtype=torch.int64))

    def __add__(self, other: "ConfusionCounts") -> "ConfusionCounts":
        return self.from_tensor(self.as_tensor() + other.as_tensor().to(self.removed.device))

    def as_tensor(self) -> Int64[Tensor, "N"]:
        """All counts in one tensor of 3 C + 1 numbers, which processes can sum."""
        return torch.cat(
            [self.true_positives, self.false_positives, self.false_negatives, self.removed.reshape(1)]
        )

    @classmethod
    def from_tensor(cls, counts: Int64[Tensor, "N"]) -> "ConfusionCounts":
        """What `as_tensor` gave, or a sum of such."""
        hits, false_positives, false_negatives = counts[:-1].reshape(3, -1)
        return cls(hits, false_positives, false_negatives, counts[-1])

    @property
    def class_iou(self) -> Float64[Tensor, "C"]:
        """Intersection over union of each class, in percent; 0 for classes that neither side holds."""
        return 100 * _ratio(
            self.true_positives, self.true_positives + self.false_positives + self.false_negatives
        )

    @property
    def present(self) -> Bool[Tensor, "C"]:
        """Classes that the truth holds."""
        return self.true_positives + self.false_negatives > 0

    @property
    def miou(self) -> float:
        """Mean IoU of the classes that the truth holds, free space aside, in percent; 0 if it holds none."""
        counted = self.present.clone()
        counted[FREE] = False
        return float(self.class_iou[counted].mean()) if bool(counted.any()) else 0.0

    @property
    def iou(self) -> float:
        """IoU of occupied space against free space, whatever the classes, in percent."""
        # What was free and taken for occupied counts as missed by the class of free space, and so on.
        wrong = self.false_positives[FREE] + self.false_negatives[FREE]
        occupied = self.scored - self.true_positives[FREE]
        return 100 * float(_ratio(occupied - wrong, occupied))

    @property
    def accuracy(self) -> float:
        """Voxels with the right class, in percent; free space counts."""
        return 100 * float(_ratio(self.true_positives.sum(), self.scored))

    @property
    def scored(self) -> Int64[Tensor, ""]:
        """How many voxels were counted."""
        return (self.true_positives + self.false_negatives).sum()

    @property
    def removed_share(self) -> float:
        """Voxels that were left out as a share of all, from 0 to 1."""
        return float(_ratio(self.removed, self.removed + self.scored))


def _ratio(part: Int64[Tensor, "*shape"], whole: Int64[Tensor, "*shape"]) -> Float64[Tensor, "*shape"]:
    return part.double() / (whole.double() + EPSILON)
