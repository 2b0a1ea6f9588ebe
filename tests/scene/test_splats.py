"""Splats: raw and activated forms, choices, degrees."""

from dataclasses import replace

import pytest
import torch

from scene import Splats


def test_activation_and_its_inverse(tiny_splats: Splats) -> None:
    active = tiny_splats.activated()
    assert not active.raw
    torch.testing.assert_close(active.scales.log(), tiny_splats.scales)
    torch.testing.assert_close(active.opacities.logit(), tiny_splats.opacities)
    torch.testing.assert_close(active.quats.norm(dim=-1), torch.ones(8, dtype=torch.float64))
    again = active.activated()
    for name in ("means", "quats", "scales", "opacities", "sh"):
        torch.testing.assert_close(getattr(again, name), getattr(active, name))


def test_rows_are_chosen_in_every_table(tiny_splats: Splats) -> None:
    splats = replace(tiny_splats, features=torch.rand(8, 2, dtype=torch.float64), sh_degree=1)
    mask = torch.arange(8) % 3 == 0
    chosen = splats.select(mask)
    assert len(chosen) == 3
    assert (chosen.raw, chosen.sh_degree) == (True, 1)
    for name in ("means", "quats", "scales", "opacities", "sh", "features"):
        assert torch.equal(getattr(chosen, name), getattr(splats, name)[mask])
        assert torch.equal(getattr(splats.select(mask.nonzero()[:, 0]), name), getattr(chosen, name))
    assert len(splats.select(torch.zeros(8, dtype=torch.bool))) == 0


@pytest.mark.parametrize(("coefficients", "degree"), [(1, 0), (4, 1), (9, 2), (16, 3)])
def test_degree_is_what_sh_stores_or_less(tiny_splats: Splats, coefficients: int, degree: int) -> None:
    sh = tiny_splats.sh[:, :coefficients]
    assert replace(tiny_splats, sh=sh, sh_degree=None).sh_degree == degree
    assert replace(tiny_splats, sh=sh, sh_degree=0).sh_degree == 0
    with pytest.raises(ValueError, match=f"stores degree {degree}"):
        replace(tiny_splats, sh=sh, sh_degree=degree + 1)


def test_a_number_of_coefficients_that_is_no_degree(tiny_splats: Splats) -> None:
    with pytest.raises(ValueError, match="5 coefficients"):
        replace(tiny_splats, sh=tiny_splats.sh[:, :5], sh_degree=None)


def test_every_tensor_moves(tiny_splats: Splats) -> None:
    moved = replace(tiny_splats, features=torch.rand(8, 1, dtype=torch.float64)).to("meta")
    tensors = (moved.means, moved.quats, moved.scales, moved.opacities, moved.sh, moved.features)
    assert all(tensor is not None and tensor.is_meta for tensor in tensors)
