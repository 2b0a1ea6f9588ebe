"""What is known: a rule held against loops and against planes that are true projections."""

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.errors import UserError
from generation.diffusion import Known
from generation.painting import inpainting, known_cells, outpainting
from generation.rollout import PLANES, LatentSize, cell_mask, unroll

SIZE = LatentSize(2, 4, 6, 2)
FACTORS = (2, 2, 1, 4)


def random_region(seed: int, share: float) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    shape = [cells * factor for cells, factor in zip(SIZE, FACTORS, strict=True)]
    return torch.rand(shape, generator=random) < share


def projections(world: Tensor, size: LatentSize) -> dict[str, Tensor]:
    """Planes [1, 1, h, w] that are means over blocks and over the axes that a plane lacks."""
    shape = [
        each for cells, voxels in zip(size, world.shape, strict=True) for each in (cells, voxels // cells)
    ]
    blocks = world.reshape(shape).mean(dim=(1, 3, 5, 7))
    return {
        plane: blocks.mean(dim=[place for place, axis in enumerate("txyz") if axis not in plane])[None, None]
        for plane in PLANES
    }


@given(st.integers(0, 1000), st.sampled_from([0.9, 0.98, 0.995]))
def test_a_cell_is_known_when_all_its_voxels_are(seed: int, share: float) -> None:
    region = random_region(seed, share)
    for plane, cells in known_cells(region, SIZE).items():
        for row, column in product(*map(range, cells.shape)):
            box = [slice(None)] * 4
            for axis, cell in zip(plane, (row, column), strict=True):
                place = "txyz".index(axis)
                box[place] = slice(cell * FACTORS[place], (cell + 1) * FACTORS[place])
            assert bool(cells[row, column]) == bool(region[tuple(box)].all())


@given(st.integers(0, 1000))
def test_known_cells_do_not_depend_on_what_is_unknown(seed: int) -> None:
    region = random_region(seed, 0.98)
    world = torch.rand(region.shape, dtype=torch.float64)
    other = torch.where(region, world, world + 1)
    first = inpainting(projections(world, SIZE), region)
    second = inpainting(projections(other, SIZE), region)
    mask = first.mask[0, 0]
    assert torch.equal(mask, second.mask[0, 0])
    assert torch.equal(first.rollout[..., mask], second.rollout[..., mask])
    assert (first.rollout < second.rollout)[..., cell_mask(SIZE) & ~mask].all()


def test_all_none_and_a_half() -> None:
    region = torch.ones(4, 8, 6, 8, dtype=torch.bool)
    planes = {name: plane.expand(3, 5, -1, -1) for name, plane in projections(region.double(), SIZE).items()}
    assert torch.equal(inpainting(planes, region).mask[0, 0], cell_mask(SIZE))
    assert not inpainting(planes, ~region).mask.any()
    region[:, 4:] = False
    cells = known_cells(region, SIZE)
    assert {plane: float(cells[plane].float().mean()) for plane in PLANES} == {
        "xy": 0.5, "xz": 0.5, "tx": 0.5, "yz": 0.0, "ty": 0.0, "tz": 0.0,
    }  # fmt: skip


def planes_of(known: Known, what: str) -> dict[str, Tensor]:
    return unroll(known.rollout[0, 0] if what == "rollout" else known.mask[0, 0], SIZE)


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("cells", [None, 1, -1, -2])
def test_the_overlap_of_two_windows_is_known(axis: str, cells: int | None) -> None:
    """Two windows of a longer world: what is known of the second is what projections of the second are."""
    place = "txyz".index(axis)
    length = SIZE[place]
    shift = (length // 2 if cells is None else cells) * FACTORS[place]
    shape = [each * factor for each, factor in zip(SIZE, FACTORS, strict=True)]
    shape[place] *= 3
    world = torch.rand(shape, dtype=torch.float64)
    start = length * FACTORS[place]
    old, new = (world.narrow(place, begin, start) for begin in (start, start + shift))
    known = outpainting(projections(old, SIZE), axis, cells)
    values, masks, truth = planes_of(known, "rollout"), planes_of(known, "mask"), projections(new, SIZE)
    for plane in PLANES:
        mask = masks[plane]
        torch.testing.assert_close(values[plane][mask], truth[plane][0, 0][mask])
        overlap = (length - abs(shift) // FACTORS[place]) / length if axis in plane else 0.0
        assert float(mask.float().mean()) == pytest.approx(overlap)


def test_other_planes_can_be_kept() -> None:
    planes = projections(torch.rand(4, 8, 6, 8), SIZE)
    known = outpainting(planes, "x", keep_others=True)
    for plane in ("yz", "ty", "tz"):
        assert planes_of(known, "mask")[plane].all()
        assert torch.equal(planes_of(known, "rollout")[plane], planes[plane][0, 0])


def test_what_does_not_fit_is_explained() -> None:
    with pytest.raises(UserError, match="9 along x is no multiple"):
        known_cells(torch.ones(4, 9, 6, 8, dtype=torch.bool), SIZE)
    planes = projections(torch.rand(4, 8, 6, 8), SIZE)
    for cells in (0, 4, -4):
        with pytest.raises(UserError, match="1 to 3 cells"):
            outpainting(planes, "x", cells)
