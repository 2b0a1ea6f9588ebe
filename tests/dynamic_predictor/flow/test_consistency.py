"""Samples at moved pixels and the forward-backward check."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from dynamic_predictor.flow.consistency import consistent, inside, sample


def constant(x: float, y: float, height: int = 12, width: int = 17) -> torch.Tensor:
    return torch.tensor([x, y], dtype=torch.float64).expand(height, width, 2).clone()


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_samples_of_a_ramp_are_the_moved_positions_kept_inside(x: float, y: float) -> None:
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(17.0), indexing="ij")
    ramp = torch.stack([columns, rows], dim=-1).double()
    there = sample(ramp, constant(x, y))
    expected = (ramp + constant(x, y)).clamp(torch.zeros(2), torch.tensor([16.0, 11.0]))
    torch.testing.assert_close(there, expected, atol=1e-9, rtol=0)


def test_the_target_may_have_another_size_and_other_channels() -> None:
    target = torch.rand(5, 9, 3)
    there = sample(target, torch.zeros(4, 6, 2))
    torch.testing.assert_close(there, target[:4, :6])


@given(st.floats(-4, 4), st.floats(-4, 4))
def test_a_flow_and_its_inverse_agree_wherever_the_target_is_inside(x: float, y: float) -> None:
    forward = constant(x, y)
    assert torch.equal(consistent(forward, -forward), inside(forward))


def test_inside_counts_pixel_centres() -> None:
    assert inside(constant(2.0, 0.0)).sum() == 12 * (17 - 2)
    assert inside(constant(0.0, -3.5)).sum() == (12 - 4) * 17
    assert inside(constant(2.0, 0.0), (19, 12)).all()


@given(st.floats(0.0, 30.0), st.floats(0.0, 3.0))
def test_the_tolerance_is_that_of_sundaram(motion: float, gap: float) -> None:
    forward, backward = constant(0.0, motion, 80, 3), constant(gap, -motion, 80, 3)
    limit = 0.01 * (2 * motion**2 + gap**2) + 0.5
    if abs(gap**2 - limit) > 1e-9:
        assert bool(consistent(forward, backward)[0, 0]) == (gap**2 < limit)


def test_each_flow_is_compared_where_it_leads() -> None:
    # The left half moves 8 px right, onto a place whose flow back belongs to something else.
    forward, backward = constant(0.0, 0.0, 4, 16), constant(0.0, 0.0, 4, 16)
    forward[:, :4, 0] = 8.0
    backward[:, 10:12, 0] = -8.0
    expected = torch.ones(4, 16, dtype=torch.bool)
    expected[:, :2] = False  # led to columns 8 and 9, which say they came from there
    expected[:, 10:12] = False
    assert torch.equal(consistent(forward, backward), expected)
