"""Which frames are compared, and what longer flows start from."""

import pytest
import torch
from torch import Tensor

from dynamic_predictor.flow_depth.ladder import chain, neighbors_of_frames
from tests.dynamic_predictor.flow_depth.scenes import ExactFlow, cameras, numbered


def test_a_chain_of_flows_is_the_flow_over_both() -> None:
    path = cameras(3, (0.1, 0.0, 0.0))
    flow, frames = ExactFlow(path), numbered(3)
    found = chain(flow(frames[0], frames[1]), flow(frames[1], frames[2]))
    error = (found - flow(frames[0], frames[2])).norm(dim=-1)
    assert error[:, 4:-4].max() < 0.01


@pytest.mark.parametrize(("count", "rungs"), [(1, 2), (2, 1), (7, 3), (5, 4), (6, 0)])
def test_every_frame_has_its_neighbours_at_powers_of_two(count: int, rungs: int) -> None:
    calls: list[tuple[int, int]] = []

    def flow(source: Tensor, target: Tensor, initial: Tensor | None = None) -> Tensor:
        first, second = int(source[0, 0, 0]), int(target[0, 0, 0])
        calls.append((first, second))
        distance = float(second - first)
        if abs(distance) > 1:
            assert initial is not None
            torch.testing.assert_close(initial, torch.full_like(initial, distance))
        else:
            assert initial is None
        return torch.full((*source.shape[:2], 2), distance)

    found = list(neighbors_of_frames(numbered(count), rungs, flow))
    assert [index for index, _ in found] == list(range(count))
    for index, neighbors in found:
        expected = {index + sign * 2**rung for rung in range(rungs) for sign in (-1, 1)} & set(range(count))
        assert {neighbor.index for neighbor in neighbors} == expected
        assert len(neighbors) == len(expected)
        for neighbor in neighbors:
            assert neighbor.forward[0, 0, 0] == neighbor.index - index
            assert torch.equal(neighbor.backward, -neighbor.forward)
    assert len(calls) == len(set(calls))
