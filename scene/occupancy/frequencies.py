"""How often classes occur, and the weights that let a loss care about rare ones."""

from collections.abc import Sequence

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from scene.occupancy.scenes import OccupancyScene

_EPSILON = 1e-10


def class_weights(counts: Int64[Tensor, " C"]) -> Float64[Tensor, " C"]:
    """Weights of classes in a cross-entropy: 1 for the most frequent, about 2000 for one that never occurs.

    Args:
        counts: voxels of each class.

    Raises:
        ValueError: there are no voxels.

    Source: the weights that SemCity and DynamicCity train with, (max share / (share + 1e-10))^(1/3) with
        share = count / (total + 1e-10).
    """
    total = int(counts.sum())
    if total == 0:
        raise ValueError("weights of classes were asked for, but no voxels were counted")
    shares = counts.double() / (total + _EPSILON)
    return (shares.max() / (shares + _EPSILON)) ** (1 / 3)


def count_classes(scenes: Sequence[OccupancyScene], every: int = 1) -> Int64[Tensor, " C"]:
    """Voxels of each class over scenes that share a set of classes.

    Args:
        scenes: what to count in; at least one.
        every: of this many frames one is read.

    Raises:
        UserError: a file is missing or broken.
        ValueError: there is no scene, or the sets of classes differ.
    """
    names = {scene.class_set.name for scene in scenes}
    if len(names) != 1:
        raise ValueError(f"scenes with one set of classes were expected, got {sorted(names) or 'none'}")
    counts = torch.zeros(len(scenes[0].class_set), dtype=torch.int64)
    for scene in scenes:
        for frame in range(0, len(scene), every):
            classes, _ = scene.read_frame(frame)
            counts += torch.bincount(classes.flatten().long(), minlength=len(counts))
    return counts
