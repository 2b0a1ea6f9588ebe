"""Rollouts: the map of the paper, an exact inverse, and what is padding."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.errors import UserError
from generation.rollout import (
    PLANES,
    LatentSize,
    cell_mask,
    patch_size,
    plane_ids,
    roll_out,
    size_of,
    token_index,
    unroll,
)
from tests.generation.golden import GOLDEN

CARLASC = LatentSize(8, 64, 64, 4)
sizes = st.builds(LatentSize, *[st.integers(1, 6)] * 4)
sizes_in_patches = st.builds(LatentSize, *[st.integers(1, 4)] * 4)


def planes_of(size: LatentSize, batch: int = 2, channels: int = 3) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    return {
        plane: 1 + torch.rand(batch, channels, *size.plane_shape(plane), generator=random) for plane in PLANES
    }


@given(sizes)
def test_unroll_undoes_roll_out(size: LatentSize) -> None:
    planes = planes_of(size)
    rollout = roll_out(planes)
    assert tuple(rollout.shape) == (2, 3, *size.rollout_shape)
    assert size_of(planes) == size
    back = unroll(rollout, size)
    assert list(back) == list(PLANES)
    for name, plane in planes.items():
        assert torch.equal(back[name], plane)


@given(sizes)
def test_what_is_no_plane_is_zero(size: LatentSize) -> None:
    rollout, mask = roll_out(planes_of(size)), cell_mask(size)
    assert (rollout[..., mask] >= 1).all()
    assert (rollout[..., ~mask] == 0).all()
    t, x, y, z = size
    assert int((~mask).sum()) == t * t + z * z + z * t
    assert int(mask.sum()) == x * y + x * z + y * z + t * x + t * y + t * z


def test_map_of_planes() -> None:
    assert plane_ids(LatentSize(2, 8, 8, 4)).tolist() == GOLDEN["plane_ids"]


def test_cells_with_a_common_x_share_a_row() -> None:
    """A plane that only tells x tells it along the rows, whichever plane it is."""
    size = LatentSize(2, 6, 4, 8)
    along_x = torch.arange(1.0, 7.0)
    planes = {plane: torch.zeros(size.plane_shape(plane)) for plane in PLANES}
    planes["xy"], planes["xz"] = along_x[:, None].expand(6, 4), along_x[:, None].expand(6, 8)
    planes["tx"] = along_x.expand(2, 6)
    rollout = roll_out(planes)
    assert torch.equal(rollout[:6], along_x[:, None].expand(6, 14))
    assert not rollout[6:].any()


def test_counts_of_carlasc() -> None:
    assert CARLASC.rollout_shape == (76, 76)
    assert int(cell_mask(CARLASC).sum()) == 5664
    assert len(token_index(CARLASC)) == 1416


@given(sizes_in_patches, st.integers(1, 4))
def test_tokens_are_the_patches_on_planes(in_patches: LatentSize, patch: int) -> None:
    """Each kept patch lies on one plane whole, each other one is padding whole."""
    size = LatentSize(*(patch * count for count in in_patches))
    rows, columns = size.rollout_shape
    patches = plane_ids(size).view(rows // patch, patch, columns // patch, patch).transpose(1, 2)
    patches = patches.reshape(-1, patch * patch)
    assert torch.equal(patches, patches[:, :1].expand(-1, patch * patch))
    assert torch.equal(token_index(size, patch), patches[:, 0].nonzero()[:, 0])


def test_odd_sizes_are_explained() -> None:
    with pytest.raises(UserError, match="y has 25"):
        patch_size(LatentSize(4, 50, 25, 8))
    with pytest.raises(UserError, match="multiple of 4 latent cells along each axis, but t has 6"):
        patch_size(LatentSize(6, 48, 48, 4), 4)


def test_planes_that_do_not_fit_are_refused() -> None:
    planes = planes_of(LatentSize(2, 6, 4, 8))
    with pytest.raises(ValueError, match="plane tx has"):
        roll_out({**planes, "tx": planes["tx"][..., :-1]})
    with pytest.raises(ValueError, match="were expected"):
        roll_out({name: plane for name, plane in planes.items() if name != "tz"})
    with pytest.raises(ValueError, match="make a rollout"):
        unroll(roll_out(planes), LatentSize(2, 4, 6, 8))
