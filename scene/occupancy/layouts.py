"""Layouts: where vehicles are, seen from above. What a generated scene can be asked to keep to."""

from jaxtyping import UInt8
from torch import Tensor
from torch.nn.functional import max_pool2d

from scene.occupancy.classes import ClassSet


def layout(
    classes: UInt8[Tensor, "T X Y Z"], class_set: ClassSet, down_size: int = 1
) -> UInt8[Tensor, "T U V"]:
    """1 where a voxel of a column is of a vehicle, else 0.

    Args:
        classes: of the voxels.
        class_set: what they mean; it says which class vehicles have.
        down_size: edge of the squares of columns that become one; what is left over at the rim is dropped.

    Raises:
        ValueError: the squares are larger than the grid.
    """
    if not 1 <= down_size <= min(classes.shape[1:3]):
        raise ValueError(f"squares of 1 to {min(classes.shape[1:3])} columns were expected, got {down_size}")
    occupied = (classes == class_set.vehicle).any(dim=3)
    pooled = max_pool2d(occupied[:, None].float(), down_size)
    return pooled[:, 0].to(classes.dtype)
