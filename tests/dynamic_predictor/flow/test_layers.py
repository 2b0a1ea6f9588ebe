"""Convex upsampling and the motion encoder."""

import pytest
import torch

from dynamic_predictor.flow.layers import MotionEncoder, positions, upsample


def test_a_constant_flow_is_upsampled_to_eight_times_itself() -> None:
    flow = torch.tensor([1.5, -0.5]).view(1, 2, 1, 1).expand(2, 2, 5, 6)
    fine = upsample(flow, torch.randn(2, 576, 5, 6))
    assert fine.shape == (2, 2, 40, 48)
    inner = fine[:, :, 8:-8, 8:-8]  # the border mixes in what is off the image, which is 0
    torch.testing.assert_close(inner, (8 * flow[:, :, :1, :1]).expand_as(inner))


def test_fine_values_lie_between_those_of_their_neighbourhood() -> None:
    flow = torch.rand(1, 2, 4, 5)
    fine = upsample(flow, 3 * torch.randn(1, 576, 4, 5)).view(1, 2, 4, 8, 5, 8)
    highest = 8 * torch.nn.functional.max_pool2d(flow, 3, stride=1, padding=1)[:, :, :, None, :, None]
    assert bool((fine <= highest + 1e-6).all())
    assert bool((fine >= 0).all())


@pytest.mark.parametrize(("neighbour", "row", "column"), [(4, 3, 6), (1, 0, 0), (5, 7, 2)])
def test_logits_run_over_neighbours_then_fine_rows_then_columns(
    neighbour: int, row: int, column: int
) -> None:
    flow = torch.arange(2 * 3 * 3, dtype=torch.float32).view(1, 2, 3, 3)
    logits = torch.zeros(1, 9, 8, 8, 3, 3)
    logits[:, neighbour, row, column] = 100.0
    fine = upsample(flow, logits.view(1, 576, 3, 3))
    y, x = 1 + neighbour // 3 - 1, 1 + neighbour % 3 - 1
    torch.testing.assert_close(fine[0, :, 8 + row, 8 + column], 8 * flow[0, :, y, x])


def test_the_motion_ends_with_the_flow_itself() -> None:
    flow = torch.randn(1, 2, 4, 5)
    motion = MotionEncoder()(flow, torch.randn(1, 324, 4, 5))
    assert torch.equal(motion[:, 126:], flow)
    assert bool((motion[:, :126] >= 0).all())


def test_positions_count_from_the_first_pixel() -> None:
    here = positions(torch.zeros(2, 7, 3, 4))
    assert here.shape == (1, 2, 3, 4)
    assert here[0, :, 2, 3].tolist() == [3.0, 2.0]
