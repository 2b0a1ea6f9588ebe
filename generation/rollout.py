"""Six feature planes laid out on one image, as a transformer over patches wants them, and back.

A scene of T frames is held by six planes, one for each pair of axes of (t, x, y, z). The padded rollout puts
them beside each other so that cells with a common coordinate share a row or a column where that is possible:

         y    z    t
    x    xy   xz   tx
    t    ty   tz   -
    z    yz   -    -

Planes whose first axis runs along columns are transposed; what no plane covers is padding.

Source: Bian et al., "DynamicCity: Large-Scale 4D Occupancy Generation from Dynamic Scenes", ICLR 2025,
section 4.3.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int64, Shaped
from torch import Tensor

from core.errors import UserError

PLANES = ("xy", "xz", "yz", "tx", "ty", "tz")
"""Names of the planes in their order; the letters are the axes, rows first."""

SPATIAL, TEMPORAL = PLANES[:3], PLANES[3:]
"""The planes without time, and those with it."""

AXES = ("t", "x", "y", "z")
"""In the order of a sequence's dimensions."""

PATCH = 2
"""Edge of the transformer's patches as published, cells."""

_ROW_BANDS = "xtz"
_COLUMN_BANDS = "yzt"


class LatentSize(NamedTuple):
    """Cells of the planes along each axis.

    Args:
        t: along time.
        x: forward.
        y: to the left.
        z: up.
    """

    t: int
    x: int
    y: int
    z: int

    @property
    def rollout_shape(self) -> tuple[int, int]:
        """Rows and columns of the rollout, cells."""
        return self.x + self.t + self.z, self.y + self.z + self.t

    def plane_shape(self, plane: str) -> tuple[int, int]:
        """Rows and columns of a plane of that name, cells."""
        return getattr(self, plane[0]), getattr(self, plane[1])


class _Place(NamedTuple):
    """Where a plane lies on the rollout."""

    rows: slice
    columns: slice
    transposed: bool


def _bands(axes: str, size: LatentSize) -> dict[str, slice]:
    """The band of each axis along one side of the rollout."""
    bands, start = {}, 0
    for axis in axes:
        bands[axis] = slice(start, start + getattr(size, axis))
        start = bands[axis].stop
    return bands


def _places(size: LatentSize) -> dict[str, _Place]:
    rows, columns = _bands(_ROW_BANDS, size), _bands(_COLUMN_BANDS, size)
    transposed = {"yz", "tx"}
    return {
        plane: _Place(rows[plane[1]], columns[plane[0]], True)
        if plane in transposed
        else _Place(rows[plane[0]], columns[plane[1]], False)
        for plane in PLANES
    }


def size_of(planes: Mapping[str, Shaped[Tensor, "*batch h w"]]) -> LatentSize:
    """The size that six planes have together.

    Raises:
        ValueError: a plane is missing, or two disagree about an axis.
    """
    if set(planes) != set(PLANES):
        raise ValueError(f"the planes {', '.join(PLANES)} were expected, got {', '.join(planes)}")
    (x, y), (t, z) = planes["xy"].shape[-2:], planes["tz"].shape[-2:]
    size = LatentSize(t, x, y, z)
    for name, plane in planes.items():
        if tuple(plane.shape[-2:]) != size.plane_shape(name):
            raise ValueError(
                f"plane {name} has {list(plane.shape[-2:])} cells where the others leave "
                f"{list(size.plane_shape(name))}"
            )
    return size


def roll_out(planes: Mapping[str, Shaped[Tensor, "*batch h w"]]) -> Shaped[Tensor, "*batch H W"]:
    """Lay six planes out on one image; padding is zero.

    Args:
        planes: by name, of any type, all with the same leading dimensions.

    Raises:
        ValueError: a plane is missing, or two disagree about an axis.
    """
    size = size_of(planes)
    first = planes["xy"]
    rollout = first.new_zeros((*first.shape[:-2], *size.rollout_shape))
    for name, place in _places(size).items():
        plane = planes[name]
        rollout[..., place.rows, place.columns] = plane.mT if place.transposed else plane
    return rollout


def unroll(rollout: Shaped[Tensor, "*batch H W"], size: LatentSize) -> dict[str, Tensor]:
    """The six planes of a rollout, as views of it; the exact inverse of `roll_out`.

    Raises:
        ValueError: the rollout has another shape than planes of that size make.
    """
    if tuple(rollout.shape[-2:]) != size.rollout_shape:
        raise ValueError(
            f"planes of {size} make a rollout of {size.rollout_shape}, got {tuple(rollout.shape[-2:])}"
        )
    planes = {}
    for name, place in _places(size).items():
        cut = rollout[..., place.rows, place.columns]
        planes[name] = cut.mT if place.transposed else cut
    return planes


def plane_ids(size: LatentSize) -> Int64[Tensor, "H W"]:
    """Which plane each cell of the rollout belongs to: 1 + its place in `PLANES`; 0 = padding."""
    # On the CPU by name: a network that is built on the meta device, without memory, needs it too.
    return roll_out(
        {
            plane: torch.full(size.plane_shape(plane), number, dtype=torch.int64, device="cpu")
            for number, plane in enumerate(PLANES, start=1)
        }
    )


def cell_mask(size: LatentSize) -> Bool[Tensor, "H W"]:
    """Which cells of the rollout belong to a plane."""
    return plane_ids(size) > 0


def patch_size(size: LatentSize, patch: int = PATCH) -> LatentSize:
    """The size in patches.

    Args:
        size: of the planes.
        patch: edge of a patch, cells.

    Raises:
        UserError: an axis is no multiple of it, so that a patch would lie on two planes.
    """
    odd = [f"{axis} has {cells}" for axis, cells in size._asdict().items() if cells % patch or cells < 1]
    if odd:
        raise UserError(
            f"patches of {patch} x {patch} need a multiple of {patch} latent cells along each axis, but "
            f"{' and '.join(odd)}; choose other patches, or sizes and downsampling that leave multiples"
        )
    return LatentSize(*(cells // patch for cells in size))


def token_index(size: LatentSize, patch: int = PATCH) -> Int64[Tensor, "N"]:
    """Flat places, row by row, of the patches that lie on planes. The rest is padding and left out.

    Raises:
        UserError: an axis is no multiple of the patches' edge.
    """
    return cell_mask(patch_size(size, patch)).flatten().nonzero()[:, 0]
